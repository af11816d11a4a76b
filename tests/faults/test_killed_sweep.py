"""A sweep whose driver, a worker, a trial and a node are killed: it completes; no trial is lost or counted twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.ray import processes
from tests.jobs.ray.tiny import BATCH, Tiny, lines

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.faults]
RATES, STEPS = [1e-3, 2e-3, 3e-3], 240


@pytest.fixture
def ray_folder():
    """A short folder for the sweep's own local cluster; whatever is left of it afterwards is ended."""
    folder = tempfile.mkdtemp(prefix="kill-", dir="/tmp")
    yield folder
    processes.kill_all("RAY_TMPDIR", folder)
    shutil.rmtree(folder, ignore_errors=True)


def command(tiny: Tiny, folder: Path, **given: Any) -> list[str]:
    """A sweep over three rates, one after another, eight evaluations each."""
    values = {
        "fixed": {
            "model": str(tiny.base), "name": "killed", "encoder": {"pooling": "mean", "max_length": 64},
            "data": {"source": "pairs", "train": str(tiny.train), "dev": str(tiny.dev), "test": str(tiny.test)},
            "training": {"batch": BATCH, "epochs": STEPS * BATCH / 480, "evaluations": 8, "precision": "fp32"},
        },
        "space": {"training.learning_rate": RATES},
        "finish": False,
        "tracking": {"uri": f"sqlite:///{folder}/mlflow.db"},
        **given,
    }  # fmt: skip
    file = folder / "sweep.json"  # YAML reads JSON
    file.write_text(json.dumps(values), "utf-8")
    return [sys.executable, "-m", "tuning.sweep", "--config", str(file), "--run-dir", str(folder / "sweep")]


def curves(folder: Path) -> dict[str, Path]:
    """The curve of each trial that has one."""
    return {place.name: place / "run" / "metrics.jsonl" for place in (folder / "sweep" / "trials").glob("*")}


def trained(folder: Path) -> list[str]:
    """Trials that train and have a checkpoint."""
    saved = (folder / "sweep" / "trials").glob("*/run/ray/train/checkpoint_manager_snapshot.json")
    places = [file.parents[3] for file in saved]
    return [place.name for place in places if not (place / "trial.json").exists()]


def check(folder: Path, result: dict[str, Any]) -> None:
    """Every point once, trained to its end, in a curve without gaps or repetitions; nothing stays reserved."""
    assert sorted(trial["config"]["training.learning_rate"] for trial in result["trials"]) == RATES
    assert [(trial["status"], trial["trained_steps"]) for trial in result["trials"]] == [("finished", STEPS)] * 3
    assert result["trained_steps"] == 3 * STEPS
    assert result["reserved_cpus_after"] == 0
    for name in curves(folder):
        steps = [line["step"] for line in lines(folder / "sweep" / "trials" / name / "run") if "loss" in line]
        assert steps == list(range(1, STEPS + 1)), name
    assert len(curves(folder)) == 3


def test_driver_worker_and_trial_are_killed_in_turn(ray_cluster, tiny, tmp_path, ray_folder):
    started = {
        "args": command(tiny, tmp_path, search={"concurrent": 1}),
        "cwd": processes.ROOT,
        "env": processes.clean_environment(RAY_TMPDIR=ray_folder),
    }
    with (tmp_path / "first.log").open("wb") as log:
        process = subprocess.Popen(**started, stdout=log, stderr=log)
    first = processes.wait_for(lambda: list((tmp_path / "sweep" / "trials").glob("*/trial.json")), "a trial", process)
    (second,) = processes.wait_for(lambda: trained(tmp_path), "the second trial's checkpoint", process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    processes.wait_for(lambda: not processes.with_variable("RAY_TMPDIR", ray_folder), "the orphans to end")
    done, half = first[0].stat().st_mtime_ns, lines(tmp_path / "sweep" / "trials" / second / "run")[-1]["step"]
    assert 0 < half < STEPS

    with (tmp_path / "second.log").open("wb") as log:
        process = subprocess.Popen(**started, stdout=log, stderr=log)
    _kill(ray_folder, "RayTrainWorker", process)  # of the second trial
    (third,) = processes.wait_for(lambda: [n for n in trained(tmp_path) if n != second], "the third trial", process)
    _kill(ray_folder, "ImplicitFunc", process)
    assert process.wait(processes.PATIENCE) == 0, (tmp_path / "second.log").read_text("utf-8")[-3000:]
    assert first[0].stat().st_mtime_ns == done, "a finished trial was trained again"
    check(tmp_path, json.loads((tmp_path / "sweep" / "result.json").read_text("utf-8")))
    assert third != second


def test_ctrl_c_ends_the_sweep_and_calls_nothing_complete(ray_cluster, tiny, tmp_path, ray_folder):
    process = subprocess.Popen(
        command(tiny, tmp_path), cwd=processes.ROOT, env=processes.clean_environment(RAY_TMPDIR=ray_folder),
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    processes.wait_for(lambda: trained(tmp_path), "a trial's checkpoint", process)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=processes.PATIENCE)[1]
    assert process.returncode == 130, said[-3000:]
    assert "the same command goes on from here" in said
    assert not (tmp_path / "sweep" / "result.json").exists()


def test_a_node_is_lost(ray_cluster, tiny, tmp_path, monkeypatch):
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="node-", dir="/tmp")
    for name, value in processes.QUICK.items():
        monkeypatch.setenv(name, value)
    head = {"num_cpus": 0, "include_dashboard": False, "temp_dir": folder}
    cluster = Cluster(initialize_head=True, connect=False, head_node_args=head)
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        token = {name: os.environ[name] for name in ("RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE") if name in os.environ}
        env = processes.clean_environment(**token)
        args = command(tiny, tmp_path, cluster={"address": cluster.address, "num_workers": 1})
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(args, cwd=processes.ROOT, env=env, stdout=log, stderr=log)
        processes.wait_for(lambda: len(trained(tmp_path)) == 2, "both nodes to train", process)
        cluster.remove_node(nodes[0], allow_graceful=False)
        assert process.wait(processes.PATIENCE) == 0, (tmp_path / "log").read_text("utf-8")[-3000:]
        check(tmp_path, json.loads((tmp_path / "sweep" / "result.json").read_text("utf-8")))
    finally:
        cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def _kill(ray_folder: str, title: str, process: subprocess.Popen[bytes]) -> None:
    """Kill a process of the sweep's cluster that has this title, once it trains."""

    def found() -> list[int]:
        alive = processes.with_variable("RAY_TMPDIR", ray_folder)
        return [pid for pid in alive if title in _title(pid)]

    pid = processes.wait_for(found, f"a process {title}", process)[0]
    os.kill(pid, signal.SIGKILL)


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
