"""Training pairs for search: a query and the document that answers it.

The file is JSONL, one `{"query": ..., "document": ..., "language": ...}` a line, plain or `.gz`; `language` may be
absent, further keys are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.corpora.lines import Problem, json_line, json_objects, refuse_empty, why_not_text
from common.errors import DataError
from common.runs import write_text

FIELDS = ("query", "document", "language")


@dataclass(frozen=True)
class Pair:
    """A query and its positive document; `extra` holds what else the line said (JSON values)."""

    query: str
    document: str
    language: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PairsFile:
    """What a file held: its good pairs in order, and what is wrong with the other lines."""

    pairs: tuple[Pair, ...]
    problems: tuple[Problem, ...]


def read_pairs(path: Path | str, limit: int | None = None) -> PairsFile:
    """Read pairs, at most the first `limit` good ones; lines after those are not looked at.

    Bad lines are skipped and reported. Raises `DataError` where the file is missing, empty or without one good pair.
    """
    path = Path(path)
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    pairs: list[Pair] = []
    problems: list[Problem] = []
    for item in stream_pairs(path):
        if isinstance(item, Problem):
            problems.append(item)
            continue
        pairs.append(item)
        if len(pairs) == limit:
            break
    if not pairs:
        refuse_empty(path, "pair", problems)
    return PairsFile(tuple(pairs), tuple(problems))


def stream_pairs(path: Path) -> Iterator[Pair | Problem]:
    """The pairs of a file one by one, and what is wrong with the others; raises `DataError` where it is missing."""
    for item in json_objects(path):
        yield item if isinstance(item, Problem) else parse_pair(path, *item)


def write_pairs(path: Path | str, pairs: Iterable[Pair]) -> None:
    """Write plain JSONL, atomically. Raises `DataError` for a pair that `read_pairs` would refuse; nothing is written
    then."""
    path = Path(path)
    if path.suffix == ".gz":
        raise DataError(path, None, None, "pairs are written as plain JSONL", "name the file *.jsonl")
    lines = []
    for number, pair in enumerate(pairs, start=1):
        if taken := sorted(set(FIELDS) & set(pair.extra)):
            raise DataError(path, number, taken[0], "an extra key must not be named like a field of the pair")
        record = {"query": pair.query, "document": pair.document, "language": pair.language, **pair.extra}
        problem = parse_pair(path, number, record)
        if isinstance(problem, Problem):
            raise DataError(path, number, problem.field, problem.reason)
        lines.append(json_line(path, number, record))
    write_text(path, "".join(lines))


def parse_pair(path: Path, line: int, record: Mapping[str, Any]) -> Pair | Problem:
    """The pair that a line of a file says, or what is wrong with it."""
    for name in FIELDS:
        optional = name == "language"
        if optional and name not in record:
            continue
        if reason := why_not_text(record, name, may_be_empty=optional):
            return Problem(path, line, name, reason)
    extra = {key: value for key, value in record.items() if key not in FIELDS}
    return Pair(record["query"], record["document"], record.get("language", ""), extra)
