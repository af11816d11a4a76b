"""The metric over two swept keys, the table behind the heat map."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuning.outcome import Sweep, Trial
from tuning.report.values import distinct, is_number, key_named, ranked, same, scored, text, varying_keys

MOST_VALUES = 8
"""Distinct numbers up to which each has its own row or column; more, as random search draws them, share bins."""
BINS = 6


@dataclass(frozen=True)
class Axis:
    """One of the two keys."""

    key: str
    labels: tuple[str, ...]
    values: tuple[Any, ...]
    """The value of each place, or with bins the lower edge."""
    binned: bool

    def place(self, value: Any) -> int:
        """Where a value belongs."""
        if self.binned:
            return max(i for i, edge in enumerate(self.values) if value >= edge or i == 0)
        return next(i for i, own in enumerate(self.values) if same(own, value))


@dataclass(frozen=True)
class Panel:
    """The map of one method."""

    name: str
    """The method, or empty where methods were not swept."""
    cells: tuple[tuple[tuple[Trial, ...], ...], ...]
    """Row → column → the trials there, best first."""


@dataclass(frozen=True)
class HeatMap:
    """Two keys and their panels."""

    columns: Axis
    rows: Axis
    panels: tuple[Panel, ...]
    left_out: tuple[str, ...]
    """Methods that lack one of the keys."""


def heat_map(sweep: Sweep) -> HeatMap | str:
    """The map over rank × alpha, or over the two most important keys; a sentence where there is none."""
    trials = scored(sweep.trials)
    if not trials:
        return "No trial has a metric, so there is nothing to map."
    varying = varying_keys(trials)
    method = key_named(varying, "method")
    keys = _two_keys(varying, method, sweep.importance)
    if keys is None:
        several = f"only {varying[0]} does" if varying else "none does"
        return f"A heat map needs two keys with several values among the trials that have a metric, and {several}."
    placed = [trial for trial in trials if all(key in trial.config for key in keys)]
    if not placed:
        return f"No trial has both {keys[0]} and {keys[1]}, so there is nothing to map."
    columns, rows = (_axis(placed, key) for key in keys)
    if method in keys:
        method = None
    names = {text(trial.config.get(method)) if method else "": None for trial in placed}
    panels = tuple(
        _panel(name, [t for t in placed if not method or text(t.config.get(method)) == name], columns, rows, sweep)
        for name in names
    )
    methods = [text(value) for value in distinct(trials, method)] if method else []
    return HeatMap(columns, rows, panels, tuple(name for name in methods if name not in names))


def _two_keys(varying: Sequence[str], method: str | None, importance: dict[str, float]) -> tuple[str, str] | None:
    rank, alpha = key_named(varying, "rank"), key_named(varying, "alpha")
    if rank and alpha:
        return rank, alpha
    # The method is an axis only where there is no other key: otherwise each method has a panel.
    order = sorted(varying, key=lambda key: (key == method, -importance.get(key, 0.0)))
    return (order[0], order[1]) if len(order) > 1 else None


def _axis(trials: Sequence[Trial], key: str) -> Axis:
    values = distinct(trials, key)
    if len(values) <= MOST_VALUES or not all(is_number(value) for value in values):
        return Axis(key, tuple(text(value) for value in values), tuple(values), binned=False)
    low, high = float(values[0]), float(values[-1])
    if low > 0 and high / low >= 10:  # spread over decades: equal ratios
        edges = [low * math.exp(math.log(high / low) * i / BINS) for i in range(BINS + 1)]
    else:
        edges = [low + (high - low) * i / BINS for i in range(BINS + 1)]
    labels = tuple(f"{a:.2g} – {b:.2g}" for a, b in itertools.pairwise(edges))
    return Axis(key, labels, tuple(edges[:-1]), binned=True)


def _panel(name: str, trials: Sequence[Trial], columns: Axis, rows: Axis, sweep: Sweep) -> Panel:
    cells: list[list[list[Trial]]] = [[[] for _ in columns.labels] for _ in rows.labels]
    for trial in ranked(trials, sweep.direction):
        cells[rows.place(trial.config[rows.key])][columns.place(trial.config[columns.key])].append(trial)
    return Panel(name, tuple(tuple(tuple(cell) for cell in row) for row in cells))
