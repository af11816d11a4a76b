"""What each section has to show, or in one sentence why it shows nothing: the same for the page and for Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tuning.outcome import Sweep, Trial
from tuning.report import pareto
from tuning.report.heat_map import HeatMap
from tuning.report.importance import FEWEST, comparable
from tuning.report.values import (
    ABSENT,
    ID_LENGTH,
    better,
    memory_text,
    metric_text,
    of_key,
    parameters_text,
    ranked,
    scored,
    seconds_text,
    short_names,
    status_counts,
    steps_text,
    swept_keys,
    trained_share,
    varying_keys,
)


@dataclass(frozen=True)
class Column:
    """A column of a table of trials."""

    title: str
    text: Callable[[Trial], str]
    order: Callable[[Trial], object]
    """What it is sorted by: numbers, or none for the end."""


def facts(sweep: Sweep) -> dict[str, str]:
    """The sweep in a few lines."""
    share = trained_share(sweep)
    return {
        "job": sweep.job,
        "scheduler": sweep.scheduler,
        "metric": f"{sweep.metric} on the dev split, {better(sweep.direction)}",
        "trials": f"{len(sweep.trials):,}: {status_counts(sweep.trials)}",
        **({"trained": share} if share else {}),
        "wall time": seconds_text(sweep.seconds),
    }


def trial_columns(sweep: Sweep) -> list[Column]:
    """Every figure of a trial."""
    keys = swept_keys(sweep.trials)
    names = short_names(keys)
    return [
        Column("trial", lambda trial: trial.id[:ID_LENGTH], lambda trial: trial.id),
        *(_swept(key, names[key]) for key in keys),
        Column(sweep.metric, lambda trial: metric_text(trial.metric), lambda trial: trial.metric),
        Column("steps", steps_text, lambda trial: trial.trained_steps),
        Column("parameters", lambda t: parameters_text(t.trainable_parameters), lambda t: t.trainable_parameters),
        Column("peak memory", lambda trial: memory_text(trial.peak_bytes), lambda trial: trial.peak_bytes),
        Column("time", lambda trial: seconds_text(trial.seconds), lambda trial: trial.seconds),
        Column("status", lambda trial: trial.status, lambda trial: trial.status),
    ]


def _swept(key: str, title: str) -> Column:
    return Column(title, lambda trial: of_key(trial, key), lambda trial: trial.config.get(key))


def all_trials(sweep: Sweep) -> list[Trial] | str:
    """Best first."""
    return ranked(sweep.trials, sweep.direction) or "The sweep has no trials."


def heat_note(sweep: Sweep, found: HeatMap) -> str:
    """What a cell is, and which methods have none."""
    note = f"Each cell is the best {sweep.metric} over all other keys; trials that were stopped count as well."
    lacking = f" Without {found.columns.key} or {found.rows.key}, and so not shown: {', '.join(found.left_out)}."
    return note + lacking * bool(found.left_out)


def with_curve(sweep: Sweep) -> list[Trial] | str:
    """The trials that were evaluated at all, best first."""
    found = [t for t in ranked(sweep.trials, sweep.direction) if any(math.isfinite(value) for _, value in t.curve)]
    return found or "No trial was evaluated, so there are no curves."


def curves_note(sweep: Sweep) -> str:
    """How to read the curves."""
    return f"{sweep.metric} on the dev split by training step ({better(sweep.direction)}); stopped trials are light."


def for_parallel(sweep: Sweep) -> list[Trial] | str:
    """The trials with a metric, where a key tells them apart."""
    found = scored(sweep.trials)
    if len(found) < 2:
        return f"Parallel coordinates compare trials that have a metric: {_few(len(found))} here."
    return found if varying_keys(found) else "No swept key takes several values among the trials that have a metric."


def for_front(sweep: Sweep) -> list[Trial] | str:
    """The trials that can be placed by quality and size."""
    found = [
        trial
        for trial in pareto.complete(sweep.trials, ("metric", "trainable_parameters"))
        if (trial.trainable_parameters or 0) > 0  # the axis is logarithmic
    ]
    if len(found) < 2:
        return f"A Pareto front needs two trials with {sweep.metric} and trainable parameters: {_few(len(found))} here."
    return found


def on_front(sweep: Sweep) -> list[Trial]:
    """The finished trials that are not dominated in quality and all costs together, best first.

    A stopped trial would be on it for the time that it was not given.
    """
    return ranked(pareto.front(_complete(sweep), pareto.objectives(sweep)), sweep.direction)


def front_note(sweep: Sweep) -> str:
    """How many trials are on the front in all four objectives."""
    found = _complete(sweep)
    if not found:
        return "No trial finished with metric, parameters, peak memory and time, so there is no front over the four."
    return (
        f"Of the {len(found)} trials that finished, {len(on_front(sweep))} are not dominated in {sweep.metric}, "
        "trainable parameters, peak memory and time together:"
    )


def _complete(sweep: Sweep) -> list[Trial]:
    finished = [trial for trial in sweep.trials if trial.status == "finished"]
    return pareto.complete(finished, pareto.objectives(sweep))


def for_importance(sweep: Sweep) -> dict[str, float] | str:
    """Key → share, largest first."""
    if sweep.importance:
        return dict(sorted(sweep.importance.items(), key=lambda item: -item[1]))
    found = comparable(sweep.trials)
    if len(found) < FEWEST:
        return (
            f"Importance needs {FEWEST} trials that finished at the same last step, since stopped ones cannot be "
            f"compared with them: {_few(len(found))} here."
        )
    return "Neither a swept key nor the metric differs enough among the finished trials to tell importance."


def importance_note(sweep: Sweep) -> str:
    """What the shares are shares of."""
    return (
        f"Share of the variance of {sweep.metric} that each key explains alone (fANOVA), over the "
        f"{len(comparable(sweep.trials))} trials that finished at the same last step."
    )


def without_result(sweep: Sweep) -> list[Trial] | str:
    """The failed and the refused trials."""
    return [t for t in sweep.trials if t.status in ("failed", "refused")] or "No trial failed, and none was refused."


def reason(trial: Trial) -> str:
    """Why a trial failed or was refused."""
    return trial.reason or ABSENT


def _few(count: int) -> str:
    return f"there {'are' if count != 1 else 'is'} {count or 'none'}"
