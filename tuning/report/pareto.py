"""The Pareto front: the trials that no other trial beats in everything."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from tuning.outcome import Direction, Sweep, Trial


def objectives(sweep: Sweep) -> dict[str, Direction]:
    """Quality against everything that it costs, by the trial's fields."""
    return {"metric": sweep.direction, "trainable_parameters": "min", "peak_bytes": "min", "seconds": "min"}


def complete(trials: Iterable[Trial], fields: Iterable[str]) -> list[Trial]:
    """The trials that have a figure in each of `fields`."""
    names = list(fields)
    return [trial for trial in trials if all(_has(getattr(trial, name)) for name in names)]


def front(trials: Sequence[Trial], objectives: Mapping[str, Direction]) -> list[Trial]:
    """The non-dominated trials, in the order given; `objectives` maps fields of `Trial` to what is better.

    A trial dominates another that it equals or beats in every objective and beats in one; of two with equal figures
    neither does, and both stay. A trial that lacks one of the figures is neither on the front nor dominates.
    """
    candidates = complete(trials, objectives)
    if not candidates or not objectives:
        return []
    signs = np.array([1.0 if direction == "max" else -1.0 for direction in objectives.values()])
    points = signs * np.array([[float(getattr(trial, name)) for name in objectives] for trial in candidates])
    return [
        trial
        for trial, point in zip(candidates, points, strict=True)
        if not ((points >= point).all(axis=1) & (points > point).any(axis=1)).any()
    ]


def _has(figure: float | None) -> bool:
    return figure is not None and math.isfinite(figure)
