"""What the tests that train share: one Ray cluster, one small model with its data, one finished run.

`tests/conftest.py` imports these, so that the tests here and those of `tests/faults` get the same ones.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving.transport import SETTINGS
from tests.jobs.ray.processes import QUICK

CPUS = 4  # logical: labels that Ray hands out, whatever the machine has


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Path]:
    """A local cluster with four logical CPUs, in a folder of its own, for all tests of the session."""
    import ray

    short = tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True)  # for Ray's sockets
    with short as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        (folder / "token").write_text("0123456789abcdef" * 4)
        patch.delenv("RAY_ADDRESS", raising=False)
        for variable, value in {"RAY_AUTH_TOKEN_PATH": str(folder / "token"), **QUICK, **SETTINGS}.items():
            patch.setenv(variable, value)
        patch.setenv("RAY_AUTH_MODE", "")  # so that it is put back: ray.init sets it where it is not there
        del os.environ["RAY_AUTH_MODE"]
        ray.init(
            num_cpus=CPUS, num_gpus=0, include_dashboard=False, log_to_driver=False, logging_level="WARNING",
            object_store_memory=100 * 2**20, _temp_dir=str(folder),
        )  # fmt: skip
        yield folder
        ray.shutdown()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A random two-layer BERT with pairs, dev and test folders."""
    from tests.jobs.ray.tiny import make

    return make(tmp_path_factory.mktemp("tiny"))


@dataclass(frozen=True)
class Finished:
    """A run of `jobs.train_search` that nothing disturbed."""

    folder: Path
    flags: list[str]
    """What it was started with, run folder and tracking apart."""
    uri: str
    output: str
    """What it printed."""


@pytest.fixture(scope="session")
def finished(ray_cluster, tiny, tmp_path_factory) -> Finished:
    """The run that the end-to-end tests look at and that disturbed runs are compared with."""
    from common.cli import run
    from jobs.train_search import JOB

    folder = tmp_path_factory.mktemp("finished")
    uri = f"sqlite:///{folder}/tracking/mlflow.db"
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = run(JOB, [*tiny.flags, "--run-dir", str(folder / "run"), "--tracking.uri", uri])
    assert status == 0
    return Finished(folder / "run", tiny.flags, uri, out.getvalue())
