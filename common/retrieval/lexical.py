"""BM25 over code, exact and in memory.

The variant is the one bm25s documents as its standard: Lucene's term weight and never-negative idf (Kamphuis et al.,
Which BM25 do you mean?, 2020), k1 = 1.5, b = 0.75. It is the baseline every learned system is held against, so
nothing in it is tuned.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import bm25s
import numpy as np

from common.retrieval.tokens import tokenise

K1, B, METHOD = 1.5, 0.75, "lucene"


class LexicalIndex:
    """An immutable BM25 index; column `i` of every score array is document `ids[i]`."""

    def __init__(self, ids: Sequence[str], texts: Sequence[str]) -> None:
        """Index the texts; raises ValueError where there is none, or ids repeat or are not as many as texts."""
        if len(ids) != len(texts) or len(set(ids)) != len(ids) or not ids:
            counts = f"{len(ids)} ids, {len(set(ids))} of them distinct, {len(texts)} texts"
            raise ValueError(f"need at least one text and one distinct id for each: {counts}")
        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG and writes into our logs
        self.ids = tuple(ids)
        self._vocabulary = {"": 0}  # bm25s wants at least one word; no text holds this one
        corpus = [[self._vocabulary.setdefault(word, len(self._vocabulary)) for word in tokenise(t)] for t in texts]
        self._bm25 = bm25s.BM25(k1=K1, b=B, method=METHOD)
        if any(corpus):  # bm25s divides by the mean length; without it no query has a known word either
            self._bm25.index((corpus, self._vocabulary), show_progress=False)

    def __len__(self) -> int:
        return len(self.ids)

    def scores(self, query: str) -> np.ndarray:
        """(D,) float32, zero for a document that shares no word with the query."""
        words = [self._vocabulary[word] for word in tokenise(query) if word in self._vocabulary]
        if not words:
            return np.zeros(len(self), dtype=np.float32)
        return self._bm25.get_scores_from_ids(words)

    def scores_matrix(self, queries: Sequence[str]) -> np.ndarray:
        """(Q, D) float32: 4·Q·D bytes, so a large evaluation comes with one block of queries at a time."""
        matrix = np.empty((len(queries), len(self)), dtype=np.float32)
        for row, query in zip(matrix, queries, strict=True):
            row[:] = self.scores(query)
        return matrix

    def top(self, query: str, k: int) -> list[tuple[str, float]]:
        """At most `k` (id, score), best first, equal scores in the order of the index; only what shares a word."""
        scores = self.scores(query)
        order = np.argsort(-scores, kind="stable")[: max(k, 0)]
        return [(self.ids[i], float(scores[i])) for i in order if scores[i] > 0]
