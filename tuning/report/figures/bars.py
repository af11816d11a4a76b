"""Importance."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from tuning.report.figures.style import FINISHED, layout, safe


def figure(found: Mapping[str, float]) -> go.Figure:
    """A bar a key, the largest on top."""
    keys = list(found)[::-1]
    drawn = go.Figure(
        go.Bar(
            x=[found[key] for key in keys],
            y=[safe(key) for key in keys],
            orientation="h",
            marker={"color": FINISHED},
            text=[f"{found[key]:.1%}" for key in keys],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    drawn.update_xaxes(title="share of the variance explained", tickformat=".0%", rangemode="tozero")
    drawn.update_yaxes(type="category", ticksuffix="  ", showgrid=False)
    return layout(drawn, 120 + 38 * len(keys), margin={"l": 70, "r": 70, "t": 30, "b": 60})
