"""Finding documents for a query: by words (BM25), by vectors (FAISS), and by both (rank fusion).

    tokens.py, lexical.py, dense.py, fusion.py   words, BM25 in memory, unit vectors, rank fusion: for evaluation
    weighting.py      how much each leg counts, chosen on a dev split
    nearest.py, negatives.py, consistency.py     hard negatives and consistent pairs
    schema.py, store.py   the store of an index in SQLite; space.py: whose vectors it holds
    words_index.py, vector_index.py (vector_rules.py: layout, vector_refining.py: ranking again, vector_file.py: file),
    derived.py        what is derived from the store
    filters.py, searcher.py   a search: filters, both legs, units
    routing.py, query_language.py, query_cues.py   which language's adapter a query gets

In: ids with texts or vectors. Out: score matrices (queries × documents) for evaluation, top-k lists for search, and
from those the rules that choose hard negatives and consistent pairs; units for a search of an index.
An index is derived from what it was given and can be made again at any time. May import: numpy, bm25s, faiss; no model
code, so vectors come in ready-made.
"""
