"""Run folders: one configuration, one process, no work twice, no torn file."""

import errno
import fcntl
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from common.config import Config, JobConfig
from common.errors import RunFolderError
from common.runs import RunFolder, differences, write_json, write_text

ROOT = Path(__file__).parents[2]


class Peft(Config):
    """Method."""

    rank: int = 8
    """Rank."""


class Tracking(Config):
    """Where to log."""

    url: str = "sqlite"
    """Server."""


class Training(JobConfig):
    """A job."""

    volatile: ClassVar[frozenset[str]] = JobConfig.volatile | {"tracking"}
    learning_rate: float = 5e-5
    """Peak."""
    trackings: int = 0
    """A key that only looks like a volatile one."""
    peft: Peft = Peft()
    """Method."""
    tracking: Tracking = Tracking()
    """Where to log."""


@pytest.fixture
def folder(tmp_path):
    with RunFolder.open(tmp_path / "run", Training()) as opened:
        yield opened


def files(path):
    return sorted(str(f.relative_to(path)) for f in path.rglob("*") if f.is_file() and f.name != ".lock")


def test_configuration_is_written_first(folder):
    assert files(folder.path) == ["config.resolved.yaml"]
    assert "learning_rate: 5.0e-05" in (folder.path / "config.resolved.yaml").read_text("utf-8")
    assert folder.result() is None


def test_same_configuration_goes_on(tmp_path):
    for _ in range(2):
        with RunFolder.open(tmp_path, Training(peft=Peft(rank=3))):
            pass


def test_another_configuration_is_refused_with_the_differences(tmp_path):
    RunFolder.open(tmp_path, Training()).close()
    with pytest.raises(RunFolderError) as caught:
        RunFolder.open(tmp_path, Training(learning_rate=1e-3, peft=Peft(rank=16)))
    assert "learning_rate: 5e-05 there, 0.001 now" in caught.value.message
    assert "peft.rank: 8 there, 16 now" in caught.value.message
    assert "tracking" not in caught.value.message
    RunFolder.open(tmp_path, Training()).close()  # the refusal left the folder as it was, and unlocked


def test_volatile_keys_may_change(tmp_path):
    RunFolder.open(tmp_path, Training()).close()
    RunFolder.open(tmp_path, Training(run_dir=tmp_path, tracking=Tracking(url="http://other"))).close()
    with pytest.raises(RunFolderError, match="trackings: 0 there, 1 now"):
        RunFolder.open(tmp_path, Training(trackings=1))


def test_key_that_a_later_version_added_is_a_difference():
    stored = Training().model_dump(mode="json")
    del stored["learning_rate"]
    assert differences(stored, Training()) == ["learning_rate: 'absent' there, 5e-05 now"]


def test_second_opener_is_refused_until_the_first_closes(folder):
    with pytest.raises(RunFolderError, match="another process is working in"):
        RunFolder.open(folder.path, Training())
    folder.close()
    RunFolder.open(folder.path, Training()).close()


def test_killed_process_leaves_no_lock_behind(tmp_path):
    holder = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'a+'); fcntl.flock(f, fcntl.LOCK_EX); "
        "print('held', flush=True); time.sleep(600)"
    )
    RunFolder.open(tmp_path, Training()).close()
    with subprocess.Popen([sys.executable, "-c", holder, str(tmp_path / ".lock")], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout.readline() == b"held\n"
            with pytest.raises(RunFolderError, match="another process"):
                RunFolder.open(tmp_path, Training())
        finally:
            other.kill()
    RunFolder.open(tmp_path, Training()).close()


def test_lock_is_seen_by_other_processes(folder):
    with (folder.path / ".lock").open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_folder_that_cannot_be_made_is_the_users_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="cannot write in"):
        RunFolder.open(tmp_path / "file" / "run", Training())


def test_finished_step_is_not_done_again(tmp_path):
    calls = []

    def work():
        calls.append(1)
        return {"loss": 0.5}

    for _ in range(2):
        with RunFolder.open(tmp_path, Training()) as run:
            assert run.step("train", work) == {"loss": 0.5}
    assert len(calls) == 1
    with RunFolder.open(tmp_path, Training()) as run:
        assert run.step("evaluate", lambda: {"mrr": 1}) == {"mrr": 1}


def test_failed_step_is_done_again(folder):
    def fail():
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        folder.step("train", fail)
    assert folder.step("train", lambda: {"loss": 1}) == {"loss": 1}


def test_result_is_there_only_after_finish(folder):
    assert folder.finish({"mrr": 0.5, "name": "größe"}) == {"mrr": 0.5, "name": "größe"}
    assert folder.result() == {"mrr": 0.5, "name": "größe"}
    assert "größe" in (folder.path / "result.json").read_text("utf-8")


@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
def test_full_disk_while_writing_leaves_the_old_file_and_nothing_else(folder, monkeypatch, call):
    folder.finish({"mrr": 0.5})
    before = files(folder.path)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space left"):
        patched.setattr(os, call, full)
        folder.finish({"mrr": 0.9})
    assert folder.result() == {"mrr": 0.5}
    assert files(folder.path) == before


def test_interrupt_while_writing_the_first_result_leaves_none(folder, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(os, "replace", stop)
        folder.finish({"mrr": 0.9})
    assert folder.result() is None
    assert files(folder.path) == ["config.resolved.yaml"]


def test_content_is_on_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    seen = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (seen.append(f"fsync {os.fstat(fd).st_size}"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (seen.append("replace"), replace(a, b)))
    write_text(tmp_path / "deep" / "file.txt", "12345")
    assert seen == ["fsync 5", "replace"]
    assert (tmp_path / "deep" / "file.txt").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_is_refused_and_the_old_result_kept(tmp_path, value):
    write_json(tmp_path / "x.json", {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"a": [value]})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": 1}


def test_relative_folder_inside_a_submitted_job_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    with pytest.raises(RunFolderError, match="runs/x is relative"):
        RunFolder.open(Path("runs/x"), Training())
    assert not (tmp_path / "runs").exists()
    RunFolder.open(tmp_path / "runs/x", Training()).close()
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR")
    with RunFolder.open(Path("runs/y"), Training()) as run:
        assert run.path == tmp_path / "runs/y"


def test_one_log_a_submission_and_latest_links_to_the_newest(folder):
    root = logging.getLogger()
    before = list(root.handlers)
    try:
        for attempt in (1, 2):
            assert folder.log_to_file() == folder.path / "logs" / f"attempt_{attempt}.log"
            logging.getLogger("job").warning("attempt %d", attempt)
    finally:
        for handler in [h for h in root.handlers if h not in before]:
            root.removeHandler(handler)
            handler.close()
    latest = folder.path / "logs" / "latest"
    assert latest.readlink() == Path("attempt_2.log")
    assert "WARNING job: attempt 2" in latest.read_text("utf-8")
    assert "attempt 1" in (folder.path / "logs" / "attempt_1.log").read_text("utf-8")


def test_describing_modules_import_neither_torch_nor_ray():
    code = "import sys, common.cli; print([m for m in ('torch', 'ray', 'transformers', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
