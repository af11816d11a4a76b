"""trials.csv: one row a trial, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from tuning.outcome import Sweep, Trial
from tuning.report.values import swept_keys

BEFORE = ("id", "status")
AFTER = (
    "metric", "trained_steps", "steps", "trainable_parameters", "peak_bytes", "seconds", "reason", "adapter",
    "tracking_run",
)  # fmt: skip


def comma_separated(sweep: Sweep) -> str:
    """The trials in the order in which they began, figures unrounded; a key that does not apply is an empty cell."""
    keys = swept_keys(sweep.trials)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*BEFORE, *keys, *AFTER])
    for trial in sweep.trials:
        writer.writerow([*_fields(trial, BEFORE), *(_swept(trial, key) for key in keys), *_fields(trial, AFTER)])
    return out.getvalue()


def _fields(trial: Trial, names: tuple[str, ...]) -> list[Any]:
    return [getattr(trial, name) for name in names]  # csv writes none as an empty cell, floats so that they read back


def _swept(trial: Trial, key: str) -> str:
    """Text as it is, everything else as JSON, so that null differs from a key that is not there."""
    if key not in trial.config:
        return ""
    value = trial.config[key]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
