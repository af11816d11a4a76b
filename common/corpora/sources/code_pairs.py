"""Parallel texts of one problem: the training pairs and the retrieval set of a direction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from common.corpora.beir import RetrievalSet
from common.corpora.lines import Problem, why_not_text
from common.corpora.pairs import Pair
from common.corpora.sources.collector import Collector


@dataclass(frozen=True)
class Parallel:
    """One row: what is searched with, what is to be found, and the problem that both solve."""

    place: tuple[Path, int]
    key: str
    """Id of the row's document."""
    query: str
    document: str
    language: str
    """Of the document."""
    problem: str


ParallelRows = Callable[[], Iterator[Parallel | Problem]]


def training_pairs(rows: ParallelRows) -> Iterator[Pair | Problem]:
    """The rows as pairs, `problem` among the extra keys; of two rows with one id, the first counts."""
    seen: set[str] = set()
    for row in rows():
        if isinstance(row, Problem):
            yield row
            continue
        why = why_not_text({"text": row.query}, "text") or why_not_text({"text": row.document}, "text")
        if why is None and row.key in seen:
            why = f"{row.key!r} was there before; the first one counts"
        if why:
            yield Problem(*row.place, None, why)
            continue
        seen.add(row.key)
        yield Pair(row.query, row.document, row.language, {"problem": row.problem})


def retrieval_set(name: str, rows: ParallelRows) -> tuple[RetrievalSet, tuple[Problem, ...]]:
    """Every row asks for its own document among those of all rows.

    That is the strict protocol. Who counts every solution of a problem finds it in the documents' metadata.
    """
    collector = Collector(name)
    place = Path(name)
    for row in rows():
        if isinstance(row, Problem):
            collector.problems.append(row)
            continue
        place = row.place[0]
        if collector.document(row.place, row.key, row.document, {"language": row.language, "problem": row.problem}):
            collector.query(row.place, f"q-{row.key}", row.query, {row.key: 1})
    return collector.finish(place)
