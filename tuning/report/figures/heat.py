"""The heat map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from tuning.outcome import Sweep, Trial
from tuning.report.figures.style import hover, layout, reverse, safe
from tuning.report.heat_map import HeatMap, Panel
from tuning.report.values import metric_text, short_names, swept_keys


def figure(sweep: Sweep, found: HeatMap) -> go.Figure:
    """A panel a method over one colour scale, the value in each cell."""
    columns, rows = found.columns.labels, found.rows.labels
    across = min(3 if len(columns) <= 5 else 2 if len(columns) <= 8 else 1, len(found.panels))
    down = -(-len(found.panels) // across)
    height = 110 * down + down * max(150, 38 * len(rows)) + 40
    drawn = make_subplots(
        rows=down,
        cols=across,
        subplot_titles=[safe(panel.name) for panel in found.panels],
        horizontal_spacing=0.09 if across > 1 else 0,
        vertical_spacing=100 / height if down > 1 else 0,
    )
    names = short_names(swept_keys(sweep.trials))
    ink = _inked(found, reverse(sweep.direction))
    for index, panel in enumerate(found.panels):
        trace = go.Heatmap(
            z=[[cell[0].metric if cell else None for cell in line] for line in panel.cells],
            text=[[ink(cell[0].metric) if cell else "" for cell in line] for line in panel.cells],
            texttemplate="%{text}",
            textfont={"size": 12},  # otherwise by the length of the text, tags included
            customdata=_hovers(panel, sweep, names),
            hovertemplate="%{customdata}<extra></extra>",
            hoverongaps=False,
            coloraxis="coloraxis",
            xgap=2,
            ygap=2,
        )
        drawn.add_trace(trace, row=index // across + 1, col=index % across + 1)
    drawn.update_xaxes(title=safe(names[found.columns.key]), showgrid=False, tickangle=0, **_places(columns))
    drawn.update_yaxes(showgrid=False, **_places(rows))
    for row in range(down):
        drawn.update_yaxes(title=safe(names[found.rows.key]), row=row + 1, col=1)
    if found.columns.binned:
        drawn.update_xaxes(tickangle=-30)
    scale = {
        "colorscale": "Viridis",
        "reversescale": reverse(sweep.direction),
        "colorbar": {"title": {"text": safe(sweep.metric)}, "thickness": 14},
    }
    return layout(drawn, height, coloraxis=scale, margin={"l": 70, "r": 20, "t": 40, "b": 60})


def _inked(found: HeatMap, reversed_scale: bool) -> Callable[[float | None], str]:
    """Writes a value in black or white, whichever is better to read on its colour; plotly's own grey is not."""
    values = [cell[0].metric or 0.0 for panel in found.panels for line in panel.cells for cell in line if cell]
    low, width = min(values), max(values) - min(values) or 1.0

    def ink(value: float | None) -> str:
        place = ((value or 0.0) - low) / width
        dark = (1 - place if reversed_scale else place) > 0.45  # where Viridis turns light
        return f'<span style="color:{"#111" if dark else "#fff"}">{metric_text(value)}</span>'

    return ink


def _places(labels: Sequence[str]) -> dict[str, Any]:
    """Labels at 0, 1, 2, …: as plotly's categories, two values that round to the same label would be one."""
    return {"tickvals": list(range(len(labels))), "ticktext": [safe(label) for label in labels]}


def _hovers(panel: Panel, sweep: Sweep, names: dict[str, str]) -> list[list[str]]:
    return [[_cell(cell, sweep, names) for cell in line] for line in panel.cells]


def _cell(cell: tuple[Trial, ...], sweep: Sweep, names: dict[str, str]) -> str:
    if not cell:
        return ""
    return f"best of {len(cell)}:<br>{hover(cell[0], sweep.metric, names)}"
