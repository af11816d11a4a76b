"""Search by cosine similarity, exact: FAISS `IDMap,Flat` over unit vectors, good up to about a million of them.

Axes: Q queries, N or D documents, H the dimension of the vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import faiss
import numpy as np


def unit(vectors: np.ndarray) -> np.ndarray:
    """(N, H) float32 rows of length 1, a new array; a zero row stays zero. Raises ValueError on NaN and infinity."""
    vectors = np.asarray(vectors, dtype=np.float32, order="C")
    if vectors.ndim != 2:
        raise ValueError(f"vectors must have two axes (rows, dimension), got shape {vectors.shape}")
    if not np.isfinite(vectors).all():
        raise ValueError("a vector holds NaN or infinity")
    lengths = np.sqrt(np.einsum("nh,nh->n", vectors, vectors, dtype=np.float64))[:, None]  # float32 squares overflow
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0, casting="same_kind")


class DenseIndex:
    """Vectors under integer ids, compared by cosine."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._index = faiss.IndexIDMap(faiss.IndexFlatIP(dimension))

    def __len__(self) -> int:
        return self._index.ntotal

    def add(self, ids: Sequence[int] | np.ndarray, vectors: np.ndarray) -> None:
        """Add (N, H) vectors under N new ids; raises ValueError on another dimension, count or a known id."""
        numbers, rows = np.asarray(ids, dtype=np.int64), self._checked(vectors)
        if numbers.shape != (len(rows),):
            raise ValueError(f"{len(numbers)} ids for {len(rows)} vectors")
        known = np.isin(numbers, faiss.vector_to_array(self._index.id_map))
        if known.any() or len(np.unique(numbers)) != len(numbers):  # FAISS would keep both and return both
            raise ValueError("an id is in the index already, or comes twice; remove it first")
        self._index.add_with_ids(rows, numbers)

    def remove(self, ids: Sequence[int] | np.ndarray) -> int:
        """Forget these ids; returns how many were there."""
        return int(self._index.remove_ids(faiss.IDSelectorBatch(np.asarray(ids, dtype=np.int64))))

    def top(self, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids (Q, K) int64 and cosines (Q, K) float32, best first, equal ones by rising id; K = min(k, size)."""
        rows, k = self._checked(vectors), min(k, len(self))
        if k < 1:
            return np.empty((len(rows), 0), dtype=np.int64), np.empty((len(rows), 0), dtype=np.float32)
        scores, ids = self._index.search(rows, k)
        order = np.lexsort((ids, -scores), axis=1)
        return np.take_along_axis(ids, order, axis=1), np.take_along_axis(scores, order, axis=1)

    def _checked(self, vectors: np.ndarray) -> np.ndarray:
        _same_dimension(np.shape(vectors)[-1], self.dimension)
        return unit(vectors)


def _same_dimension(given: int, wanted: int) -> None:
    if given != wanted:
        raise ValueError(f"vectors have {given} dimensions where {wanted} are needed: were they made by another model?")
