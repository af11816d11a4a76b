"""Quality against size, with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from tuning.outcome import Sweep, Trial
from tuning.report import pareto
from tuning.report.figures.style import GREY, METHODS, hover, layout, safe, ticks
from tuning.report.values import key_named, of_key, short_names, swept_keys

LARGEST = 34
"""Diameter in pixels of the marker with the most memory; areas are in proportion."""


def figure(sweep: Sweep, found: Sequence[Trial]) -> go.Figure:
    """A marker a trial, its area the peak memory; open ones were stopped. The line joins the front of the two axes."""
    keys = swept_keys(sweep.trials)
    names = short_names(keys)
    method = key_named(keys, "method")
    drawn = go.Figure()
    line = pareto.front(found, {"metric": sweep.direction, "trainable_parameters": "min"})
    line.sort(key=lambda trial: trial.trainable_parameters or 0)
    drawn.add_trace(
        go.Scatter(
            x=[_millions(trial) for trial in line],
            y=[trial.metric for trial in line],
            mode="lines",
            line={"color": GREY, "width": 2, "dash": "dash", "shape": "hv"},
            name="front",
            hoverinfo="skip",
        )
    )
    most = max((trial.peak_bytes or 0 for trial in found), default=0) or 1
    groups = list(dict.fromkeys(of_key(trial, method) if method else "trials" for trial in found))
    for index, group in enumerate(groups):
        members = [trial for trial in found if not method or of_key(trial, method) == group]
        members.sort(key=lambda trial: trial.status != "finished")  # the legend shows the first one's marker
        marker = {
            "color": METHODS[index % len(METHODS)],
            "size": [trial.peak_bytes or 0 for trial in members],
            "sizemode": "area",
            "sizeref": 2 * most / LARGEST**2,
            "sizemin": 5,
            "opacity": 0.75,
            "symbol": ["circle" if trial.status == "finished" else "circle-open" for trial in members],
        }
        drawn.add_trace(
            go.Scatter(
                x=[_millions(trial) for trial in members],
                y=[trial.metric for trial in members],
                mode="markers",
                marker=marker,
                name=safe(group),
                customdata=[hover(trial, sweep.metric, names) for trial in members],
                hovertemplate="%{customdata}<extra></extra>",
            )
        )
    sizes = [_millions(trial) for trial in found]
    marks = ticks(min(sizes) / 1.5, max(sizes) * 1.5)
    drawn.update_xaxes(
        type="log", title="trainable parameters (M)", tickvals=marks, ticktext=[f"{mark:,g}" for mark in marks]
    )
    drawn.update_yaxes(title=safe(sweep.metric))
    return layout(drawn, 460, legend_itemsizing="constant")


def _millions(trial: Trial) -> float:
    return (trial.trainable_parameters or 0) / 1e6
