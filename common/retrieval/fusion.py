"""One ranking out of several: reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009).

A document's score is the sum over the rankings of weight / (k + rank), ranks from 1, k = 60 as in the paper. Only
ranks enter, so BM25 scores and cosines need no common scale.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np

K = 60
D = TypeVar("D", bound=Hashable)


def fuse(scores: Sequence[np.ndarray], *, weights: Sequence[float] | None = None, k: float = K) -> np.ndarray:
    """(Q, D) float64 from several (Q, D) score matrices.

    Equal scores share the mean of their ranks, so that the order of the columns decides nothing (most of a BM25 row is
    zero). A score of −inf means "not in this ranking" and adds nothing. Raises ValueError on differing shapes or NaN.
    """
    shapes = {np.shape(matrix) for matrix in scores}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 2:
        raise ValueError(f"need score matrices of one shape (queries, documents), got {[np.shape(m) for m in scores]}")
    fused = np.zeros(shape, dtype=np.float64)
    for matrix, weight in zip(scores, _weights(weights, len(scores)), strict=True):
        for row, total in zip(np.asarray(matrix), fused, strict=True):
            total += np.where(np.isneginf(row), 0.0, weight / (k + mean_ranks(row)))
    return fused


def fuse_lists(
    rankings: Sequence[Sequence[D]], *, weights: Sequence[float] | None = None, k: float = K
) -> list[tuple[D, float]]:
    """(document, score), best first, from lists of documents that are best first; equal scores keep the order met."""
    total: dict[D, float] = {}
    for ranking, weight in zip(rankings, _weights(weights, len(rankings)), strict=True):
        for rank, document in enumerate(dict.fromkeys(ranking), start=1):
            total[document] = total.get(document, 0.0) + weight / (k + rank)
    return sorted(total.items(), key=lambda item: -item[1])


def mean_ranks(row: np.ndarray) -> np.ndarray:
    """(D,) ranks of (D,) scores, 1 for the highest; equal scores get the mean of the ranks they take up."""
    if np.isnan(row).any():
        raise ValueError("a score is NaN")
    _, group, size = np.unique(-row, return_inverse=True, return_counts=True)
    return (np.cumsum(size) - (size - 1) / 2)[group]


def _weights(weights: Sequence[float] | None, count: int) -> Sequence[float]:
    if weights is None:
        return [1.0] * count
    if len(weights) != count:
        raise ValueError(f"{len(weights)} weights for {count} rankings")
    return weights
