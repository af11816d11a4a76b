"""MLflow: where runs, curves and registered adapters are kept. SQLite by default, a server by URL."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.config import Config
from common.errors import UserError
from common.logs import quieten
from common.runs import write_text

log = logging.getLogger(__name__)


class TrackingConfig(Config):
    """Where to track."""

    uri: str | None = None
    """MLflow tracking URI; none = MLFLOW_TRACKING_URI, or SQLite in mlflow.db beside the run folder."""
    experiment: str = "codeadapters"
    """MLflow experiment."""
    parent: str | None = None
    """MLflow run that this one is part of."""


def tracking_uri(config: TrackingConfig, run_dir: Path) -> str:
    """The URI in force for a run in `run_dir`.

    The default lies beside the run folder and not in the working folder, which for a submitted job is a temporary copy.
    """
    default = f"sqlite:///{run_dir.absolute().parent}/mlflow.db"
    return config.uri or os.environ.get("MLFLOW_TRACKING_URI") or default


def client(uri: str) -> Any:
    """An `MlflowClient`; a SQLite file's folder is made. Raises `UserError` where the store cannot be opened."""
    quieten()
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    try:
        return MlflowClient(uri, registry_uri=uri)
    except MlflowException as error:
        raise UserError(f"MLflow cannot be reached at {uri}: {error}", "give another --tracking.uri") from error


def start_run(uri: str, experiment_name: str, name: str, parameters: Mapping[str, Any], tags: Mapping[str, str]) -> str:
    """A new MLflow run with flat, dotted parameters; returns its id."""
    store = client(uri)
    experiment = store.get_experiment_by_name(experiment_name)
    if experiment is None:
        artifacts = None
        if uri.startswith("sqlite:///"):  # MLflow's default would be ./mlruns of whoever comes first
            artifacts = (Path(uri.removeprefix("sqlite:///")).parent / "artifacts").absolute().as_uri()
        experiment_id = store.create_experiment(experiment_name, artifact_location=artifacts)
    else:
        experiment_id = experiment.experiment_id
    run = store.create_run(experiment_id, run_name=name, tags=dict(tags))
    for key, value in flatten(parameters).items():
        store.log_param(run.info.run_id, key, str(value)[:500])
    return run.info.run_id


def end_run(uri: str, run_id: str, metrics: Mapping[str, float], artifacts: Path | None = None) -> None:
    """Log final metrics and a folder of artifacts, and mark the run finished."""
    store = client(uri)
    for key, value in metrics.items():
        store.log_metric(run_id, metric_name(key), value)
    if artifacts:
        store.log_artifacts(run_id, str(artifacts), artifact_path=artifacts.name)
    store.set_terminated(run_id)


class Curve:
    """A training curve: appended to a JSONL file, which is the truth, and sent to MLflow, which may be away."""

    def __init__(self, file: Path, uri: str | None, run_id: str | None) -> None:
        self.file = file
        self._uri, self._run_id = uri, run_id
        self._waiting: list[tuple[str, float, int, int]] = []
        self._client: Any = None
        self._warned = False

    def log(self, step: int, **values: float) -> None:
        """Record values at a step; `flush` sends them."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        now = int(time.time() * 1000)
        self._waiting += [(metric_name(key), float(value), now, step) for key, value in values.items()]

    def rewind(self, step: int) -> None:
        """Forget what was recorded after `step`: a resumed run records it again."""
        if self.file.exists():
            kept = [line for line in self.file.read_text("utf-8").splitlines() if _step_of(line) <= step]
            write_text(self.file, "".join(line + "\n" for line in kept))

    def flush(self) -> None:
        """Send what has not been sent to MLflow; on failure it waits for the next call and training goes on."""
        if not (self._uri and self._run_id and self._waiting):
            return
        try:
            quieten()
            from mlflow.entities import Metric

            self._client = self._client or client(self._uri)
            batch = [Metric(key, value, timestamp, step) for key, value, timestamp, step in self._waiting]
            self._client.log_batch(self._run_id, metrics=batch)
            self._waiting.clear()
        except Exception as error:  # tracking must not stop training; the file holds everything
            if not self._warned:
                log.warning("MLflow does not answer (%s); the curve is kept in %s", error, self.file)
                self._warned = True


def _step_of(line: str) -> float:
    """The step of a line of the curve; a line cut off by a crash counts as never recorded."""
    try:
        return json.loads(line)["step"]
    except ValueError:
        return float("inf")


def metric_name(key: str) -> str:
    """MLflow allows no `@` in metric names: `ndcg@10` is `ndcg_at_10` there."""
    return key.replace("@", "_at_")


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mapping → dotted keys, as on the command line."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
