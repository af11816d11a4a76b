"""What a sweep will try, before Ray is there: the trials' common configuration, the space, its points, the limits."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from common.config import merge, read_yaml
from common.errors import ConfigError
from common.runs import write_json
from tuning.config import SweepConfig
from tuning.outcome import Trial
from tuning.setup import Setup, outcome_of
from tuning.space import PRESETS, Axis, Point, Space, check_keys
from tuning.tasks import TASKS

_OWN = ("run_dir", "cluster", "tracking")
_SHOWN = 6
_CHECKED = 20_000
"""Corners of the space that are looked at before data are read: a large one has more than anybody waits for."""
_SEED = "training.seed"
_PBT_KEYS = ("training.learning_rate", "training.weight_decay", "training.temperature", "training.clip_norm")


def template_of(config: SweepConfig) -> dict[str, Any]:
    """What every trial has: the file, what is laid over it, and the marks at which the stopping compares."""
    given = read_yaml(config.start_from) if config.start_from else {}
    values = merge(given, config.fixed)
    foreign = [key for key in _OWN if key in config.fixed]
    if foreign:
        raise ConfigError(f"fixed.{foreign[0]} is the sweep's own", f"give {foreign[0]} beside `fixed`")
    values = {key: value for key, value in values.items() if key not in _OWN}
    task = TASKS[config.job]
    values = task.reporting(values, task.check_metric(config.metric))
    rungs = config.search.rungs()
    training = dict(values.get("training", {}))
    if rungs and not training.get("evaluate_at"):
        training["evaluate_at"] = [*rungs, 1.0]
    return {**values, "training": training}


def space_of(config: SweepConfig, template: dict[str, Any]) -> Space:
    """The axes in force; raises `ConfigError` where they are no space for this job."""
    axes = {**(PRESETS[config.preset] if config.preset else {}), **config.space}
    if config.search.repeats > 1:
        if "training.seed" in axes:
            raise ConfigError("search.repeats trains each point with several seeds, and so does space.training.seed")
        first = int(template["training"].get("seed", 0))
        axes["training.seed"] = Axis(values=tuple(range(first, first + config.search.repeats)))
    check_keys(axes, TASKS[config.job].config)
    if config.search.stopping == "pbt" and (foreign := [key for key in axes if key not in _PBT_KEYS]):
        raise ConfigError(
            f"space.{foreign[0]}: pbt changes trials on their way, and only {', '.join(_PBT_KEYS)} can change then",
            "use stopping asha or none for the others",
        )
    return Space(axes, str(template.get("peft", {}).get("method", "lora")))


def prepared(config: SweepConfig, folder: Path) -> tuple[Setup, Space]:
    """Everything that is known before Ray is there: the space is checked, then the data are written once."""
    task, template = TASKS[config.job], template_of(config)
    space = space_of(config, template)
    metric = task.check_metric(config.metric)
    setup = Setup(
        job=config.job, template=template, swept=tuple(space.axes), folder=folder, metric=metric,
        direction=task.metrics[metric], data={"fingerprint": ""}, cluster=config.cluster, tracking=config.tracking,
    )  # fmt: skip
    corners = itertools.islice(space.corners(), _CHECKED)
    checked = [setup.config(point) for point in corners]  # before data are read: a contradiction names its point
    widest = max(checked, key=lambda one: one.peft.virtual_tokens or 0)  # it leaves texts the least room
    file = folder / "steps" / "data.json"
    if file.exists():
        data = json.loads(file.read_text("utf-8"))
    else:
        data = task.prepare(widest, folder)
        write_json(file, data)
    return replace(setup, data=data), space


def points(config: SweepConfig, space: Space) -> list[Point] | None:
    """The points of a grid or a random choice, in the order in which they are tried; None where TPE chooses them."""
    if config.search.points == "tpe":
        return None
    if config.search.points == "random":
        assert config.search.trials
        if config.search.repeats == 1:
            return space.sample(config.search.trials, config.search.seed)
        once = Space({key: axis for key, axis in space.axes.items() if key != _SEED}, space.method)
        found = once.sample(config.search.trials, config.search.seed)
        return [{**point, _SEED: seed} for point in found for seed in space.axes[_SEED].values]
    every = space.grid()
    if config.search.stopping != "none":  # in the grid's order like would meet like at the rungs
        Random(config.search.seed).shuffle(every)
    return every


def refuse(config: SweepConfig, setup: Setup, point: Point) -> Trial | None:
    """The refusal of a point that is predicted to exceed the limits, None where it keeps them."""
    limits, task = config.limits, TASKS[config.job]
    reason = None
    if limits.trainable_parameters is not None:
        count = task.trainable_parameters(setup.config(point))
        if count is None:
            raise ConfigError("limits.trainable_parameters: they cannot be counted for this base", "drop the limit")
        if count > limits.trainable_parameters:
            reason = (
                f"trains {count:,} parameters, limits.trainable_parameters allows {limits.trainable_parameters:,.0f}"
            )
    if limits.memory_gb is not None and reason is None:
        peak = task.memory(setup.config(point), setup.folder)
        if peak is None:
            raise ConfigError(
                f"limits.memory_gb: {config.job} does not predict its memory for this base",
                "limit trainable_parameters, or drop the limit",
            )
        if peak > limits.memory_gb * 1e9:
            reason = f"is predicted to take {peak / 1e9:.2f} GB a worker, limits.memory_gb allows {limits.memory_gb:g}"
    if reason is None:
        return None
    return Trial(id=setup.identify(point), config=dict(point), status="refused", reason=reason)


def earlier(config: SweepConfig, setup: Setup) -> list[Trial]:
    """Trials that have ended: of an earlier submission, and of the sweep to start from. Failed ones are tried again.

    Raises `ConfigError` where that sweep is of another job or other data.
    """
    found = {}
    if config.warm_start:
        found = {trial.id: trial for trial in _of_sweep(config.warm_start, config, setup)}
    for place in sorted((setup.folder / "trials").glob("*")):
        if (trial := outcome_of(place)) is not None:
            found[trial.id] = trial
    return [trial for trial in found.values() if trial.status in ("finished", "stopped")]


def _of_sweep(folder: Path, config: SweepConfig, setup: Setup) -> list[Trial]:
    file = folder / "result.json"
    if not file.exists():
        raise ConfigError(
            f"warm_start: {folder} holds no finished sweep", "give the run folder of one, with result.json"
        )
    result = json.loads(file.read_text("utf-8"))
    if "sweep" not in result:
        raise ConfigError(f"warm_start: {folder} holds a run of {result.get('job')}", "give the run folder of a sweep")
    there = (result["sweep"]["job"], result["sweep"]["metric"], result["data"]["fingerprint"])
    here = (config.job, setup.metric, setup.data["fingerprint"])
    if there != here:
        raise ConfigError(
            f"warm_start: {folder} swept {there[0]} by {there[1]} on data {str(there[2])[:12]}, this is {here[0]} by "
            f"{here[1]} on {here[2][:12]}",
            "its figures say nothing here: leave warm_start out",
        )
    return [Trial.model_validate(trial) for trial in result["trials"]]


def plan(config: SweepConfig) -> str:
    """What the sweep would try, once base, data and space have been looked at."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        setup, space = prepared(config, Path(folder))
        known = earlier(config, setup)
        tried = points(config, space)
        refused = [trial for point in tried or () if (trial := refuse(config, setup, point))]
        steps = TASKS[config.job].steps(setup.config(next(iter(space.corners()))), setup.data)
        first = list(tried or ())[:_SHOWN]
        ids = [setup.identify(point) for point in first]
    count = len(tried) if tried is not None else config.search.trials or 0
    rungs = ", ".join(f"{share:.3g}" for share in config.search.rungs())
    size = space.size()
    lines = [
        f"job       jobs.{config.job}, compared by {setup.metric} on the dev split ({setup.direction})",
        *(f"axis      {key}: {_axis_told(axis)}" for key, axis in space.axes.items()),
        f"points    {count} ({config.search.points}{f', of a grid of {size}' if size else ''}); "
        f"{len(refused)} exceed the limits{f', {len(known)} known from {config.warm_start}' if known else ''}",
        f"trial     {steps:,} steps on {config.cluster.num_workers} workers of {config.cluster.cpus_per_worker:g} CPUs",
        f"stopping  {config.search.stopping}{f', compared after {rungs} of a run' if rungs else ''}",
        *(f"  {name}  {_told(point)}" for name, point in zip(ids, first, strict=True)),
        *([f"  … and {count - len(first)} more"] if tried is not None and count > len(first) else []),
        *(f"refused   {_told(trial.config)}: {trial.reason}" for trial in refused),
    ]
    return "\n".join(lines)


def _axis_told(axis: Axis) -> str:
    values = ", ".join(map(str, axis.values)) or f"{axis.low:g} … {axis.high:g}{' (log)' if axis.log else ''}"
    when = "; ".join(f"{key} is {' or '.join(map(str, allowed))}" for key, allowed in axis.when.items())
    return f"{values}{f', where {when}' if when else ''}"


def _told(point: Point) -> str:
    return ", ".join(f"{key}={value}" for key, value in point.items())
