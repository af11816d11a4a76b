"""Small problems and candidates on disk, and the command that judges them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from common.cli import run
from jobs.evaluate_apps import JOB

DOUBLE = {"inputs": ["1\n", "2\n", "30\n"], "outputs": ["2\n", "4\n", "60\n"]}
LONGEST = {"fn_name": "longest", "inputs": [[["a", "bcd"]], [[["x"]]]], "outputs": ["bcd", ["x"]]}
GOOD = "print(2 * int(input()))"
WRONG = "n = int(input())\nprint(2 * n if n < 10 else n)"
BROKEN = "print(2 * int(input())"
RAISES = "raise KeyError(input())"
CALLED = "def longest(words):\n    return max(words, key=len)"


def problem(name: object, tests: Any = DOUBLE, difficulty: str = "introductory", **more: Any) -> dict[str, Any]:
    """A row of APPS."""
    held = tests if isinstance(tests, str) else json.dumps(tests)
    row = {"problem_id": name, "question": f"Question {name}?", "input_output": held, "difficulty": difficulty}
    return {**row, "solutions": json.dumps([GOOD]), **more}


def candidate(problem_id: object, sample: int, code: Any) -> dict[str, Any]:
    """A line of a candidates file."""
    return {"problem_id": problem_id, "sample": sample, "code": code}


def written(path: Path, rows: Iterable[dict[str, Any] | str]) -> Path:
    """JSONL; texts are written as they are."""
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def usual(folder: Path) -> list[str]:
    """Flags for four usable problems of two difficulties, and everything that can be wrong with others."""
    problems = [
        problem(1),
        problem(2),
        problem(3, LONGEST, "interview"),
        problem(4, difficulty="interview"),
        problem(5, ""),
        problem(6, {"inputs": ["1"], "outputs": []}),
        problem(7, "{not json"),
        problem(8, {"fn_name": "no name", "inputs": [[1]], "outputs": [1]}),
    ]
    candidates = [
        *(candidate(1, n, code) for n, code in enumerate([GOOD, WRONG, BROKEN])),
        *(candidate(2, n, code) for n, code in enumerate([GOOD, RAISES])),
        *(candidate(3, n, code) for n, code in enumerate([CALLED, "def other():\n    pass"])),
        candidate(1, 0, BROKEN),
        candidate(1, 9, ["no", "text"]),
        candidate(5, 0, GOOD),
        candidate(77, 0, GOOD),
        "{cut off",
    ]
    given = written(folder / "problems.jsonl", problems), written(folder / "candidates.jsonl", candidates)
    return ["--problems", str(given[0]), "--candidates", str(given[1])]


def evaluate(*flags: object) -> tuple[int, str, str]:
    """Exit status, output and errors of the command."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = run(JOB, [str(flag) for flag in flags])
    return status, out.getvalue(), err.getvalue()


def lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
