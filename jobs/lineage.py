"""Where a training job's run is tracked: opened with its parameters, closed with its scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from common.config import JobConfig
from common.runs import Result
from common.tracking import TrackingConfig, start_run, tracking_uri


def start_tracking(
    job: str, config: JobConfig, tracking: TrackingConfig, *, base_digest: str, fingerprint: str, folder: Path
) -> Result:
    """A new MLflow run for the job that works in `folder`; returns its place."""
    uri = tracking_uri(tracking, folder)
    tags = {"job": job, "base_digest": base_digest, "data_fingerprint": fingerprint}
    if tracking.parent:
        tags["mlflow.parentRunId"] = tracking.parent
    parameters: dict[str, Any] = config.model_dump(mode="json")
    run_id = start_run(uri, tracking.experiment, folder.name, parameters, tags)
    return {"uri": uri, "experiment": tracking.experiment, "run_id": run_id}
