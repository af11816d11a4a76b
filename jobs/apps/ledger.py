"""The verdicts of one mode on disk: a line as soon as there is one, read back when the job goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from common.errors import RunFolderError
from jobs.execution.pool import ACTOR_DIED
from jobs.execution.verdicts import Mode, Verdict

CandidateKey = tuple[str, int]


@dataclass(frozen=True)
class Outcome:
    """What figures need of a verdict."""

    passed: bool
    tests_passed: int
    failure: str | None
    cpu_s: float
    given_up: bool = False
    """Its actors died again and again."""


class Ledger:
    """`verdicts.jsonl`, or of another mode; open for appending."""

    def __init__(self, path: Path, mode: Mode) -> None:
        """Read what is there. A last line that was cut off is dropped, its candidate is run again; raises
        `RunFolderError` for any other line that is no verdict of this mode."""
        self.path, self.mode = path, mode
        self.outcomes: dict[CandidateKey, Outcome] = {}
        if path.exists():
            self._read()
        self._file: IO[bytes] = path.open("ab")
        self.from_before = len(self.outcomes)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, verdict: Verdict) -> None:
        """Write one line and see it off to the system."""
        self._file.write(json.dumps(verdict.row(), allow_nan=False).encode() + b"\n")
        self._file.flush()
        self._note(verdict)

    def _note(self, verdict: Verdict) -> None:
        passed = sum(result is True or result == "pass" for result in verdict.results)
        self.outcomes[verdict.key] = Outcome(verdict.passed, passed, verdict.failure, verdict.cpu_s,
                                             (verdict.error or "").startswith(ACTOR_DIED))  # fmt: skip

    def _read(self) -> None:
        good = 0
        with self.path.open("r+b") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                try:
                    verdict = Verdict.of_row(json.loads(line))
                    if verdict.mode != self.mode or verdict.key in self.outcomes:
                        raise ValueError(f"mode {verdict.mode}, or a candidate that was there before")
                except (ValueError, KeyError, TypeError) as error:
                    raise RunFolderError(f"{self.path}:{number} is no verdict of this run ({error})",
                                         "remove the line; its candidate is run again") from None  # fmt: skip
                self._note(verdict)
                good += len(line)
            file.truncate(good)
