"""The whole job killed in mid-training, as a machine that loses its power would, and submitted again."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from common.adapters.folder import WEIGHTS, adapter_digest
from common.models.digests import file_digest
from jobs.training.trainer import RUN_NAME
from tests.jobs.ray import processes
from tests.jobs.ray.tiny import is_marked, last_step, last_weights, losses, mark_first_line

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.faults]


@pytest.fixture
def ray_folder():
    """A short folder for the job's own local cluster; whatever is left of it afterwards is ended."""
    folder = tempfile.mkdtemp(prefix="kill-", dir="/tmp")
    yield folder
    processes.kill_all("RAY_TMPDIR", folder)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_killed_job_goes_on_when_it_is_submitted_again(finished, tmp_path, ray_folder):
    run_dir = tmp_path / "run"
    tracking = f"sqlite:///{tmp_path}/mlflow.db"
    command = [sys.executable, "-m", "jobs.train_search", *finished.flags, "--run-dir", str(run_dir)]
    started = {
        "args": [*command, "--tracking.uri", tracking],
        "cwd": processes.ROOT,
        "env": processes.clean_environment(RAY_TMPDIR=ray_folder),
    }

    with (tmp_path / "first.log").open("wb") as log:
        process = subprocess.Popen(**started, stdout=log, stderr=log)
    saved = run_dir / "ray" / RUN_NAME / "checkpoint_manager_snapshot.json"
    processes.wait_for(saved.exists, "the first checkpoint", process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    processes.wait_for(lambda: not processes.with_variable("RAY_TMPDIR", ray_folder), "the orphans to end")
    steps = json.loads((finished.folder / "result.json").read_text("utf-8"))["training"]["steps"]
    assert 0 < last_step(run_dir) < steps, "it was not killed in mid-training"
    assert not (run_dir / "result.json").exists()
    mark_first_line(run_dir)

    again = subprocess.run(**started, capture_output=True, text=True, timeout=400, check=False)
    assert again.returncode == 0, again.stderr
    assert is_marked(run_dir), "it started over instead of going on"
    result, expected = (json.loads((f / "result.json").read_text("utf-8")) for f in (run_dir, finished.folder))
    assert result.keys() == expected.keys()
    assert result["metrics"] == expected["metrics"]
    assert losses(run_dir) == losses(finished.folder)
    assert adapter_digest(run_dir / "adapter") == adapter_digest(finished.folder / "adapter")
    assert file_digest(last_weights(run_dir)) == file_digest(last_weights(finished.folder))
    assert tracked_steps(tracking, result["tracking"]["run_id"]) == list(range(1, steps + 1))

    weights = run_dir / "adapter" / WEIGHTS
    before = weights.stat().st_mtime_ns, sorted((run_dir / "logs").iterdir())
    third = subprocess.run(**started, capture_output=True, text=True, timeout=400, check=False)
    assert third.returncode == 0, third.stderr
    assert third.stdout == again.stdout
    assert (weights.stat().st_mtime_ns, sorted((run_dir / "logs").iterdir())) == before
    assert not processes.with_variable("RAY_TMPDIR", ray_folder)


def tracked_steps(uri: str, run_id: str) -> list[int]:
    """The steps whose loss MLflow holds; one that was sent by both attempts counts once."""
    from mlflow import MlflowClient

    return sorted({point.step for point in MlflowClient(uri).get_metric_history(run_id, "loss")})


def test_the_processes_are_found_by_their_environment(tmp_path: Path):
    """Otherwise "no orphans" would be true of everything."""
    env = processes.clean_environment(RAY_TMPDIR=str(tmp_path))
    with processes.started([sys.executable, "-c", "input()"], tmp_path / "log", env) as process:
        assert processes.with_variable("RAY_TMPDIR", str(tmp_path)) in ([process.pid], [])
