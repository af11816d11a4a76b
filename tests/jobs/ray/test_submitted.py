"""The search job on a cluster that somebody else started: a head with token authentication, reached by its address."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.jobs.ray import processes
from tests.jobs.ray.tiny import Tiny

pytestmark = [pytest.mark.ray, pytest.mark.slow]
SOURCES = {"", ".py", ".yaml", ".toml", ".md", ".lock", ".html", ".css", ".js"}
RAY = str(Path(sys.executable).with_name("ray"))


@dataclass(frozen=True)
class Head:
    """A running head: three logical CPUs, one of which a submitted driver takes."""

    folder: Path
    address: str
    env: dict[str, str]
    """Finds the token in its home; says nothing of RAY_AUTH_MODE."""


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    folder = Path(tempfile.mkdtemp(prefix="head-", dir="/tmp"))
    (folder / ".ray").mkdir()
    (folder / ".ray" / "auth_token").write_text("fedcba9876543210" * 4)
    env = processes.clean_environment(HOME=str(folder), TESTED_HEAD=str(folder))
    gcs, dashboard, agent, agent_grpc, client, metrics, runtime_env = processes.free_ports(7)
    command = [
        *(RAY, "start", "--head", "--block", "--disable-usage-stats", "--num-cpus", "3", "--num-gpus", "0"),
        *("--temp-dir", str(folder / "s"), "--port", str(gcs), "--dashboard-port", str(dashboard)),
        *("--dashboard-agent-listen-port", str(agent), "--dashboard-agent-grpc-port", str(agent_grpc)),
        *("--ray-client-server-port", str(client), "--metrics-export-port", str(metrics)),
        *("--runtime-env-agent-port", str(runtime_env), "--object-store-memory", str(100 * 2**20)),
        *("--node-ip-address", "127.0.0.1"),
    ]
    address = f"http://127.0.0.1:{dashboard}"
    listing = [RAY, "list", "nodes", "--address", address, "--detail", "--format", "json"]

    def ready() -> bool:
        """The job server answers, and the node has told it of its CPUs, which a busy one does later."""
        asked = subprocess.run(listing, env={**env, "RAY_AUTH_MODE": "token"}, capture_output=True, check=False)
        return asked.returncode == 0 and b'"CPU": 3' in asked.stdout

    try:
        with processes.started(command, folder / "head.log", {**env, "RAY_AUTH_MODE": "token"}) as server:
            processes.wait_for(ready, "the head to list its node", server)
            yield Head(folder, address, env)
            processes.kill_all("TESTED_HEAD", str(folder))  # when asked to end, it takes its time
    finally:
        processes.kill_all("TESTED_HEAD", str(folder))
        shutil.rmtree(folder, ignore_errors=True)


def short_job(tiny: Tiny, run_dir: Path) -> list[str]:
    """The job as a user types it: `python`, from the folder of the project."""
    flags = [*tiny.flags, "--training.epochs", "0.4", "--training.evaluations", "2"]
    return ["python", "-m", "jobs.train_search", *flags, "--run-dir", str(run_dir)]


def call(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=processes.ROOT, env=env, capture_output=True, text=True, timeout=400, check=False
    )


def test_our_submitter_finds_the_token_and_follows_the_job(head, tiny, tmp_path):
    run_dir = tmp_path / "run"
    tracking = ["--tracking.uri", f"sqlite:///{tmp_path}/mlflow.db"]
    submit = [sys.executable, "-m", "cluster.submit", "--address", head.address, "--submission-id", "ours", "--"]
    done = call([*submit, *short_job(tiny, run_dir), *tracking], head.env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ours SUCCEEDED" in done.stdout
    assert "adapter − zero-shot" in done.stdout  # the job's own output came along
    result = json.loads((run_dir / "result.json").read_text("utf-8"))
    assert result["training"]["step"] == result["training"]["steps"] > 0
    assert result["training"]["workers"] == 2


def test_the_upload_is_the_sources_the_embedded_base_and_no_more(head):
    """What the two tests around this one sent; a test of its own would only send the same package again."""
    call(_plain(head, ["python", "-c", "print('sent')"]), {**head.env, "RAY_AUTH_MODE": "token"})
    unpacked = head.folder.glob("s/session_2*/runtime_resources/working_dir_files/_ray_pkg_*")
    packages = [folder for folder in unpacked if folder.is_dir()]
    assert packages
    for package in packages:
        files = [file for file in package.rglob("*") if file.is_file()]
        assert package / "jobs" / "train_search.py" in files
        base = package / "common" / "models" / "standin"  # the one model that a job may ask for by name
        assert base / "model.safetensors" in files
        others = [file for file in files if file.parent != base]
        assert {file.suffix for file in others} <= SOURCES
        assert max(file.stat().st_size for file in others) < 2**16  # people wrote it: no data, no weights
        assert len(others) < 1000 and sum(file.stat().st_size for file in others) < 2**22
        sent = {file.relative_to(package).parts[0] for file in files}
        assert not sent & {"tests", "runs", "docs", ".git", ".venv", ".hypothesis", ".mypy_cache"}


def test_ray_job_submit_with_the_token_switched_on(head, tiny, tmp_path):
    run_dir = tmp_path / "run"
    tracking = ["--tracking.uri", f"sqlite:///{tmp_path}/mlflow.db"]
    job = [*short_job(tiny, run_dir), *tracking, "--cluster.num-workers", "1"]
    done = call(_plain(head, job), {**head.env, "RAY_AUTH_MODE": "token"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert (run_dir / "result.json").exists()


def test_a_relative_run_folder_is_refused_where_it_would_vanish(head, tiny):
    done = call(_plain(head, short_job(tiny, Path("runs/lost"))), {**head.env, "RAY_AUTH_MODE": "token"})
    assert done.returncode != 0
    assert "--run-dir runs/lost is relative" in done.stdout + done.stderr


def test_what_a_job_registers_does_not_vanish_with_its_working_folder(head, tiny, tmp_path):
    env = {**head.env, "RAY_AUTH_MODE": "token"}
    submitted = _plain(head, [*short_job(tiny, tmp_path / "run"), "--dry-run"])
    submitted[3:3] = ["--submission-id", "dry"]
    done = call(submitted, env)
    # what was streamed may lack the end of a short job; what is kept does not
    said = call([RAY, "job", "logs", "dry", "--address", head.address], env).stdout
    if done.returncode:  # refusing is as good, if it says what to give
        assert "--tracking.uri" in said
    else:
        (line,) = (line for line in said.splitlines() if line.startswith("tracking "))
        assert "working_dir_files" not in line


def test_without_the_token_one_sentence_says_where_to_get_it(head, tmp_path):
    env = {**head.env, "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "cluster.submit", "--address", head.address, "--", "python", "-V"]
    done = call(command, env)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: the cluster at {head.address} wants a token")
    assert "ray get-auth-token" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2


def _plain(head: Head, command: list[str]) -> list[str]:
    reserved = ["--entrypoint-num-cpus", "1"]
    return [RAY, "job", "submit", "--address", head.address, "--working-dir", ".", *reserved, "--", *command]
