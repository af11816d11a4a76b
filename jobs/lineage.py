"""Where a training job's run is tracked: opened with its parameters, closed with its scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.config import JobConfig
from common.runs import Result
from common.tracking import TrackingConfig, start_run, tracking_uri

LET_GO = 30.0
"""Seconds that a trial waits for the process that had its folder before: it may have lost its cluster just now."""


@dataclass(frozen=True)
class Trial:
    """What a sweep adds to a training run."""

    gate: Path
    """Folder where the run waits after each evaluation for leave to go on (jobs.training.gate)."""
    shared: Any = None
    """Reference to what all trials share in Ray's object store."""
    resume_from: Path | None = None
    """Checkpoint of another trial to begin with."""
    pausing: bool = False
    """Whether the run may be paused, and so its training is not a step that is over when it returns."""


def start_tracking(
    job: str, config: JobConfig, tracking: TrackingConfig, *, folder: Path, base_digest: str | None = None,
    fingerprint: str | None = None,
) -> Result:  # fmt: skip
    """A new MLflow run for the job that works in `folder`; returns its place.

    A job over several others, such as a sweep, has a run, too: theirs name it in `tracking.parent`.
    """
    uri = tracking_uri(tracking, folder)
    known = {
        "job": job,
        "base_digest": base_digest,
        "data_fingerprint": fingerprint,
        "mlflow.parentRunId": tracking.parent,
    }
    tags = {name: value for name, value in known.items() if value}
    parameters: dict[str, Any] = config.model_dump(mode="json")
    run_id = start_run(uri, tracking.experiment, tracking.name or folder.name, parameters, tags)
    return {"uri": uri, "experiment": tracking.experiment, "run_id": run_id}
