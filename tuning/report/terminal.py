"""The sweep in a terminal: a table while it runs, a summary at its end."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tuning.outcome import Direction, Sweep, Trial
from tuning.report.values import (
    ID_LENGTH,
    describe,
    metric_text,
    of_key,
    ranked,
    short_names,
    status_counts,
    steps_text,
    swept_keys,
    text,
    trained_share,
    varying_keys,
)

WIDTH = 100
MOST_KEYS = 5
"""Keys up to which each has its own column; more are written into one."""
MOST_ROWS = 20
LONGEST = 14


def trials_table(
    trials: Sequence[Trial],
    metric: str,
    direction: Direction,
    running: Sequence[Trial] = (),
    most_rows: int | None = MOST_ROWS,
) -> Table:
    """The trials as a rich table, best first.

    `running` are the trials that still train, as far as they have come; whatever status their records have, they are
    shown as running. Keys that are the same in every trial stand in the caption.
    """
    everything = [*trials, *running]
    live = {id(trial) for trial in running}
    order = ranked(everything, direction)
    shown = order if most_rows is None else order[:most_rows]
    names = short_names(swept_keys(everything))
    keys = [key for key in names if key in varying_keys(everything)]
    table = Table(box=None, pad_edge=False, caption=_caption(everything, names, keys, len(order) - len(shown)))
    table.caption_justify = "left"
    table.add_column("trial", no_wrap=True)
    columns = [names[key] for key in keys] if len(keys) <= MOST_KEYS else ["configuration"]
    for name in columns:
        table.add_column(escape(name), overflow="fold")
    table.add_column(escape(metric), justify="right", no_wrap=True)
    table.add_column("steps", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for trial in shown:
        cells = [of_key(trial, key) for key in keys]
        if len(keys) > MOST_KEYS:
            cells = [describe({key: _brief(of_key(trial, key)) for key in keys if key in trial.config}, names)]
        status = "running" if id(trial) in live else trial.status
        row = [trial.id[:ID_LENGTH], *cells, metric_text(trial.metric), steps_text(trial), status]
        table.add_row(*map(escape, row), style="bold" if trial is order[0] and trial.metric is not None else None)
    return table


def render(sweep: Sweep) -> str:
    """The end of a sweep: the best trial, what became of the others, the best twenty, what it took."""
    best = sweep.best()
    names = short_names(swept_keys(sweep.trials))
    lines = [f"{sweep.name}: {status_counts(sweep.trials)}"]
    if best is None:
        lines.append(f"best      none: no trial has {sweep.metric}")
    else:
        lines.append(f"best      {best.id[:ID_LENGTH]}  {sweep.metric} {metric_text(best.metric)}")
        lines.append(f"          {describe(best.config, names)}")
    if share := trained_share(sweep):
        lines.append(f"trained   {share}")
    if sweep.command:
        lines.append(f"again     {sweep.command}")
    if not sweep.trials:
        return "\n".join(lines)
    out = io.StringIO()
    console = Console(file=out, width=WIDTH, color_system=None)
    console.print(trials_table(sweep.trials, sweep.metric, sweep.direction))
    return "\n".join([*lines, "", *(line.rstrip() for line in out.getvalue().splitlines())])


def _brief(value: str) -> str:
    """Short enough that a configuration of many keys stays on a few lines."""
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"


def _caption(trials: Sequence[Trial], names: dict[str, str], keys: Sequence[str], hidden: int) -> str | None:
    """The keys without a column, and the rows that are not shown."""
    constant = {}
    for key in names:
        if key not in keys:
            constant[names[key]] = next(text(trial.config[key]) for trial in trials if key in trial.config)
    parts = ["same in all: " + ", ".join(f"{name}={value}" for name, value in constant.items())] if constant else []
    parts += [f"… and {hidden:,} more"] if hidden else []
    return escape("; ".join(parts)) or None
