"""Metric against step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from tuning.outcome import Sweep, Trial
from tuning.report.figures.style import BEST, FAILED, FINISHED, STOPPED, hover, layout, safe
from tuning.report.values import short_names, swept_keys

GROUPS: dict[str, dict[str, Any]] = {
    "failed": {"line": {"color": FAILED, "width": 1.5, "dash": "dot"}, "opacity": 0.7},
    "stopped": {"line": {"color": STOPPED, "width": 1.2}, "opacity": 0.55},
    "finished": {"line": {"color": FINISHED, "width": 1.6}, "opacity": 0.8},
    "best": {"line": {"color": BEST, "width": 3.5}, "opacity": 1.0},
}
"""From the back of the figure to its front."""


def figure(sweep: Sweep, found: Sequence[Trial]) -> go.Figure:
    """A line a trial: what stopped is light, the best lies on top."""
    best = sweep.best()
    names = short_names(swept_keys(sweep.trials))
    order = list(GROUPS)
    drawn = go.Figure()
    seen: set[str] = set()
    grouped = [(_group(trial, best), trial) for trial in found]
    for group, trial in sorted(grouped, key=lambda pair: order.index(pair[0])):
        drawn.add_trace(
            go.Scatter(
                x=[step for step, _ in trial.curve],
                y=[value for _, value in trial.curve],
                mode="lines+markers",
                marker={"size": 7 if group == "best" else 4},
                name=group,
                legendgroup=group,
                showlegend=group not in seen,
                hovertemplate="step %{x:,}: %{y:.4f}<br>" + hover(trial, sweep.metric, names) + "<extra></extra>",
                **GROUPS[group],
            )
        )
        seen.add(group)
    drawn.update_xaxes(title="training steps", rangemode="tozero")
    drawn.update_yaxes(title=safe(sweep.metric))
    return layout(drawn, 460)


def _group(trial: Trial, best: Trial | None) -> str:
    if trial is best:
        return "best"
    return trial.status if trial.status in GROUPS else "failed"
