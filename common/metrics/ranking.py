"""From scores to one value per query: MRR, NDCG@10, recall@1/5/10 and more, equal to trec_eval, ties included.

trec_eval holds a score in single precision and puts, among equal scores, the greater document id first. A full sort
of every row is not needed for that: the place of a relevant document is one plus the documents that score higher plus
the equal ones that precede it, and every metric here follows from the places of the relevant documents alone.

Axes: Q queries of one block, D documents of the pool.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Qrels = Mapping[str, Mapping[str, int]]
"""Query id → document id → grade; a grade of zero or less means judged and not relevant."""

Run = Mapping[str, Mapping[str, float]]
"""Query id → document id → score, of the documents that were retrieved."""

Gain = Literal["linear", "exponential"]
"""What a grade is worth in NDCG: itself (trec_eval's ndcg_cut), or 2^grade − 1 (the CodeSearchNet Challenge)."""

PerQuery = dict[str, np.ndarray]
"""Metric → (Q,) float64, in the order of the queries."""

NDCG_CUT = 10
RECALL_CUTS = (1, 5, 10)
METRICS = ("mrr", f"ndcg@{NDCG_CUT}", *(f"recall@{k}" for k in RECALL_CUTS))
"""What every report holds."""

PRECISION_CUT = 6
XLCOST_CUT = 100
CODE2CODE_METRICS = (*METRICS, f"precision@{PRECISION_CUT}", "xlcost_mrr")
"""What reports hold besides where a query has several right answers. `precision@6` is the share of relevant documents
among the first six places, whether or not there are six (trec_eval's P_6, XLCoST's Precision@6). `xlcost_mrr` is what
XLCoST's evaluator prints as MRR: the mean of 1/place over all relevant documents among the first 100 places, zero where
there is none. It falls when a further relevant document is found late, and a perfect ranking of four stays at 0.52."""


@dataclass(frozen=True)
class Pool:
    """The documents behind the columns of a score matrix; made once and used for every block of queries."""

    column: Mapping[str, int]
    """Document id → column."""
    precedence: np.ndarray
    """(D,) place of each column among documents of equal score, 0 first."""

    @classmethod
    def of(cls, ids: Sequence[str]) -> Pool:
        """The pool whose column `i` is document `ids[i]`; raises ValueError where an id comes twice."""
        column = {document: i for i, document in enumerate(ids)}
        if len(column) != len(ids):
            raise ValueError(f"{len(ids) - len(column)} document ids come more than once in the pool")
        precedence = np.empty(len(ids), dtype=np.int64)
        # trec_eval compares UTF-8 bytes; that order is the order of code points, which is how Python compares
        precedence[sorted(range(len(ids)), key=ids.__getitem__, reverse=True)] = np.arange(len(ids))
        return cls(column, precedence)


def evaluate_block(
    scores: np.ndarray,
    queries: Sequence[str],
    pool: Pool,
    qrels: Qrels,
    *,
    gain: Gain = "linear",
    metrics: Sequence[str] = METRICS,
) -> PerQuery:
    """Metrics of one block of queries over the whole pool.

    `scores` is (Q, D), rounded to float32 before it is compared; MRR is not cut. A relevant document that is not in
    the pool counts as never found. Raises ValueError on a wrong shape, on NaN, and on a query without a relevant
    document: its value would be arbitrary, so whoever calls leaves it out and says so.
    """
    scores = np.asarray(scores)
    if scores.shape != (len(queries), len(pool.column)):
        raise ValueError(f"scores are {scores.shape}, not {(len(queries), len(pool.column))} (queries, documents)")
    table = np.empty((len(queries), len(metrics)), dtype=np.float64)
    for line, row, query in zip(table, scores, queries, strict=True):
        found = relevant(qrels, query)
        places, worth = _places(row, pool, found), gains(list(found.values()), gain)
        line[:] = [_MEASURES[metric](places, worth) for metric in metrics]
    return {metric: table[:, i] for i, metric in enumerate(metrics)}


def evaluate_run(run: Run, queries: Sequence[str], qrels: Qrels, *, gain: Gain = "linear") -> PerQuery:
    """Metrics of retrieved lists; a query that the run does not answer scores zero instead of vanishing."""
    blocks = []
    for query in queries:
        retrieved = run.get(query, {})
        row = np.array([list(retrieved.values())], dtype=np.float64)
        blocks.append(evaluate_block(row, [query], Pool.of(list(retrieved)), qrels, gain=gain))
    return join(blocks)


def join(blocks: Sequence[PerQuery]) -> PerQuery:
    """The blocks' values one after the other; without a block, the metrics of every report with no value."""
    metrics = blocks[0] if blocks else METRICS
    return {metric: np.concatenate([np.empty(0), *(block[metric] for block in blocks)]) for metric in metrics}


def relevant(qrels: Qrels, query: str) -> dict[str, int]:
    """The documents with a positive grade; raises ValueError where there is none."""
    found = {document: grade for document, grade in qrels.get(query, {}).items() if grade > 0}
    if not found:
        raise ValueError(f"query {query!r} has no relevant document")
    return found


def gains(grades: Sequence[int], gain: Gain) -> np.ndarray:
    """What positive grades are worth in NDCG, float64."""
    worth = np.asarray(grades, dtype=np.float64)
    return np.exp2(worth) - 1 if gain == "exponential" else worth


def dcg(ordered: np.ndarray) -> float:
    """Discounted cumulative gain of the first `NDCG_CUT` gains: gain at place i over log2(i + 1)."""
    head = ordered[:NDCG_CUT]
    return float((head / np.log2(np.arange(2, len(head) + 2))).sum())


def _places(row: np.ndarray, pool: Pool, found: Mapping[str, int]) -> np.ndarray:
    """Places of the relevant documents, counted from 1; infinite for one that is not in the pool."""
    with np.errstate(over="ignore"):  # trec_eval's narrowing overflows to infinity as well
        row = row.astype(np.float32, copy=False)
    if np.isnan(row).any():
        raise ValueError("a score is NaN")
    places = np.full(len(found), np.inf)
    known = {i: pool.column[document] for i, document in enumerate(found) if document in pool.column}
    if known:
        rivals = np.flatnonzero(row >= row[list(known.values())].min())  # nothing lower can come before any of them
        scores, precedence = row[rivals], pool.precedence[rivals]
        for i, column in known.items():
            before = (scores == row[column]) & (precedence < pool.precedence[column])
            places[i] = 1 + np.count_nonzero(scores > row[column]) + np.count_nonzero(before)
    return places


def _ndcg(places: np.ndarray, worth: np.ndarray) -> float:
    seen = places <= NDCG_CUT
    return float((worth[seen] / np.log2(places[seen] + 1)).sum()) / dcg(np.sort(worth)[::-1])


def _xlcost_mrr(places: np.ndarray, worth: np.ndarray) -> float:
    seen = places[places <= XLCOST_CUT]
    return float((1 / seen).mean()) if len(seen) else 0.0


def _recall(k: int) -> Callable[[np.ndarray, np.ndarray], float]:
    return lambda places, worth: float((places <= k).mean())


# metric → function of the places of the relevant documents and of what each is worth
_MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "mrr": lambda places, worth: float(1 / places.min()),
    f"ndcg@{NDCG_CUT}": _ndcg,
    **{f"recall@{k}": _recall(k) for k in RECALL_CUTS},
    f"precision@{PRECISION_CUT}": lambda places, worth: np.count_nonzero(places <= PRECISION_CUT) / PRECISION_CUT,
    "xlcost_mrr": _xlcost_mrr,
}
