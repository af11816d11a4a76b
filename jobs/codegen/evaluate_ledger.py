"""RUN/predictions.jsonl: a line for each item as soon as it is answered, read back when the job goes on.

It is a file of predictions itself: `--predictions RUN/predictions.jsonl` scores it again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any

from common.errors import RunFolderError
from jobs.codegen.evaluate_inputs import Prediction

PREDICTIONS, UNITS = "predictions.jsonl", "units.jsonl"


class PredictionLedger:
    """The predictions of a run, open for appending."""

    def __init__(self, path: Path) -> None:
        """Read what is there. A last line that was cut off is dropped, its item is answered again; raises
        `RunFolderError` for any other line that is no prediction."""
        self.path = path
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        if path.exists():
            self._read()
        self._file: IO[bytes] = path.open("ab")

    def __enter__(self) -> PredictionLedger:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, row: dict[str, Any]) -> None:
        """Write one line and see it off to the system."""
        self._file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        self._file.flush()
        self.rows[row["set"], row["id"]] = row

    def prediction(self, key: tuple[str, str]) -> Prediction:
        """One of them as scores need it."""
        row = self.rows[key]
        return Prediction(*key, row["reference"], tuple(row["candidates"]), row.get("problem_id"))

    def _read(self) -> None:
        good = 0
        with self.path.open("r+b") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                try:
                    row = json.loads(line)
                    key = row["set"], row["id"]
                    if key in self.rows or not row["candidates"]:
                        raise ValueError("an item that was there before, or without candidates")
                except (ValueError, KeyError, TypeError) as error:
                    raise RunFolderError(f"{self.path}:{number} is no prediction of this run ({error})",
                                         "remove the line; its item is answered again") from None  # fmt: skip
                self.rows[key] = row
                good += len(line)
            file.truncate(good)
