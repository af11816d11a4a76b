"""The disk runs full under a running job: it fails, says so, and goes on once there is space."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from pathlib import Path

import pytest

from common.adapters.folder import adapter_digest
from common.cli import run
from jobs.train_search import JOB
from jobs.training.trainer import RUN_NAME
from tests.jobs.ray import processes
from tests.jobs.ray.tiny import losses

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.faults]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False) if os.geteuid() == 0 else None
    if done is None or done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip() if done else 'not root'}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=False)


def fill(place: Path) -> Path:
    """Take all the space that is left; returns the file that takes it."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 65536)
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 512)
    return filler


def arguments(finished, disk: Path, tracking: Path) -> list[str]:
    """The run of `finished`, on that disk; the tracking store is elsewhere."""
    flags = [*finished.flags, "--run-dir", str(disk / "run"), "--tracking.uri", f"sqlite:///{tracking}/mlflow.db"]
    return [*flags, "--cluster.max-failures", "0"]


def test_a_disk_that_fills_in_mid_training(finished, small_disk, tmp_path, capsys):
    argv = arguments(finished, small_disk, tmp_path)
    saved = small_disk / "run" / "ray" / RUN_NAME / "checkpoint_manager_snapshot.json"
    filler: list[Path] = []

    def fill_after_a_checkpoint() -> None:
        processes.wait_for(saved.exists, "the first checkpoint")
        filler.append(fill(small_disk))

    thread = threading.Thread(target=fill_after_a_checkpoint)
    thread.start()
    status = status_of(argv)
    thread.join()
    assert status != 0
    assert not (small_disk / "run" / "result.json").exists()

    filler[0].unlink()
    assert run(JOB, argv) == 0
    assert losses(small_disk / "run") == losses(finished.folder)
    assert adapter_digest(small_disk / "run" / "adapter") == adapter_digest(finished.folder / "adapter")


def status_of(argv: list[str]) -> int:
    """The exit status; an exception that the frame does not know ends a Python program with 1."""
    try:
        return run(JOB, argv)
    except Exception as error:
        assert "No space left" in f"{error!r} {error.__cause__!r}"
        return 1
