"""A sweep in MLflow: one parent run, a child run a trial. Metrics and artifacts are those of the outcome."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from common.errors import UserError
from common.runs import CONFIG, Result
from common.tracking import end_run, start_run, tracking_uri
from tuning.config import SweepConfig
from tuning.outcome import Sweep, Trial

if TYPE_CHECKING:
    from tuning.setup import Setup

log = logging.getLogger(__name__)
_STATUS: dict[str, Literal["FINISHED", "FAILED", "KILLED"]]
_STATUS = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED", "refused": "FAILED"}


def start_parent(config: SweepConfig, folder: Path, fingerprint: str) -> Result:
    """The sweep's own run; returns its place."""
    uri = tracking_uri(config.tracking, folder)
    tags = {"job": "sweep", "swept": config.job, "data_fingerprint": fingerprint}
    if config.tracking.parent:
        tags["mlflow.parentRunId"] = config.tracking.parent
    name = config.name or folder.name
    run_id = start_run(uri, config.tracking.experiment, name, config.model_dump(mode="json"), tags)
    return {"uri": uri, "experiment": config.tracking.experiment, "run_id": run_id}


def close_trial(setup: Setup, trial: Trial, run_dir: Path) -> None:
    """End a trial's run with its figures, adapter, manifest and configuration. A tracker that is away for too long
    costs the trial nothing: what it was to be told lies in the run folder."""
    assert trial.tracking_run and setup.tracking.uri
    figures = {
        "metric": trial.metric, "trained_steps": trial.trained_steps, "peak_bytes": trial.peak_bytes,
        "trainable_parameters": trial.trainable_parameters, "train_seconds": trial.seconds,
    }  # fmt: skip
    known = {name: float(value) for name, value in figures.items() if value is not None}
    files = [file for file in (run_dir / "adapter", run_dir / CONFIG) if file.exists()]
    try:
        end_run(setup.tracking.uri, trial.tracking_run, known, files, status=_STATUS[trial.status])
    except UserError as error:
        log.warning("trial %s is not closed in MLflow: %s", trial.id, error.message)


def end_parent(tracked: Result, sweep: Sweep, files: list[Path]) -> None:
    """End the sweep's run with the best figure, the counts and the report."""
    best = sweep.best()
    figures = {f"trials_{status}": float(sum(t.status == status for t in sweep.trials)) for status in _STATUS}
    figures["trained_steps"] = float(sum(trial.trained_steps for trial in sweep.trials))
    if best and best.metric is not None:
        figures["best_metric"] = best.metric
    end_run(tracked["uri"], tracked["run_id"], figures, files)
