"""Rankings and judgements as TREC files, for trec_eval, ir-measures and whatever else people trust.

    run.SYSTEM.trec   QUERY Q0 DOCUMENT RANK SCORE SYSTEM     best first, at most K lines a query
    qrels.trec        QUERY 0 DOCUMENT GRADE

These files are split at white space: white space in an id, and the sign `%`, is written as a URL would (`%20`).
Evaluators sort by score and break ties each in its own way, so no two scores of a query are written equal: a document
that ties with the one before it gets the next smaller single-precision number. Hence the files give the figures of
`common.metrics.ranking` exactly, for everything that is found among the first K.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

import numpy as np

from common.metrics.ranking import Pool, Qrels


def escaped(key: str) -> str:
    """The id without white space; `urllib.parse.unquote` gives it back."""
    return re.sub(r"[\s%]", lambda sign: quote(sign[0], safe=""), key)


def top(row: np.ndarray, pool: Pool, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The first min(k, D) columns of one (D,) row of scores in the order of the metrics, and strictly falling scores.

    The scores are float32: those of the row, lowered where they would tie.
    """
    with np.errstate(over="ignore"):
        row = row.astype(np.float32, copy=False)
    k = min(k, len(row))
    last = -np.partition(-row, k - 1)[k - 1]
    above, level = np.flatnonzero(row > last), np.flatnonzero(row == last)
    missing = k - len(above)
    if len(level) > missing:
        level = level[np.argpartition(pool.precedence[level], missing - 1)[:missing]]
    columns = np.concatenate([above, level])
    columns = columns[np.lexsort((pool.precedence[columns], -row[columns]))]
    scores = row[columns]
    for i in np.flatnonzero(scores[1:] == scores[:-1]) + 1:
        # A lowered score may meet the next ones, which then give way as well
        while i < k and scores[i] >= scores[i - 1]:
            scores[i] = np.nextafter(scores[i - 1], np.float32(-np.inf))
            i += 1
    return columns, scores


class RunFile:
    """One system's ranking, written block by block."""

    def __init__(self, file: IO[str], system: str, documents: Sequence[str], pool: Pool, k: int) -> None:
        self._file, self._system, self._pool, self._k = file, system, pool, k
        self._documents = [escaped(document) for document in documents]

    def add(self, scores: np.ndarray, queries: Sequence[str]) -> None:
        """Write the best of each row of (Q, D) scores."""
        for row, query in zip(scores, queries, strict=True):
            columns, values = top(row, self._pool, self._k)
            name = escaped(query)
            self._file.writelines(  # nine digits name a float32 exactly
                f"{name} Q0 {self._documents[column]} {rank} {value:.9g} {self._system}\n"
                for rank, (column, value) in enumerate(zip(columns, values, strict=True), start=1)
            )


@contextmanager
def run_file(folder: Path, system: str, documents: Sequence[str], pool: Pool, k: int) -> Iterator[RunFile]:
    """A `RunFile` that stands in `folder` once the block is left without an error, and not before."""
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"run.{system}.trec"
    draft = final.with_suffix(".draft")
    try:
        with draft.open("w", encoding="utf-8") as file:
            yield RunFile(file, system, documents, pool, k)
        draft.replace(final)
    finally:
        draft.unlink(missing_ok=True)


def qrels_text(qrels: Qrels, queries: Iterable[str]) -> str:
    """The text of `qrels.trec` for these queries."""
    return "".join(
        f"{escaped(query)} 0 {escaped(document)} {grade}\n"
        for query in queries
        for document, grade in qrels[query].items()
    )
