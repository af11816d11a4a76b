"""Data: pairs to train search on, retrieval sets to be measured with; tasks to write code for; problems with tests.

Comes in: JSONL pairs, BEIR folders, source files, the running interpreter's own standard library.
Goes out: `Pair` and `RetrievalSet` records, the `Problem`s met while reading, and a `CorpusReport` that accounts for
every function seen.

    lines.py             reading JSONL line by line, with the place of everything that is wrong
    pairs.py             training pairs (query, document)
    beir.py              retrieval sets (queries, corpus, qrels)
    pair_store.py        pairs on disk, by row
    splits.py            whole groups into train, dev and test
    search_corpus.py     from functions to a split, clean corpus and its report
    own_pairs.py         the same from pairs, as a stream; decontamination.py
    selection.py         what goes where, from hashes and signatures; benchmarks.py, what may not be learnt
    mining/              functions of ten languages, filter rules, near-duplicates, the walk
    sources/             published data sets
    problems/            programming problems with tests, and candidate programs
    microproblems/       small programming problems from a seed, in APPS' layout
    instructions/        tasks and answers for generation, from six sources
    stdlib.py            the corpus every machine has: the standard library

May import: common.errors, common.config, common.runs. No torch, no ray, no transformers.
"""
