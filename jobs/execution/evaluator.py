"""Candidates → verdicts on one machine: chooses the sandbox, runs the tests, compares outside of it.

The expected outputs stay here. A candidate that does whatever it likes gets a verdict; only a sandbox that cannot be
made raises.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from common.corpora.problems.integers import long_integers
from common.corpora.problems.record import CodeProblem
from jobs.execution import reference, strict
from jobs.execution.sandbox.host import Execution, Isolation, Program, Sandbox
from jobs.execution.sandbox.spec import Jail, Limits, SandboxConfig
from jobs.execution.verdicts import Mode, Status, Verdict, why

# Modules that make every fork dearer: only candidates that name one get the sandbox that has them loaded.
HEAVIER = ("contextlib", "dataclasses", "datetime", "decimal", "enum", "fractions", "hashlib", "queue", "random",
           "statistics", "threading", "typing")  # fmt: skip
_HEAVIER = re.compile(rf"\b({'|'.join(HEAVIER)}|Fraction|Decimal|List|Optional|Dict)\b")
_RAISED = re.compile(r"[A-Za-z_][\w.]*(: .*)?")
_NUMPY = re.compile(r"\b(numpy|np)\b")
REFERENCE_TEST_SECONDS, REFERENCE_SECONDS = 4.0, 11.0  # the reference's limits for a test, and for all (10 + 1)


class Evaluator:
    """Sandboxes of one kind each, made when first needed, and the semantics of both modes. Not for several threads."""

    def __init__(self, config: SandboxConfig, limits: Limits, *, stop_after_timeouts: int = 1) -> None:
        self._config, self._limits, self._stop_after = config, limits, stop_after_timeouts
        self._sandboxes: dict[str, Sandbox] = {}
        packages = {"numpy": version("numpy")} if config.numpy else {}
        self.isolation: Isolation = replace(self._sandbox("plain").isolation, packages=packages)

    def __enter__(self) -> Evaluator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the sandboxes."""
        while self._sandboxes:
            self._sandboxes.popitem()[1].close()

    def prepare(self, problem: CodeProblem, code: str) -> None:
        """Make the sandbox that this candidate will need, where there is none yet."""
        self._sandbox(self._kind(problem.program(code), problem))

    def judge(self, problem: CodeProblem, code: str, sample: int = 0, mode: Mode = "strict") -> Verdict:
        """Run `code` on the problem's tests. A test script knows one mode only, and gets `strict`."""
        program = problem.program(code)
        sandbox = self._sandbox(self._kind(program, problem))
        with long_integers():
            if mode == "reference" and problem.kind != "script":
                return self._reference(sandbox, problem, program, sample)
            return self._strict(sandbox, problem, program, sample)

    def _strict(self, sandbox: Sandbox, problem: CodeProblem, code: str, sample: int) -> Verdict:
        results: list[Status] = []
        runs: list[Execution] = []
        first: str | None = None
        with Program(code, problem.kind, problem.fn_name) as program:
            for test in range(len(problem.inputs)):
                if results.count("timeout") >= self._stop_after:
                    results.append("skipped")
                    continue
                run = self._run(sandbox, program, problem, test)
                runs.append(run)
                if run.ended == "refused":
                    results = ["error"] * len(problem.inputs)
                    return _verdict(problem, sample, "strict", results, _last_words(run), runs, compiled=False)
                status, error = _status(problem, test, run)
                results.append(status)
                first = first or error
        return _verdict(problem, sample, "strict", results, first, runs, compiled=True)

    def _run(self, sandbox: Sandbox, program: Program, problem: CodeProblem, test: int) -> Execution:
        given = problem.inputs[test]
        if problem.kind == "stdin":
            return sandbox.run(program, self._limits, _bytes(given))
        text = given if problem.kind == "script" else json.dumps(given)
        return sandbox.run(program, self._limits, b"", _bytes(text))

    def _reference(self, sandbox: Sandbox, problem: CodeProblem, code: str, sample: int) -> Verdict:
        told = json.dumps({"inputs": list(problem.inputs), "seconds": REFERENCE_TEST_SECONDS})
        limits = self._limits.model_copy(update={"cpu_seconds": REFERENCE_SECONDS, "wall_seconds": None})
        with Program(code, "reference", problem.fn_name) as program:
            run = sandbox.run(program, limits, b"", told.encode())
        records = _records(run.result)
        results = reference.judge(records, problem.outputs)
        error = next((_complaint(record) for record in records if "error" in record), None)
        if not records:
            status, words = _ended(run)
            error = words or status
        return _verdict(problem, sample, "reference", results, error, [run], compiled=True)

    def _kind(self, code: str, problem: CodeProblem) -> str:
        if self._config.numpy and _NUMPY.search(code):
            return "numpy"
        return "heavier" if _HEAVIER.search(code) or problem.kind == "script" else "plain"

    def _sandbox(self, kind: str) -> Sandbox:
        if kind not in self._sandboxes:
            limits = self._limits
            self._sandboxes[kind] = Sandbox(Jail(
                self._config.isolation, packages=("numpy",) if kind == "numpy" else (),
                preload=() if kind == "plain" else HEAVIER, scratch_bytes=self._config.scratch_mb << 20,
                memory_bytes=(limits.memory_mb << 20) + _OVERHEAD,
            ))  # fmt: skip
        return self._sandboxes[kind]


