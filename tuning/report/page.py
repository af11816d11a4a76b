"""report.html: one file that needs neither network nor other files."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

from plotly.io import to_html
from plotly.offline import get_plotlyjs

from tuning.outcome import Sweep, Trial
from tuning.report import contents
from tuning.report.figures import bars, curves, front, heat, parallel
from tuning.report.heat_map import heat_map
from tuning.report.values import (
    ID_LENGTH,
    describe,
    memory_text,
    metric_text,
    short_names,
    steps_text,
    swept_keys,
    text,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

# The browser itself refuses every request. plotly compiles the shaders' callers of parallel coordinates: unsafe-eval.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; form-action 'none'; base-uri 'none'"
)


def page(sweep: Sweep) -> str:
    """The whole page."""
    sections = [
        _section("Heat map", _heat(sweep)),
        _section("Curves", _curves(sweep)),
        _section("Parallel coordinates", _parallel(sweep)),
        _section("Pareto front", _front(sweep)),
        _section("Importance", _importance(sweep)),
        _section("All trials", _table(sweep, contents.all_trials(sweep))),
        _section("Failed and refused trials", _without_result(sweep)),
    ]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="color-scheme" content="light dark">
<title>Sweep {_safe(sweep.name)}</title>
<style>
{_asset("page.css")}</style>
<script>{get_plotlyjs()}</script>
</head>
<body>
<main>
<h1>Sweep {_safe(sweep.name)}</h1>
{_headline(sweep)}
{"".join(sections)}</main>
<script>
{_asset("page.js")}</script>
</body>
</html>
"""


def _headline(sweep: Sweep) -> str:
    best = sweep.best()
    facts = _terms(contents.facts(sweep))
    if best is None:
        return _card("headline", _note(f"No trial has {sweep.metric}, so none is the best.") + facts)
    score = f'<p class="score"><b>{metric_text(best.metric)}</b> {_safe(sweep.metric)}</p>'
    config = _terms({key: text(value) for key, value in best.config.items()})
    came = _note(f"Trial {best.id[:ID_LENGTH]}, {best.status}, {steps_text(best)} steps.")
    halves = f"<div><h2>Best</h2>{score}{config}{came}</div><div><h2>Sweep</h2>{facts}</div>"
    command = (
        '<p class="note">Run it again: <button type="button" id="copy">Copy</button></p>'
        f'<pre id="command">{_safe(sweep.command)}</pre>'
        if sweep.command
        else ""
    )
    return _card("headline", f'<div class="two">{halves}</div>{command}')


def _heat(sweep: Sweep) -> str:
    found = heat_map(sweep)
    if isinstance(found, str):
        return _note(found)
    return _note(contents.heat_note(sweep, found)) + _drawn("heat", heat.figure(sweep, found))


def _curves(sweep: Sweep) -> str:
    found = contents.with_curve(sweep)
    if isinstance(found, str):
        return _note(found)
    return _note(contents.curves_note(sweep)) + _drawn("curves", curves.figure(sweep, found))


def _parallel(sweep: Sweep) -> str:
    found = contents.for_parallel(sweep)
    if isinstance(found, str):
        return _note(found)
    note = (
        f"A line a trial with {sweep.metric}, coloured by it; – where a key does not apply. Drag along an axis to pick "
        "trials, drag its name to move it."
    )
    return _note(note) + _drawn("parallel", parallel.figure(sweep, found))


def _front(sweep: Sweep) -> str:
    found = contents.for_front(sweep)
    if isinstance(found, str):
        return _note(found)
    sizes = [trial.peak_bytes for trial in found if trial.peak_bytes is not None]
    memory = (
        f"A marker's area is the peak memory, {memory_text(min(sizes))} to {memory_text(max(sizes))}"
        + "; the smallest are of trials without that figure" * (len(sizes) < len(found))
        if sizes
        else "Peak memory was not measured"
    )
    note = f"{memory}. Open: trials that did not finish. The line is the best metric for a number of parameters."
    four = contents.on_front(sweep)
    table = _note(contents.front_note(sweep)) + (_table(sweep, four) if four else "")
    return _note(note) + _drawn("front", front.figure(sweep, found)) + table


def _importance(sweep: Sweep) -> str:
    found = contents.for_importance(sweep)
    if isinstance(found, str):
        return _note(found)
    return _note(contents.importance_note(sweep)) + _drawn("importance", bars.figure(found))


def _table(sweep: Sweep, found: Sequence[Trial] | str) -> str:
    """A table that sorts by a click on a column's name."""
    if isinstance(found, str):
        return _note(found)
    columns = contents.trial_columns(sweep)
    head = "".join(f'<th><button type="button">{_safe(column.title)}</button></th>' for column in columns)
    best = sweep.best()
    rows = []
    for trial in found:
        cells = "".join(f"<td{_order(c.order(trial))}>{_safe(c.text(trial))}</td>" for c in columns)
        rows.append(f"<tr{' class=best' * (trial is best)}>{cells}</tr>")
    return _scrolled(f'<table class="sortable"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>')


def _order(value: object) -> str:
    """What the script sorts a cell by: numbers as JSON, and nothing where there is nothing."""
    if value is None:
        return ""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f' data-order="{_safe(json.dumps(value) if number else str(value))}"'


def _without_result(sweep: Sweep) -> str:
    found = contents.without_result(sweep)
    if isinstance(found, str):
        return _note(found)
    names = short_names(swept_keys(sweep.trials))
    rows = "".join(
        "<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in cells) + "</tr>"
        for cells in ((t.id[:ID_LENGTH], t.status, describe(t.config, names), contents.reason(t)) for t in found)
    )
    head = "".join(f"<th>{title}</th>" for title in ("trial", "status", "configuration", "reason"))
    return _scrolled(f'<table class="reasons"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>')


def _drawn(name: str, figure: go.Figure) -> str:
    # One button, the picture: plotly's own row ends in one that uploads the figure's data to its maker's server.
    config = {"responsive": True, "displaylogo": False, "modeBarButtons": [["toImage"]], "plotlyServerURL": ""}
    drawn: str = to_html(figure, config=config, full_html=False, include_plotlyjs=False, div_id=f"figure-{name}")
    return f'<div class="figure">{drawn}</div>'


def _section(title: str, body: str) -> str:
    return _card(title.lower().replace(" ", "-"), f"<h2>{title}</h2>{body}")


def _card(name: str, body: str) -> str:
    return f'<section id="{name}">{body}</section>\n'


def _scrolled(table: str) -> str:
    return f'<div class="scroll">{table}</div>'


def _terms(terms: Mapping[str, str]) -> str:
    pairs = "".join(f"<dt>{_safe(name)}</dt><dd>{_safe(value)}</dd>" for name, value in terms.items())
    return f"<dl>{pairs}</dl>"


def _note(text: str) -> str:
    return f'<p class="note">{_safe(text)}</p>'


def _safe(text: str) -> str:
    return html.escape(text, quote=True)


def _asset(name: str) -> str:
    return (files("tuning.report") / name).read_text("utf-8")
