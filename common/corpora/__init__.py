"""Data for code search: pairs to train on, retrieval sets to be measured with, and mining both from source code.

Comes in: JSONL pairs, BEIR folders, source files, the running interpreter's own standard library.
Goes out: `Pair` and `RetrievalSet` records, the `Problem`s met while reading, and a `CorpusReport` that accounts for
every function seen.

    lines.py             reading JSONL line by line, with the place of everything that is wrong
    pairs.py             training pairs (query, document)
    beir.py              retrieval sets (queries, corpus, qrels)
    functions.py         the record of one function, whatever its language
    python_functions.py  functions from Python source
    rules.py             which functions make a good pair
    neardup.py           near-duplicates, contamination
    splits.py            whole groups into train, dev and test
    search_corpus.py     from functions to a split, clean corpus and its report
    stdlib.py            the corpus every machine has: the standard library

May import: common.errors, common.config, common.runs. No torch, no ray, no transformers.
"""
