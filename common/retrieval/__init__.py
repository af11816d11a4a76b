"""Finding documents for a query: by words (BM25), by vectors (FAISS), and by both (rank fusion).

In: ids with texts or vectors. Out: score matrices (queries × documents) for evaluation, top-k lists for search, and
from those the rules that choose hard negatives and consistent pairs.
An index is derived from what it was given and can be made again at any time; what is true is kept elsewhere. May
import: numpy, bm25s, faiss; no model code, so vectors come in ready-made.
"""
