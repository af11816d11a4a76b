"""Parallel coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from tuning.outcome import Sweep, Trial
from tuning.report.figures.style import LINES, layout, reverse, ticks
from tuning.report.values import ABSENT, distinct, is_number, metric_text, same, short_names, text, varying_keys

MOST_PLACES = 8
"""Distinct numbers up to which an axis gives each the same room; more are placed by size."""
ROOM, CHARACTER = 1000, 7.5
"""Pixels between the first and the last axis, and of a character: where labels must end before they meet others."""


def figure(sweep: Sweep, found: Sequence[Trial]) -> go.Figure:
    """An axis for each key that varies and one for the metric; a line a trial, coloured by the metric.

    Its labels and ticks are drawn as they are: in them plotly reads neither tags nor entities.
    """
    keys = varying_keys(found)
    names = short_names(keys)
    metrics = [trial.metric or 0.0 for trial in found]
    dimensions = [*(_axis(found, key, names[key]) for key in keys), _metric_axis(metrics, sweep.metric)]
    longest = max(6, int(ROOM / len(keys) / CHARACTER) - 1)
    for dimension in dimensions:
        dimension["ticktext"] = shortened(dimension["ticktext"], longest)
        dimension["label"] = shortened([dimension["label"]], longest + 4)[0]  # on its own line, centred or aslant
    left = 30 + CHARACTER * max(map(len, dimensions[0]["ticktext"]))
    line = {
        "color": metrics,
        "colorscale": LINES,
        "reversescale": reverse(sweep.direction),
        "showscale": False,  # the last axis is the scale
    }
    drawn = go.Figure(
        go.Parcoords(
            dimensions=dimensions,
            line=line,
            labelfont={"size": 13},
            tickfont={"size": 12},
            rangefont={"size": 1, "color": "rgba(0,0,0,0)"},  # repeats the first and the last tick
            labelangle=-20 if len(dimensions) > 7 else 0,
            unselected={"line": {"opacity": 0.08}},
        )
    )
    return layout(drawn, 440, margin={"l": max(70, left), "r": 70, "t": 80, "b": 40})


def _axis(trials: Sequence[Trial], key: str, name: str) -> dict[str, Any]:
    values = distinct(trials, key)
    if len(values) <= MOST_PLACES or not all(is_number(value) for value in values):
        places = [next((i for i, v in enumerate(values) if same(v, t.config[key])), -1) if key in t.config else -1
                  for t in trials]  # fmt: skip
        lowest = min(places)
        shown = [ABSENT] * (lowest < 0) + [text(value) for value in values]
        return _dimension(name, places, (lowest, len(values) - 1), list(range(lowest, len(values))), shown)
    low, high = float(values[0]), float(values[-1])
    log = low > 0 and high / low >= 10
    at = math.log10 if log else float
    start, end = at(low), at(high)
    marks = ticks(low, high) if log else [low + (high - low) * i / 4 for i in range(5)]
    positions, labels = [at(mark) for mark in marks], [text(mark) for mark in marks]
    if any(key not in trial.config for trial in trials):
        below = start - 0.12 * (end - start)
        places_ = [at(trial.config[key]) if key in trial.config else below for trial in trials]
        return _dimension(name, places_, (below, end), [below, *positions], [ABSENT, *labels])
    return _dimension(name, [at(trial.config[key]) for trial in trials], (start, end), positions, labels)


def _metric_axis(values: Sequence[float], name: str) -> dict[str, Any]:
    low, high = min(values), max(values)
    if low == high:
        return _dimension(name, values, (low - 0.5, high + 0.5), [low], [metric_text(low)])
    marks = [low + (high - low) * i / 5 for i in range(6)]
    return _dimension(name, values, (low, high), marks, [metric_text(mark) for mark in marks])


def _dimension(
    name: str, values: Sequence[float], ends: tuple[float, float], at: Sequence[float], labels: Sequence[str]
) -> dict[str, Any]:
    return {"label": name, "values": values, "range": ends, "tickvals": at, "ticktext": labels}


def shortened(labels: Sequence[str], longest: int) -> list[str]:
    """Labels without their ends; without their beginnings where that leaves two alike."""
    cut = [label if len(label) <= longest else f"{label[: longest - 1]}…" for label in labels]
    if len(set(cut)) == len(set(labels)):
        return cut
    return [label if len(label) <= longest else f"…{label[1 - longest :]}" for label in labels]
