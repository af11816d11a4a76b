"""report.md: the page's sections as tables."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from tuning.outcome import Sweep, Trial
from tuning.report import contents, pareto
from tuning.report.heat_map import heat_map
from tuning.report.values import (
    ABSENT,
    ID_LENGTH,
    describe,
    metric_text,
    parameters_text,
    short_names,
    steps_text,
    swept_keys,
    text,
)

MOST_CURVES, MOST_STEPS = 5, 10


def markdown(sweep: Sweep) -> str:
    """The report in Markdown."""
    sections = [
        f"# Sweep {_plain(sweep.name)}",
        _headline(sweep),
        "## Heat map",
        _heat(sweep),
        "## Curves",
        _curves(sweep),
        "## Pareto front",
        _front(sweep),
        "## Importance",
        _importance(sweep),
        "## All trials",
        _trials(sweep, contents.all_trials(sweep)),
        "## Failed and refused trials",
        _without_result(sweep),
    ]
    return "\n\n".join(sections) + "\n"


def _headline(sweep: Sweep) -> str:
    parts = [_table(["sweep", ""], contents.facts(sweep).items())]
    best = sweep.best()
    if best is None:
        return "\n\n".join([*parts, f"No trial has {_plain(sweep.metric)}, so none is the best."])
    rows = [(key, text(value)) for key, value in best.config.items()]
    rows += [(sweep.metric, metric_text(best.metric)), ("steps", steps_text(best)), ("status", best.status)]
    parts.append(_table([f"best: {best.id[:ID_LENGTH]}", ""], rows))
    if sweep.command:
        fence = "`" * (1 + max(2, *map(len, re.findall("`+", sweep.command)), 0))
        parts.append(f"Run it again:\n\n{fence}\n{sweep.command}\n{fence}")
    return "\n\n".join(parts)


def _heat(sweep: Sweep) -> str:
    found = heat_map(sweep)
    if isinstance(found, str):
        return _plain(found)
    parts = [_plain(contents.heat_note(sweep, found))]
    for panel in found.panels:
        rows = [
            [label, *(metric_text(cell[0].metric) if cell else ABSENT for cell in cells)]
            for label, cells in zip(found.rows.labels, panel.cells, strict=True)
        ]
        corner = f"{panel.name}: " * bool(panel.name) + f"{found.rows.key} ↓ {found.columns.key} →"
        parts.append(_table([corner, *found.columns.labels], rows))
    return "\n\n".join(parts)


def _curves(sweep: Sweep) -> str:
    found = contents.with_curve(sweep)
    if isinstance(found, str):
        return found
    best = found[:MOST_CURVES]
    steps = sorted({step for trial in best for step, _ in trial.curve})
    if len(steps) > MOST_STEPS:  # evenly, the last included
        steps = [steps[round(i * (len(steps) - 1) / (MOST_STEPS - 1))] for i in range(MOST_STEPS)]
    rows = []
    for trial in best:
        curve = dict(trial.curve)
        rows.append([trial.id[:ID_LENGTH], trial.status, *(metric_text(curve.get(step)) for step in steps)])
    note = f"{_plain(sweep.metric)} of the best {len(best)} by step."
    return f"{note}\n\n{_table(['trial', 'status', *(f'{step:,} steps' for step in steps)], rows)}"


def _front(sweep: Sweep) -> str:
    found = contents.for_front(sweep)
    if isinstance(found, str):
        return _plain(found)
    names = short_names(swept_keys(sweep.trials))
    line = pareto.front(found, {"metric": sweep.direction, "trainable_parameters": "min"})
    line.sort(key=lambda trial: trial.trainable_parameters or 0)
    rows = [
        [t.id[:ID_LENGTH], parameters_text(t.trainable_parameters), metric_text(t.metric), describe(t.config, names)]
        for t in line
    ]
    parts = [
        f"The best {_plain(sweep.metric)} for a number of trainable parameters:",
        _table(["trial", "parameters", sweep.metric, "configuration"], rows),
        _plain(contents.front_note(sweep)),
    ]
    four = contents.on_front(sweep)
    return "\n\n".join([*parts, _trials(sweep, four)] if four else parts)


def _importance(sweep: Sweep) -> str:
    found = contents.for_importance(sweep)
    if isinstance(found, str):
        return found
    rows = [(key, f"{share:.1%}") for key, share in found.items()]
    return f"{_plain(contents.importance_note(sweep))}\n\n{_table(['key', 'share'], rows)}"


def _trials(sweep: Sweep, found: Sequence[Trial] | str) -> str:
    if isinstance(found, str):
        return found
    columns = contents.trial_columns(sweep)
    return _table([column.title for column in columns], ([c.text(trial) for c in columns] for trial in found))


def _without_result(sweep: Sweep) -> str:
    found = contents.without_result(sweep)
    if isinstance(found, str):
        return found
    names = short_names(swept_keys(sweep.trials))
    rows = [(t.id[:ID_LENGTH], t.status, describe(t.config, names), contents.reason(t)) for t in found]
    return _table(["trial", "status", "configuration", "reason"], rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    first, *others = (f"| {' | '.join(map(_plain, line))} |" for line in (header, *rows))
    return "\n".join([first, "|" + " --- |" * len(header), *others])


def _plain(value: str) -> str:
    """Text of the data as text: no cell, tag, link or emphasis begins in it, and no line ends."""
    escaped = "".join(f"\\{sign}" if sign in "\\`*_[]|~" else sign for sign in " ".join(value.split()))
    return html.escape(escaped, quote=False)
