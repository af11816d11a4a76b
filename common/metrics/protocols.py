"""Three answers to "what counts as found?" on one set: strict, copies merged, and all solutions of a problem relevant.

Benchmarks of code repeat themselves: the same text stands in several rows, and the same problem has several
solutions. The strict protocol accepts the judged rows only. `collapsed` and `multi_positive` say what a user would see.
All three read the same score matrix, so whatever the scores depend on (the idf of BM25, ranks before fusion) is that of
the whole pool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from common.metrics.ranking import METRICS, Gain, PerQuery, Pool, Qrels, evaluate_block


@dataclass(frozen=True)
class Protocol:
    """Who is relevant to whom in which pool, and how to find that pool in the score matrix of all documents."""

    pool: Pool
    qrels: Qrels
    metrics: tuple[str, ...] = METRICS
    columns: np.ndarray | None = None
    """(P,) the matrix's columns that make up the pool; none = all of them."""
    hidden: Mapping[str, int] = field(default_factory=dict)
    """Query → the column of `pool` that it must not find."""
    unanswerable: frozenset[str] = frozenset()
    """Queries without a relevant document under this protocol; they are not scored."""

    def evaluate(self, scores: np.ndarray, queries: Sequence[str], gain: Gain) -> PerQuery:
        """Metrics of those of the Q queries that can be answered; `scores` is (Q, D) over all documents."""
        rows = [row for row, query in enumerate(queries) if query not in self.unanswerable]
        asked = [queries[row] for row in rows]
        if len(rows) < len(queries):
            scores = scores[rows]
        if self.columns is not None:
            scores = scores[:, self.columns]
        if any(query in self.hidden for query in asked):
            scores = scores.astype(np.float32)
            for row, query in enumerate(asked):
                if query in self.hidden:
                    scores[row, self.hidden[query]] = -np.inf
        return evaluate_block(scores, asked, self.pool, self.qrels, gain=gain, metrics=self.metrics)


def strict(documents: Sequence[str], qrels: Qrels) -> Protocol:
    """The judgements as given, over all documents."""
    return Protocol(Pool.of(documents), qrels)


def collapsed(documents: Mapping[str, str], qrels: Qrels) -> Protocol | None:
    """Documents of equal text become one, the first of them; None where no text comes twice.

    `documents` maps ids to texts as the ranker reads them. The best judgement of any copy counts for the merged one.
    """
    first: dict[str, str] = {}
    for document, text in documents.items():
        first.setdefault(text, document)
    if len(first) == len(documents):
        return None
    merged = {query: _merge(grades, documents, first) for query, grades in qrels.items()}
    kept = set(first.values())
    columns = np.array([column for column, document in enumerate(documents) if document in kept])
    return Protocol(Pool.of(list(first.values())), merged, columns=columns)


def multi_positive(
    queries: Mapping[str, str],
    documents: Mapping[str, str],
    problems: Mapping[str, str],
    qrels: Qrels,
    metrics: tuple[str, ...],
) -> Protocol | None:
    """Every solution of a problem that has a relevant solution is relevant; None where that changes nothing.

    `problems` maps document ids to the problem they solve, for those that name one. A further solution gets the best
    grade of its problem. XLCoST's evaluator counts like this. A document with the id *and* the text of the query is
    the query itself, as in a pool that is searched with its own entries: it is hidden from that query and its judgement
    does not count (XLCoST needs no such rule: its queries are in other languages than its pool). A query that has
    nothing else to find is not scored.
    """
    solutions: dict[str, list[str]] = {}
    for document in documents:
        if document in problems:
            solutions.setdefault(problems[document], []).append(document)
    pool = Pool.of(list(documents))
    wider = {query: _widen(qrels[query], problems, solutions) for query in queries}
    hidden = {query: pool.column[query] for query, text in queries.items() if documents.get(query) == text}
    for query in hidden:
        wider[query].pop(query, None)
    if not hidden and all(wider[query] == dict(qrels[query]) for query in queries):
        return None
    empty = frozenset(query for query, grades in wider.items() if max(grades.values(), default=0) <= 0)
    return Protocol(pool, wider, metrics, hidden=hidden, unanswerable=empty)


def _merge(grades: Mapping[str, int], documents: Mapping[str, str], first: Mapping[str, str]) -> dict[str, int]:
    merged: dict[str, int] = {}
    for document, grade in grades.items():
        kept = first[documents[document]] if document in documents else document
        merged[kept] = max(grade, merged.get(kept, grade))
    return merged


def _widen(
    grades: Mapping[str, int], problems: Mapping[str, str], solutions: Mapping[str, Sequence[str]]
) -> dict[str, int]:
    best: dict[str, int] = {}
    for document, grade in grades.items():
        if grade > 0 and document in problems:
            best[problems[document]] = max(grade, best.get(problems[document], 0))
    wider = dict(grades)
    for problem, grade in best.items():
        for document in solutions.get(problem, ()):
            if wider.get(document, 0) <= 0:
                wider[document] = grade
    return wider
