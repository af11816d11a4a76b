"""MLflow: where runs, curves and registered adapters are kept. SQLite by default, a server by URL.

A server may be away for a while: `patiently` waits for it, and `common.curve` lets training go on meanwhile.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from common.config import Config
from common.errors import UserError
from common.logs import quieten

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds to wait for a server that does not answer."""
KEY = "codeadapters.key"
"""Tag by which a run is found again whose creation was not confirmed."""
BATCH = 1000
"""Metrics that MLflow takes in one request."""
SQLITE = "sqlite:///"


class TrackingConfig(Config):
    """Where to track."""

    uri: str | None = None
    """MLflow tracking URI; none = MLFLOW_TRACKING_URI, or SQLite in mlflow.db beside the run folder."""
    experiment: str = "codeadapters"
    """MLflow experiment."""
    parent: str | None = None
    """MLflow run that this one is part of."""
    name: str | None = None
    """Name of the run; none = that of the run folder."""


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
    # MLflow reads these two at each request. Its own retries go on for minutes, with nothing said, and may make a
    # second run where the first answer was lost; `patiently` and `Curve` try again themselves.
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        if uri.startswith(SQLITE):
            _open_sqlite(_sqlite_file(uri))
        return MlflowClient(uri, registry_uri=uri)
    except (MlflowException, OSError, ValueError, sqlite3.Error) as error:  # ValueError: no URL at all
        raise UserError(f"MLflow cannot be reached at {uri}: {error}", "give another --tracking.uri") from error


def patiently(uri: str, call: Callable[[], T], patience: float = PATIENCE) -> T:
    """`call()`, repeated while MLflow does not answer: it must be safe to repeat, since only the answer may be lost.

    Raises `UserError` when the patience (seconds) ends, and at once for what MLflow refuses.
    """
    from mlflow.exceptions import MlflowException

    until = time.monotonic() + patience
    told = False
    for pause in pauses():
        try:
            return call()
        except Exception as error:
            if not is_away(uri, error):
                if isinstance(error, MlflowException):
                    raise UserError(f"MLflow at {uri} refuses: {error}", "look at --tracking and its log") from error
                raise
            left = until - time.monotonic()
            if left <= 0:
                raise UserError(
                    f"MLflow has not answered at {uri} for {patience:.0f} s: {error}",
                    "start it, or give another --tracking.uri; submitted again, the job goes on where it stopped",
                ) from error
            if not told:
                log.warning("MLflow does not answer at %s; trying for %.0f s", uri, patience)
                told = True
        time.sleep(min(pause, left))
    raise AssertionError("pauses() never ends")


def pauses() -> Iterator[float]:
    """Seconds to wait between attempts: ever longer, up to ten."""
    pause = 0.5
    while True:
        yield pause
        pause = min(2 * pause, 10.0)


def is_away(uri: str, error: Exception) -> bool:
    """Whether the error says that MLflow does not answer now and may later, rather than that it refuses."""
    from mlflow.exceptions import InvalidUrlException, MlflowException
    from requests import HTTPError, RequestException

    if uri.startswith(SQLITE):  # a file does not go away; another process may be writing for long
        return "database is locked" in str(error)
    if isinstance(error, InvalidUrlException):
        return False
    if isinstance(error, MlflowException):  # also what it makes of a refused connection and of a timeout: 500
        status = error.get_http_status_code()
    elif isinstance(error, HTTPError) and error.response is not None:  # artifacts
        status = error.response.status_code
    else:
        return isinstance(error, (RequestException, ConnectionError, TimeoutError))
    return status >= 500 or status in (408, 429)


def start_run(
    uri: str, experiment_name: str, name: str, parameters: Mapping[str, Any], tags: Mapping[str, str], *,
    key: str | None = None, patience: float = PATIENCE,
) -> str:  # fmt: skip
    """A new MLflow run with flat, dotted parameters; returns its id.

    The run carries `key` (default: a new one) as a tag, and a run with this key is taken instead of making another:
    where the answer to an earlier attempt was lost, the run is there. `patience` as in `patiently`. A run may be the
    parent of others, which name it in the tag `mlflow.parentRunId`.
    """
    tagged = {**tags, KEY: key or uuid.uuid4().hex}
    flat = {name: str(value)[:500] for name, value in flatten(parameters).items()}
    return patiently(uri, lambda: _start(uri, experiment_name, name, flat, tagged), patience)


def end_run(
    uri: str, run_id: str, metrics: Mapping[str, float], artifacts: Iterable[Path] = (), *,
    status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED", patience: float = PATIENCE,
) -> None:  # fmt: skip
    """Log final metrics and artifacts (files, and folders under their names), and end the run with a status."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)  # one time for all attempts: MLflow drops the repeat of a point
    points = [Metric(metric_name(key), float(value), now, 0) for key, value in metrics.items()]
    files = list(artifacts)

    def end() -> None:
        store = client(uri)
        for first in range(0, len(points), BATCH):
            store.log_batch(run_id, metrics=points[first : first + BATCH])
        for file in files:
            if file.is_dir():
                store.log_artifacts(run_id, str(file), artifact_path=file.name)
            else:
                store.log_artifact(run_id, str(file))
        store.set_terminated(run_id, status)

    patiently(uri, end, patience)


def _sqlite_file(uri: str) -> Path:
    return Path(uri.removeprefix(SQLITE).partition("?")[0])


def _open_sqlite(file: Path) -> None:
    """Raise where SQLite cannot open the file, which MLflow would try for the better part of a minute."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA schema_version")


def _start(uri: str, experiment_name: str, name: str, parameters: Mapping[str, str], tags: Mapping[str, str]) -> str:
    from mlflow.entities import Param

    store = client(uri)
    experiment_id = _experiment(store, uri, experiment_name)
    found = store.search_runs([experiment_id], f"tags.`{KEY}` = '{tags[KEY]}'", max_results=1)
    run = found[0] if found else store.create_run(experiment_id, run_name=name, tags=dict(tags))
    store.log_batch(run.info.run_id, params=[Param(key, value) for key, value in parameters.items()])
    return run.info.run_id


def _experiment(store: Any, uri: str, name: str) -> str:
    """The id of an experiment, which is made where there is none."""
    from mlflow.exceptions import MlflowException

    artifacts = None
    if uri.startswith(SQLITE):  # MLflow's default would be ./mlruns of whoever comes first
        artifacts = (_sqlite_file(uri).parent / "artifacts").absolute().as_uri()
    if (found := store.get_experiment_by_name(name)) is None:
        try:
            return store.create_experiment(name, artifact_location=artifacts)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = store.get_experiment_by_name(name)  # another run was faster
    return found.experiment_id


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
