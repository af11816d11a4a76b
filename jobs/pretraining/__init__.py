"""The stand-in base: a tiny Llama that has read the standard library. What `jobs.train_standin` runs.

    config.py    the job's fields
    text.py      library → tokenizer and rows of tokens; the modules that our corpora hold out are left out
    loop.py      the loop on a Ray Train worker: Muon for matrices, AdamW for the rest, exact resumption
    pipeline.py  text → training → a folder with weights, tokenizer and model card

In: the interpreter's own library. Out: RUN/model, which is what `common/models/standin` ships. May import: common,
jobs.training, jobs.ray_session.
"""
