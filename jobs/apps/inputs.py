"""Problems and candidates of a run: which can be used, and what is wrong with the others.

Problems are read twice, one after the other each time, since the tests of a set may be gigabytes: here to know them,
and when they are run. Candidates are kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.corpora.lines import Problem
from common.corpora.problems.candidates import stream_candidates
from common.corpora.problems.hub import stream_hub
from common.corpora.problems.integers import long_integers
from common.corpora.problems.reading import Row, parsed, stream_problems
from common.corpora.problems.record import CodeProblem, Notice
from common.errors import DataError, UserError
from jobs.apps.config import GENERATED, HUB, MICROPROBLEMS, SOLUTIONS, EvaluateAppsConfig

SHOWN = 10
Stream = Callable[[], Iterator[CodeProblem | Problem]]
Codes = Sequence[tuple[int, str]]
"""(sample, code) of a problem."""


@dataclass
class Tally:
    """How many of a kind, and the first of them."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, what: object) -> None:
        """Count one."""
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(str(what))

    def to_json(self) -> dict[str, Any]:
        """As result files hold it."""
        return {"count": self.count, "first": self.first}


@dataclass(frozen=True)
class Known:
    """What is kept of a problem with tests."""

    kind: str
    difficulty: str
    tests: int
    samples: tuple[int, ...]
    """Of its candidates."""


@dataclass(frozen=True)
class Inputs:
    """What a run has to do."""

    problems: dict[str, Known]
    """Problems with tests, those without candidates as well."""
    left_out: dict[str, Tally]
    """Why → what of the problems and candidates is not used."""
    notices: Tally
    """Oddities that cost nothing."""
    digest: str
    """Of all problems with tests and all candidates for them: a run goes on with the same only."""
    candidates: Callable[[CodeProblem], Codes]

    @property
    def expected(self) -> int:
        """Usable candidates."""
        return sum(len(known.samples) for known in self.problems.values())

    def work(self, stream: Stream) -> Iterator[tuple[CodeProblem, Codes]]:
        """Each problem that has candidates, with them."""
        for item in stream():
            if isinstance(item, CodeProblem) and item.tested and (codes := self.candidates(item)):
                yield item, codes


def problem_stream(config: EvaluateAppsConfig, run: Path | None) -> Stream:
    """What reads the problems, each time from the beginning. Microproblems are written to `RUN/problems.jsonl` once."""
    if config.problems == MICROPROBLEMS:
        rows = _microproblems(config, run / "problems.jsonl" if run else None)
        return lambda: parsed("apps", rows)
    if config.problems.startswith(HUB):
        name: Any = config.problems.removeprefix(HUB)
        return lambda: stream_hub(name, config.split or "test")
    return lambda: stream_problems(Path(config.problems), config.layout)


def read_inputs(config: EvaluateAppsConfig, stream: Stream) -> Inputs:
    """Look at all problems and candidates. Raises `DataError` where nothing can be run, `UserError` for a mode that
    the problems do not know."""
    left_out = {name: Tally() for name in LEFT_OUT}
    notices = Tally()
    own = config.candidates in (SOLUTIONS, GENERATED)
    codes = None if own else _codes(Path(config.candidates), left_out["candidate"], notices)
    candidates = _chooser(config, codes)
    problems: dict[str, Known] = {}
    without: set[str] = set()
    digest = hashlib.sha256()
    for item in stream():
        if isinstance(item, CodeProblem):
            chosen = candidates(item)
            if item.tested:
                samples = tuple(sample for sample, _ in chosen)
                problems[item.id] = Known(item.kind, item.difficulty, len(item.inputs), samples)
                _update(digest, item, chosen)
                if not chosen:
                    left_out["problem_without_candidates"].add(item.id)
            else:
                without.add(item.id)
                left_out["problem_without_tests"].add(item.id)
                for sample, _ in chosen:
                    left_out["candidate_for_problem_without_tests"].add(f"problem {item.id}, sample {sample}")
        else:
            (notices if isinstance(item, Notice) else left_out["problem"]).add(item)
    for problem in (codes or {}).keys() - problems.keys() - without:
        for sample, _ in (codes or {})[problem]:
            left_out["candidate_for_unknown_problem"].add(f"problem {problem}, sample {sample}")
    found = Inputs(problems, left_out, notices, digest.hexdigest(), candidates)
    _refuse(config, found)
    return found


LEFT_OUT = {
    "problem": "problems that cannot be used",
    "problem_without_tests": "problems without tests",
    "problem_without_candidates": "problems without candidates",
    "candidate": "candidates that cannot be used",
    "candidate_for_unknown_problem": "candidates for problems that are not there, or cannot be used",
    "candidate_for_problem_without_tests": "candidates for problems without tests",
}
"""Why something is left out, and what reports call it."""


def _chooser(config: EvaluateAppsConfig, codes: Mapping[str, Codes] | None) -> Callable[[CodeProblem], Codes]:
    if config.candidates == GENERATED:  # what the digest is of: the samples are not there yet
        return lambda problem: tuple((sample, "") for sample in range(config.sampling.samples * problem.tested))
    if codes is None:
        return lambda problem: tuple(enumerate(problem.solutions[: config.first_solutions]))
    return lambda problem: codes.get(problem.id, ())


def _codes(path: Path, wrong: Tally, notices: Tally) -> dict[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = {}
    for item in stream_candidates(path):
        if isinstance(item, Problem):
            (notices if isinstance(item, Notice) else wrong).add(item)
        else:
            found.setdefault(item.problem_id, []).append((item.sample, item.code))
    return found


def _update(digest: Any, problem: CodeProblem, codes: Codes) -> None:
    parts = (problem.id, problem.kind, problem.fn_name, problem.inputs, problem.outputs, problem.prompt_prefix, codes)
    with long_integers():
        digest.update(repr(parts).encode("utf-8", "surrogatepass"))


def _refuse(config: EvaluateAppsConfig, found: Inputs) -> None:
    scripts = [name for name, known in found.problems.items() if known.kind == "script" and known.samples]
    if scripts and config.mode != "strict":
        raise UserError(
            f"problem {scripts[0]} and {len(scripts) - 1:,} more have test scripts, which know one mode only",
            "leave --mode out, or give --mode strict",
        )
    if found.expected:
        return
    told = [f"{tally.count:,} {LEFT_OUT[name]} (first: {tally.first[0]})"
            for name, tally in found.left_out.items() if tally.count]  # fmt: skip
    where = config.problems if config.candidates in (SOLUTIONS, GENERATED) else config.candidates
    raise DataError(where, None, None, f"no candidate can be run: {'; '.join(told) or 'there is none'}",
                    'candidates are lines of {"problem_id": ..., "sample": 0, "code": "..."}')  # fmt: skip


def _microproblems(config: EvaluateAppsConfig, kept: Path | None) -> Iterable[Row]:
    from common.corpora.microproblems import microproblems
    from common.runs import write_text

    parts = ("train", "eval_instances", "eval_families")
    if config.split not in (None, *parts):
        raise UserError(f"microproblems have no split {config.split!r}", f"--split is one of {', '.join(parts)}")
    made = microproblems(config.seed)
    rows = [row for part in parts if config.split in (None, part) for row in getattr(made, part)]
    if kept and not kept.exists():
        write_text(kept, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
    place = kept or Path(MICROPROBLEMS)
    return [(place, line, row) for line, row in enumerate(rows, start=1)]
