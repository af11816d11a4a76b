"""Where every row of the sources went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.corpora.lines import Problem
from common.corpora.problems.record import Notice

SHOWN = 20
"""Bad rows that are told one by one."""


@dataclass(frozen=True)
class SourceReport:
    """One source: `read` = dropped + bad + what is in its splits (a problem may give several training examples)."""

    read: int
    dropped: Mapping[str, int]
    """Good rows that are no examples, by reason."""
    problems: tuple[Problem, ...]
    """What is wrong with rows; a `Notice` costs nothing."""
    sizes: Mapping[str, int]
    """Examples of each split, before decontamination and limits."""

    @property
    def bad(self) -> int:
        """How many rows could not be used."""
        return sum(not isinstance(problem, Notice) for problem in self.problems)


@dataclass(frozen=True)
class InstructionReport:
    """All sources, and what became of their examples."""

    sources: Mapping[str, SourceReport]
    contaminated: Mapping[str, int]
    """Dropped from train and dev because of a held-out example, by split and reason."""
    over_limit: int
    """Training examples beyond the limit."""
    sizes: Mapping[str, int]
    """Examples of train, dev and each test set."""
    problems: Mapping[str, int]
    """Problems with tests of dev and the test sets."""
    fingerprint: str
    """SHA-256 over the content of all sets."""

    def short(self) -> str:
        """The sizes in one line."""
        leaks = sum(self.contaminated.values())
        read = ", ".join(f"{name} {one.read:,} rows, {one.bad:,} bad" for name, one in self.sources.items())
        return f"{read}; {leaks:,} dropped as leaks; " + ", ".join(f"{n} {size:,}" for n, size in self.sizes.items())

    def describe(self) -> str:
        """The report as a small table for people."""
        rows: list[tuple[str, int]] = []
        told: list[str] = []
        for name, one in self.sources.items():
            rows.append((f"{name}: rows read", one.read))
            rows += [(f"  − {reason.replace('_', ' ')}", count) for reason, count in one.dropped.items() if count]
            rows += [("  − bad", one.bad)] if one.bad else []
            told += [str(problem) for problem in one.problems[:SHOWN]]
            left = len(one.problems) - SHOWN
            told += [f"and {left:,} more in {name}"] if left > 0 else []
        rows += [(f"− leak in {reason}", count) for reason, count in self.contaminated.items()]
        rows += [("− over the limit", self.over_limit)] if self.over_limit else []
        rows += [(name, size) for name, size in self.sizes.items()]
        rows += [(f"problems with tests in {name}", count) for name, count in self.problems.items()]
        width = max(len(label) for label, _ in rows)
        return "\n".join(
            [f"{label:<{width}}  {count:>9,}" for label, count in rows]
            + told
            + [f"fingerprint {self.fingerprint[:16]}"]
        )

    def as_json(self) -> dict[str, Any]:
        """The report for `result.json`."""
        return {
            "sources": {
                name: {
                    "read": one.read, "bad": one.bad, "dropped": dict(one.dropped), "sizes": dict(one.sizes),
                    "problems": [str(problem) for problem in one.problems[:SHOWN]],
                }
                for name, one in self.sources.items()
            },
            "contaminated": dict(self.contaminated),
            "over_limit": self.over_limit,
            "sizes": dict(self.sizes),
            "problems": dict(self.problems),
            "fingerprint": self.fingerprint,
        }  # fmt: skip
