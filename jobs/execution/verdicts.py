"""What is known of a candidate after its tests: one line of verdicts.jsonl. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Mode = Literal["strict", "reference"]
"""strict: what a user means by "passes". reference: what codeparrot/apps_metric says."""
Status = Literal["pass", "fail", "error", "timeout", "memory", "output-limit", "killed", "skipped"]
SYNTAX, WRONG = "syntax error", "wrong answer"
_SYNTAX = ("SyntaxError", "IndentationError", "TabError")


@dataclass(frozen=True)
class Verdict:
    """The tests of one candidate under one mode."""

    problem_id: str
    sample: int
    mode: Mode
    results: tuple[str | bool | int, ...]
    """strict: a `Status` for each test. reference: True, False, -1 for each test, or -2 alone."""
    passed: bool
    """All tests."""
    failure: str | None
    """Why not, in a few words: `syntax error`, `wrong answer`, `timeout`, the exception's name, a status."""
    error: str | None
    """The last line of the first traceback, or what the compiler said."""
    cpu_s: float
    wall_s: float
    peak_mb: int

    @property
    def key(self) -> tuple[str, int]:
        """What there is exactly one verdict of."""
        return self.problem_id, self.sample

    def passes(self, tests: int) -> tuple[bool, ...]:
        """Which of the problem's tests it passed; a list of another length, such as [-2], passes none."""
        if len(self.results) != tests:
            return (False,) * tests
        return tuple(result is True or result == "pass" for result in self.results)

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Verdict:
        """From JSON; raises KeyError or TypeError where it is none."""
        return cls(**{**row, "results": tuple(row["results"])})


def why(results: Sequence[str | bool | int], error: str | None, *, compiled: bool) -> str | None:
    """The failure of a list of results; None where all passed."""
    if not compiled:
        return SYNTAX
    for result in results:
        if result is True or result == "pass":
            continue
        if result is False or result == "fail":
            return WRONG
        if result in ("error", -1, -2):
            name = exception_name(error)
            return SYNTAX if result == -2 and name in _SYNTAX else name
        return str(result)
    return None


def exception_name(error: str | None) -> str:
    """`ValueError` of `ValueError: invalid literal`."""
    found = re.match(r"(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)(?::|$)", error or "")
    return found[1] if found else "error"
