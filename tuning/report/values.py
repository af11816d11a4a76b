"""Trials in order, their keys by short names, and every figure with its unit."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tuning.outcome import Direction, Sweep, Trial

ABSENT = "–"
"""Shown for what a trial does not have."""
ID_LENGTH = 12


def is_number(value: Any) -> bool:
    """Whether a value can be placed on an axis; truth values are categories."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def swept_keys(trials: Iterable[Trial]) -> list[str]:
    """Every key of any trial, in the order in which they first appear."""
    return list(dict.fromkeys(key for trial in trials for key in trial.config))


def distinct(trials: Iterable[Trial], key: str) -> list[Any]:
    """The values that `key` takes: numbers ascending, otherwise in the order in which they appear."""
    values = [trial.config[key] for trial in trials if key in trial.config]
    unique = list({_identity(value): value for value in values}.values())
    return sorted(unique) if all(is_number(value) for value in unique) else unique


def varying_keys(trials: Sequence[Trial]) -> list[str]:
    """The keys that take several values; being absent from some trials is none."""
    return [key for key in swept_keys(trials) if len(distinct(trials, key)) > 1]


def same(one: Any, other: Any) -> bool:
    """Whether two values of a key are one point of the space: 16 and 16.0 are, 1 and true are not."""
    return _identity(one) == _identity(other)


def _identity(value: Any) -> str:
    return repr(float(value)) if is_number(value) else json.dumps(value, sort_keys=True, default=str)


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Key → its last part, or all of it where two keys end alike."""
    ends = Counter(key.rpartition(".")[2] for key in keys)
    return {key: end if ends[end := key.rpartition(".")[2]] == 1 else key for key in keys}


def key_named(keys: Iterable[str], name: str) -> str | None:
    """The key whose last part is `name`: `peft.rank` for rank."""
    return next((key for key in keys if key.rpartition(".")[2] == name), None)


def scored(trials: Iterable[Trial]) -> list[Trial]:
    """The trials with a metric."""
    return [trial for trial in trials if trial.metric is not None and math.isfinite(trial.metric)]


def ranked(trials: Sequence[Trial], direction: Direction) -> list[Trial]:
    """Best first, as `Sweep.best` decides; trials without a metric last."""
    sign = 1 if direction == "max" else -1
    found = scored(trials)
    order = sorted(found, key=lambda trial: (sign * (trial.metric or 0.0), trial.trained_steps), reverse=True)
    return [*order, *(trial for trial in trials if trial not in found)]


def status_counts(trials: Sequence[Trial]) -> str:
    """As in "12 finished, 4 stopped, 1 failed"."""
    counts = Counter[str](trial.status for trial in trials)
    order = ("finished", "stopped", "failed", "refused")
    return ", ".join(f"{counts[status]:,} {status}" for status in order if counts[status]) or "no trials"


def trained_share(sweep: Sweep) -> str | None:
    """Steps trained of those of the whole grid; where the space is no grid, of its trials that were not refused."""
    wanted = [trial for trial in sweep.trials if trial.status != "refused"]
    trained = sum(trial.trained_steps for trial in wanted)
    if sweep.grid_steps:
        return f"{trained:,} of the grid's {sweep.grid_steps:,} steps ({trained / sweep.grid_steps:.0%})"
    steps = sum(trial.steps for trial in wanted)
    return f"{trained:,} of the trials' {steps:,} steps ({trained / steps:.0%})" if steps else None


def text(value: Any) -> str:
    """A configuration's value for people: four digits, none as on the command line."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(text(item) for item in value) or "none"
    return json.dumps(value, default=str) if isinstance(value, dict) else str(value)


def of_key(trial: Trial, key: str) -> str:
    """A trial's value of a key, or the sign for none."""
    return text(trial.config[key]) if key in trial.config else ABSENT


def describe(config: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """A configuration on one line."""
    return ", ".join(f"{names.get(key, key)}={text(value)}" for key, value in config.items()) or "nothing swept"


def metric_text(value: float | None) -> str:
    """Four decimals, fewer for large values."""
    if value is None or not math.isfinite(value):
        return ABSENT
    size = abs(value)
    if 0 < size < 1e-3:
        return f"{value:.2e}"
    return f"{value:.4f}" if size < 10 else f"{value:.2f}" if size < 1000 else f"{value:,.0f}"


def parameters_text(count: int | None) -> str:
    """Millions of parameters."""
    if count is None:
        return ABSENT
    millions = count / 1e6
    digits = f"{millions:,.0f}" if millions >= 100 else f"{millions:.2f}" if millions >= 1 else f"{millions:.3g}"
    return f"{digits} M"


def memory_text(size: int | None) -> str:
    """Gigabytes, of 1e9 bytes as everywhere in the repository."""
    return ABSENT if size is None else f"{size / 1e9:.2f} GB"


def seconds_text(seconds: float | None) -> str:
    """Seconds, with hours beside them where they are many."""
    if seconds is None:
        return ABSENT
    shown = f"{seconds:,.1f} s" if seconds < 10 else f"{seconds:,.0f} s"
    return f"{shown} ({seconds / 3600:.1f} h)" if seconds >= 3600 else shown


def steps_text(trial: Trial) -> str:
    """Steps trained of a complete run's."""
    return f"{trial.trained_steps:,} / {trial.steps:,}"


def better(direction: Direction) -> str:
    """Which way is better, for captions."""
    return "higher is better" if direction == "max" else "lower is better"