_LONGER = 8  # times the expected value's JSON: escapes, decimal points and True for 1 make an equal one longer
_OVERHEAD = 256 << 20  # what the sandbox itself, pipes and the scratch folder may take beside a test


def _status(problem: CodeProblem, test: int, run: Execution) -> tuple[Status, str | None]:
    """The verdict on one test and, where it ended badly, the last line of what it said."""
    status, error = _ended(run)
    if status is not None:
        raised = (error or "").startswith("AssertionError")
        return ("fail", None) if problem.kind == "script" and raised else (status, error)
    if problem.kind == "script":
        return ("pass", None) if run.result else ("error", "ended before its test did")
    expected = problem.outputs[test]
    if problem.kind == "stdin":
        good = strict.stdout_matches(run.stdout.decode("utf-8", "replace"), expected)
    elif len(run.result) > _LONGER * len(json.dumps(expected)) + 1024:
        good = False  # nothing equal is written so long; not read, because reading may take minutes
    else:
        try:
            good = strict.value_matches(json.loads(run.result, parse_int=_integer), expected)
        except (ValueError, RecursionError):  # it ended before it had called its function, or wrote beside the runner
            return "error", "no result"
    return ("pass" if good else "fail"), None


def _ended(run: Execution) -> tuple[Status | None, str | None]:
    """The status of a run that did not end well, None for one that did; and its last words."""
    if run.ended in ("cpu", "wall"):
        return "timeout", None
    if run.ended == "output":
        return "output-limit", None
    if run.ended == "lost":
        return "killed", "the sandbox did not survive it"
    if run.ended == "signal":
        return "killed", f"killed by {signal.Signals(run.status).name}"
    if run.status == 0:
        return None, None
    error = _last_words(run) or f"exit status {run.status}"
    return ("memory" if error.startswith("MemoryError") else "error"), error


def _complaint(record: Mapping[str, Any]) -> str:
    """The error of a record, which a candidate may have forged."""
    return "timeout" if record.get("ended", record.get("load")) == "timeout" else str(record["error"])[:500]


def _last_words(run: Execution) -> str:
    """The last line on stderr that names an exception, else the last one: messages may have several lines."""
    lines = run.stderr.decode("utf-8", "replace").strip().splitlines()
    named = (line for line in reversed(lines) if _RAISED.fullmatch(line))
    return next(named, lines[-1] if lines else "")[:500]


def _records(raw: bytes) -> list[dict[str, Any]]:
    """The records of a reference run, as far as they are such."""
    records = []
    for line in raw.splitlines():
        try:
            record = json.loads(line, parse_int=_integer)
        except (ValueError, RecursionError):
            break
        if not isinstance(record, dict):
            break
        records.append(record)
    return records


def _verdict(problem: CodeProblem, sample: int, mode: Mode, results: Sequence[Any], error: str | None,
             runs: Sequence[Execution], *, compiled: bool) -> Verdict:  # fmt: skip
    return Verdict(
        problem.id, sample, mode, tuple(results), all(result is True or result == "pass" for result in results),
        why(results, error, compiled=compiled), error, round(sum(run.cpu_seconds for run in runs), 4),
        round(sum(run.wall_seconds for run in runs), 4), max((run.peak_bytes >> 20 for run in runs), default=0),
    )  # fmt: skip


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


MOST_DIGITS = 20_000  # the longest integer in APPS' tests has some 5,000


def _integer(digits: str) -> int:
    """An integer of a candidate; ValueError for one so long that reading it would take minutes (it is quadratic)."""
    if len(digits) > MOST_DIGITS:
        raise ValueError("too long an integer")
    return int(digits)
