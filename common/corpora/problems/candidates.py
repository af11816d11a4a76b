"""Candidate programs for problems, as JSONL, plain or `.gz`:

    {"problem_id": 7, "sample": 0, "code": "print(input())"}

`problem_id` is an integer or a text, `sample` counts the candidates of a problem from 0. The code may be empty or
nonsense: that is a verdict's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.corpora.lines import Problem, is_unicode, json_objects
from common.corpora.problems.record import Notice, Unusable, identifier
from common.errors import DataError

FIELDS = ("problem_id", "sample", "code")


@dataclass(frozen=True)
class Candidate:
    """The `sample`th answer to a problem."""

    problem_id: str
    sample: int
    code: str


def read_candidates(path: Path | str) -> tuple[tuple[Candidate, ...], tuple[Problem, ...]]:
    """All candidates in order, and what is wrong with other lines. Raises `DataError` where the file is missing or
    holds no candidate."""
    path = Path(path)
    candidates: list[Candidate] = []
    problems: list[Problem] = []
    for item in stream_candidates(path):
        if isinstance(item, Problem):
            problems.append(item)
        else:
            candidates.append(item)
    if not candidates:
        first = f", first: {problems[0]}" if problems else ""
        remedy = 'one {"problem_id": ..., "sample": 0, "code": "..."} a line'
        raise DataError(path, None, None, f"it holds no candidate ({len(problems)} bad{first})", remedy)
    return tuple(candidates), tuple(problems)


def stream_candidates(path: Path | str) -> Iterator[Candidate | Problem]:
    """The candidates one by one, and what is wrong with other lines.

    Of two with one problem and sample the first counts. A field that is not ours is told once, by a `Notice`; the
    candidate counts all the same. Raises `DataError` where the file cannot be opened.
    """
    path = Path(path)
    samples: dict[str, set[int]] = {}
    foreign: set[str] = set(FIELDS)
    for item in json_objects(path):
        if isinstance(item, Problem):
            yield item
            continue
        line, record = item
        for name in record.keys() - foreign:
            yield Notice(path, line, name, "no field of a candidate; not used, here and below")
        foreign |= record.keys()
        try:
            candidate = _parse(record)
            met = samples.setdefault(candidate.problem_id, set())
            if candidate.sample in met:
                raise Unusable("sample", f"{_name(candidate)} was there before; the first one counts")
        except Unusable as error:
            yield Problem(path, line, error.field, error.reason)
            continue
        met.add(candidate.sample)
        yield candidate


def _parse(record: Mapping[str, Any]) -> Candidate:
    key = identifier(record, "problem_id")
    sample = record.get("sample")
    if not isinstance(sample, int) or isinstance(sample, bool) or sample < 0:
        what = f"an integer from 0 is needed, not {sample!r}" if "sample" in record else "missing"
        raise Unusable("sample", f"problem {key}: {what}")
    candidate = Candidate(key, sample, record.get("code", ""))
    if not isinstance(candidate.code, str) or "code" not in record:
        what = "a text is needed" if "code" in record else "missing"
        raise Unusable("code", f"{_name(candidate)}: {what}")
    if not is_unicode(candidate.code):
        raise Unusable("code", f"{_name(candidate)}: holds half of a surrogate pair, which is no character")
    return candidate


def _name(candidate: Candidate) -> str:
    return f"problem {candidate.problem_id}, sample {candidate.sample}"
