"""Building an index over a source tree, or over the documents of a corpus.

config.py     what is indexed, and with which adapters
changes.py    which files are new, changed or gone
parsing.py    from files to units, in shards, here or over Ray
embedding.py  from texts to vectors: here where they are few, else over a pool of Ray actors
pipeline.py   the job, step by step
checking.py   whether an index is what its store says
"""
