"""What all figures share: colours that can be told apart on white and on black, transparent grounds, escaping."""

from __future__ import annotations

import html
from typing import Any

import plotly.graph_objects as go

from tuning.outcome import Direction, Trial
from tuning.report.values import (
    ID_LENGTH,
    memory_text,
    metric_text,
    parameters_text,
    seconds_text,
    steps_text,
    text,
)

BEST, FINISHED, STOPPED, FAILED = "#e8762d", "#4a8bc2", "#9aa7b4", "#c9454a"
METHODS = ("#4a8bc2", "#d9a021", "#3fa37a", "#c46aa8", "#8a78d6", "#c9454a", "#5aa9b8", "#8c8c55")
GREY = "#8a8f98"
LINES = [[0.0, "#7f6fd6"], [0.5, "#2f9e94"], [1.0, "#e8a13a"]]
"""A scale whose ends are of middle lightness, for thin lines on either ground."""
GRID = "rgba(128,128,128,0.25)"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


def layout(figure: go.Figure, height: int, **more: Any) -> go.Figure:
    """Finish a figure. The page's script sets the colours of text and grid by the reader's scheme."""
    margin = {"l": 70, "r": 30, "t": 40, "b": 60}
    settings: dict[str, Any] = {
        "template": "none",
        "height": height,
        "margin": margin,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": GREY},
        "hoverlabel": {"font": {"family": FONT, "size": 12}, "align": "left"},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": GREY, "activecolor": GREY},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    }
    figure.update_layout(**{**settings, **more})
    figure.update_xaxes(gridcolor=GRID, zeroline=False, automargin=True, title_standoff=12)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True, title_standoff=12)
    return figure


def safe(label: str) -> str:
    """Text of the data for plotly, which would otherwise read tags and links in it."""
    return html.escape(label, quote=False)


def hover(trial: Trial, metric: str, names: dict[str, str]) -> str:
    """A trial in full, for the box under the pointer."""
    lines = [f"{trial.id[:ID_LENGTH]} ({trial.status})"]
    lines += [f"{names.get(key, key)} = {text(value)}" for key, value in trial.config.items()]
    lines += [f"{metric} {metric_text(trial.metric)}", f"{steps_text(trial)} steps"]
    if trial.trainable_parameters is not None:
        lines.append(f"{parameters_text(trial.trainable_parameters)} trainable parameters")
    if trial.peak_bytes is not None:
        lines.append(f"{memory_text(trial.peak_bytes)} peak memory")
    if trial.seconds is not None:
        lines.append(f"{seconds_text(trial.seconds)} of training")
    return "<br>".join(map(safe, lines))


def reverse(direction: Direction) -> bool:
    """Whether a scale must run the other way, so that its bright end is the good one."""
    return direction == "min"


def ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade in between, for logarithmic axes; only the decades where they are many."""
    decade, found = 10.0**-30, []
    while decade <= high * 1.0001:
        found += [mantissa * decade for mantissa in (1, 2, 5)]
        decade *= 10
    inside = [value for value in found if low * 0.9999 <= value <= high * 1.0001]
    whole = [value for value in inside if f"{value:e}".startswith("1.0")]
    return whole if len(inside) > 9 and len(whole) > 1 else inside
