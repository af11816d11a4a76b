"""Training and scoring search adapters: what `jobs.train_search`, `jobs.evaluate_search` and `jobs.search_code` run.

    config.py         configurations of the three jobs
    data.py           from `data` in a configuration to pairs on disk and retrieval sets
    plan.py           --dry-run
    pipeline.py       train_search, step by step
    language_wise.py  one such pipeline per language, side by side
    evaluation.py     BM25, base, adapter, hybrid on one retrieval set, under each protocol; vectors.py keeps vectors
    languages.py      the same on several sets, with macro and micro means
    table.py          what people read

May import: common, jobs.training, jobs.mining, jobs.indexing.
"""
