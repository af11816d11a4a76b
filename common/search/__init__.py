"""Where a model meets an index: what a terminal, an evaluation and a server search with.

    embedder.py   which space a base and its adapter make, and the encoder that a query needs
    folders.py    where an index is
    querying.py   from a query to its searcher and its vector; picks the adapter where that is left open

In: the folder of an index. Out: units for queries. May import: common.models, common.adapters, common.retrieval.
"""
