"""How BM25 and a dense ranking become one, and how much each counts, chosen on a dev split.

Two kinds of fusion. `rrf` is that of `common.retrieval.fusion` with weights. `scores` is a convex combination of scaled
scores, (score − floor) / (highest score of the query − floor): the theoretical min-max scaling of Bruch, Gai and Ingber
(An Analysis of Fusion Functions for Hybrid Retrieval, ACM TOIS 2023), who find that it beats RRF as soon as a few
queries are there to choose the weight on. BM25's floor is 0. For cosines they take −1; here it is the mean cosine of a
query and a document on the dev split, because the cosines of many bases lie in a narrow band far above −1, in which no
weight of a small grid would fit. Highest score and floor are known from any top-k list, so that serving, which has two
such lists (`apply_lists`), gives a document that is in both the score that an evaluation gives it (`apply`).

Axes: Q queries, D documents.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from common.metrics.ranking import NDCG_CUT, Gain, Pool, Qrels, evaluate_block
from common.retrieval.fusion import K, mean_ranks

WEIGHTS = tuple(tenth / 10 for tenth in range(10))
"""Weights of BM25 that are tried: from 0, the dense ranking alone, for sets on which words only do harm, to 0.9."""
RANK_CONSTANTS = (10.0, float(K))
"""Constants of RRF that are tried: the paper's, and one with which the first places count for more."""
METRIC = f"ndcg@{NDCG_CUT}"
Document = TypeVar("Document", bound=Hashable)


@dataclass(frozen=True)
class Fusion:
    """How two rankings become one. The default is RRF as published, for which nothing need be known of the scores."""

    lexical: float = 0.5
    """Weight of BM25; the two weights are not negative and sum to 1."""
    dense: float = 0.5
    method: Literal["rrf", "scores"] = "rrf"
    k: float = K
    """For `rrf`: the constant that is added to ranks."""
    floor: float = 0.0
    """For `scores`: the cosine of a query and a document that have nothing to do with each other."""

    def __post_init__(self) -> None:
        """Raise ValueError for weights that are none."""
        if min(self.lexical, self.dense) < 0 or not np.isclose(self.lexical + self.dense, 1):
            raise ValueError(f"weights must be at least 0 and sum to 1, not {self.lexical} and {self.dense}")
        if self.method not in ("rrf", "scores"):
            raise ValueError(f"the method is rrf or scores, not {self.method!r}")


EQUAL = Fusion()


def apply(fusion: Fusion, lexical: np.ndarray, dense: np.ndarray) -> np.ndarray:
    """(Q, D) float64 from BM25 scores and cosines, both (Q, D); −inf means "not in this ranking" and adds nothing.

    Raises ValueError on differing shapes or NaN.
    """
    if np.ndim(lexical) != 2 or np.shape(lexical) != np.shape(dense):
        shapes = f"{np.shape(lexical)} and {np.shape(dense)}"
        raise ValueError(f"need two score matrices of one shape (queries, documents), got {shapes}")
    return fusion.lexical * _parts(fusion, lexical, 0.0) + fusion.dense * _parts(fusion, dense, fusion.floor)


def apply_lists(
    fusion: Fusion, lexical: Sequence[tuple[Document, float]], dense: Sequence[tuple[Document, float]]
) -> list[tuple[Document, float]]:
    """(document, score), best first, from lists of (document, score) in any order; equal scores keep the order met.

    A document that a list lacks gets nothing from it: it counts as one at the floor, or far down. What `apply` gives on
    the whole pool comes out where both lists are complete, with `scores` also where each holds its best document and
    all documents of the other. Raises ValueError where a list names a document twice or a score is NaN.
    """
    total: dict[Document, float] = {}
    for found, weight, floor in ((lexical, fusion.lexical, 0.0), (dense, fusion.dense, fusion.floor)):
        documents = [document for document, _ in found]
        if len(set(documents)) != len(documents):
            raise ValueError("a document comes twice in one ranking")
        scores = np.array([score for _, score in found], dtype=np.float64)
        for document, part in zip(documents, _part(fusion, scores, floor), strict=True):
            total[document] = total.get(document, 0.0) + weight * float(part)
    return sorted(total.items(), key=lambda item: -item[1])


def choose(
    lexical: np.ndarray,
    dense: np.ndarray,
    queries: Sequence[str],
    pool: Pool,
    qrels: Qrels,
    *,
    gain: Gain = "linear",
    towards: float = 0.0,
) -> Fusion:
    """The fusion for a set like this one, from BM25 scores and cosines (Q, D) of its queries over the whole pool.

    The grid is every weight of `WEIGHTS` with `scores` and with RRF at each of `RANK_CONSTANTS`. The best mean NDCG@10
    leads. A setting whose paired difference to it is within one standard error cannot be told from it with these
    queries, and the grid's best is always partly luck; so of all such settings the one with BM25's weight nearest to
    `towards` is taken (the one-standard-error rule of Breiman et al., Classification and Regression Trees, 1984). That
    is 0, the dense ranking alone: words count as far as this split shows that they help. It gives away a part of what
    the hybrid can gain and loses least where words do harm (`benchmarks/hybrid.py --towards` has both). Among the
    equally near the better mean counts, then the order of the grid: BM25's lower weight first.
    Raises ValueError as `apply` and `evaluate_block` do, and where there is no query.
    """
    if not len(queries):
        raise ValueError("need at least one query to choose weights on")
    floor = float(np.mean(dense, dtype=np.float64))
    kinds = [Fusion(method="scores", floor=floor), *(Fusion(method="rrf", k=k) for k in RANK_CONSTANTS)]
    tried: dict[Fusion, np.ndarray] = {}
    for kind in kinds:
        of_words, of_vectors = _parts(kind, lexical, 0.0), _parts(kind, dense, floor)
        for weight in WEIGHTS:
            setting = Fusion(weight, 1 - weight, kind.method, kind.k, kind.floor)
            scores = weight * of_words + (1 - weight) * of_vectors
            tried[setting] = evaluate_block(scores, queries, pool, qrels, gain=gain, metrics=[METRIC])[METRIC]
    best = max(tried.values(), key=np.mean)
    close = [setting for setting, values in tried.items() if _within_error(best - values)]
    return min(close, key=lambda setting: (round(abs(setting.lexical - towards), 9), -tried[setting].mean()))


def _within_error(difference: np.ndarray) -> bool:
    """Whether the mean of (Q,) differences is no larger than its standard error, which one query does not give."""
    if len(difference) == 1:
        return True
    return bool(difference.mean() <= difference.std(ddof=1) / np.sqrt(len(difference)))


def _parts(fusion: Fusion, scores: np.ndarray, floor: float) -> np.ndarray:
    parts = np.empty(np.shape(scores), dtype=np.float64)
    for row, part in zip(scores, parts, strict=True):
        part[:] = _part(fusion, row, floor)
    return parts


def _part(fusion: Fusion, row: np.ndarray, floor: float) -> np.ndarray:
    """What one ranking (D,) gives each document before its weight."""
    if fusion.method == "rrf":
        return np.where(np.isneginf(row), 0.0, 1 / (fusion.k + mean_ranks(row)))
    if np.isnan(row).any():
        raise ValueError("a score is NaN")
    there = ~np.isneginf(row)
    if not there.any():
        return np.zeros(len(row))
    row = np.asarray(row, dtype=np.float64)
    top = row.max()
    if top <= floor:  # nothing rises above it: the lowest score is the floor then, so that the order is kept
        floor = row.min(initial=top, where=there)
    spread = top - floor
    return np.where(there, (row - floor) / spread, 0.0) if spread > 0 else np.zeros(len(row))
