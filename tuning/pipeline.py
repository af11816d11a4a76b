"""The sweep, step by step: data once, trials on Ray Tune, the best one finished, the report.

SWEEP/data           what all trials share
SWEEP/trials/ID      a trial (tuning.trial)
SWEEP/report.html, report.md, trials.csv
SWEEP/result.json    last

A resubmission learns from the trials that have ended and goes on with those that have not: a point's folder is named
by its configuration, and a run folder goes on where it stopped. Nothing of Ray Tune's own state is needed for that.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from common.errors import UserError
from common.runs import Result, RunFolder
from jobs.ray_session import connected
from tuning.config import SweepConfig
from tuning.outcome import Sweep, Trial
from tuning.plan import points, prepared
from tuning.setup import Setup
from tuning.space import Space
from tuning.tasks import TASKS, Task

log = logging.getLogger(__name__)


def sweep(config: SweepConfig) -> Result:
    """Run the sweep in its run folder, or go on with it; returns the result, also of one that was complete already."""
    with RunFolder.open(run_folder(config), config) as run:
        if done := run.result():
            return done
        run.log_to_file()
        started = time.time()
        task = TASKS[config.job]
        setup, space = prepared(config, run.path)
        from tuning.tracking import end_parent, start_parent

        tracked = run.step("tracking", lambda: start_parent(config, run.path, setup.data["fingerprint"]))
        tracking = config.tracking.model_copy(update={"uri": tracked["uri"], "parent": tracked["run_id"]})
        setup = replace(setup, tracking=tracking)
        with connected(config.cluster):
            from tuning.drive import drive, reserved

            trials = drive(config, setup, space, points(config, space))
            reserved_after = reserved()
            found = outcome(config, setup, space, trials, time.time() - started)
            best = found.best()
            if best is None:
                raise UserError(
                    f"none of {len(found.trials)} trials has a {setup.metric}: {_first_reason(found.trials)}",
                    f"their logs lie in {run.path / 'trials'}; submitted again, the sweep tries them again",
                )
            finished = run.step("finish", lambda: _finish(config, task, setup, best)) if config.finish else None
        from tuning.report import write_report

        write_report(found, run.path)
        end_parent(tracked, found, [run.path / name for name in ("report.html", "report.md", "trials.csv")])
        return run.finish(
            {
                "job": "sweep",
                "sweep": found.model_dump(mode="json"),
                "best": {"id": best.id, "config": best.config, "metric": best.metric, "adapter": best.adapter},
                "trials": [trial.model_dump(mode="json") for trial in found.trials],
                "trained_steps": sum(trial.trained_steps for trial in found.trials),
                "grid_steps": found.grid_steps,
                "reserved_cpus_after": reserved_after,
                "data": setup.data,
                "finished": finished,
                "tracking": tracked,
                "run_dir": str(run.path),
            }
        )


def run_folder(config: SweepConfig) -> Path:
    """Where the sweep works."""
    return config.run_dir or Path("runs/sweep")


def outcome(config: SweepConfig, setup: Setup, space: Space, trials: Sequence[Trial], seconds: float) -> Sweep:
    """The sweep as its report shows it."""
    from tuning.report.importance import importance

    steps = max((trial.steps for trial in trials), default=0)
    size = space.size()
    name = (
        config.search.points
        if config.search.stopping == "none"
        else f"{config.search.points} + {config.search.stopping}"
    )
    found = Sweep(
        name=config.name or setup.folder.name, job=config.job, metric=setup.metric, direction=setup.direction,
        scheduler=name, trials=tuple(trials), importance=importance(trials, setup.direction), seconds=seconds,
        grid_steps=size * steps if size and config.search.stopping != "pbt" else None,
    )  # fmt: skip
    best = found.best()
    return found.model_copy(update={"command": command(config, setup, best)}) if best else found


def command(config: SweepConfig, setup: Setup, best: Trial) -> str:
    """The best configuration as a command that trains it again by itself."""
    file = setup.folder / "best.yaml"
    write_best(setup, best, file)
    return f"python -m jobs.{config.job} --config {file} --run-dir runs/best"


def write_best(setup: Setup, best: Trial, file: Path) -> None:
    """The best trial's configuration as a file that the job's --config reads."""
    import yaml

    from common.runs import write_text

    resolved = setup.config(best.config)
    values = resolved.model_dump(mode="json", exclude_none=True, exclude={"run_dir", "cluster", "tracking"})
    write_text(file, yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def _finish(config: SweepConfig, task: Task, setup: Setup, best: Trial) -> Result:
    """Score the best adapter on the test sets and register it."""
    assert best.adapter
    run_dir = Path(best.adapter).parent
    done = task.finish(setup.config(best.config, run_dir))
    return {"adapter": done["adapter"], "metrics": done.get("metrics") or done.get("macro"), "run_dir": str(run_dir)}


def _first_reason(trials: Sequence[Trial]) -> str:
    return next((trial.reason for trial in trials if trial.reason), "no reason is on record")


def show(result: Result) -> str:
    """The end of a sweep as a person wants to read it."""
    from tuning.report.terminal import render

    lines = [render(Sweep.model_validate(result["sweep"])), ""]
    if done := result["finished"]:
        adapter = done["adapter"]
        lines.append(f"registry  {adapter['name']}@{adapter['alias']}, version {adapter['version']}")
    lines += [
        f"adapter   {result['best']['adapter']}",
        f"report    {result['run_dir']}/report.html",
        f"tracking  {result['tracking']['uri']}, run {result['tracking']['run_id']}",
    ]
    return "\n".join(lines)
