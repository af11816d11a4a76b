"""The submitter against a client that answers like Ray's; tests/jobs submits to a real cluster."""

import subprocess
import sys
import zipfile
from enum import Enum
from pathlib import Path
from types import SimpleNamespace

import pytest

from cluster import client, submit
from cluster.request import Node
from common.errors import UserError

ROOT = Path(__file__).parents[2]


class Status(Enum):
    RUNNING, SUCCEEDED, FAILED = "RUNNING", "SUCCEEDED", "FAILED"

    def is_terminal(self):
        return self is not Status.RUNNING


class FakeClient:
    def __init__(self, *statuses, logs=("hello\n",), breaks=None):
        self.statuses, self.logs, self.breaks, self.sent = list(statuses), logs, breaks, {}

    def submit_job(self, **arguments):
        self.sent = arguments
        return "job-1"

    async def tail_job_logs(self, _):
        for text in self.logs:
            yield text
        if self.breaks:
            raise self.breaks

    def get_job_info(self, _):
        return SimpleNamespace(status=self.statuses.pop(0), message="exit code 3, last available logs: …")


@pytest.fixture
def cluster(monkeypatch):
    def use(fake, cpus=2.0):
        found = client.Cluster(fake, "http://h:8265", {"RAY_AUTH_MODE": "token"})
        monkeypatch.setattr(submit, "connect", lambda address: found)
        monkeypatch.setattr(client.Cluster, "nodes", lambda self: [Node("10.0.0.1", {"CPU": cpus}, {}, head=True)])
        monkeypatch.setattr(submit, "is_this_machine", lambda nodes: False)
        monkeypatch.setattr(submit, "POLL_S", 0.0)
        return fake

    return use


def test_a_job_that_succeeds(cluster, capsys, caplog):
    caplog.set_level("INFO")
    fake = cluster(FakeClient(Status.RUNNING, Status.SUCCEEDED))
    assert submit.main(["--submission-id", "one", "--", "echo", "hi"]) == 0
    assert fake.sent["entrypoint"] == "echo hi"
    assert fake.sent["submission_id"] == "one"
    assert fake.sent["entrypoint_num_cpus"] == 1.0
    assert capsys.readouterr().out == "hello\njob-1 SUCCEEDED\n"
    assert "RAY_AUTH_MODE=token RAY_API_SERVER_ADDRESS=http://h:8265 ray job stop job-1" in caplog.text


def test_a_job_that_fails_is_our_failure_too(cluster, capsys):
    cluster(FakeClient(Status.FAILED))
    assert submit.main(["--", "echo"]) != 0
    error = capsys.readouterr().err
    assert "job-1 FAILED: exit code 3\n" in error
    assert "ray job logs" in error


def test_a_broken_log_stream_does_not_decide(cluster):
    cluster(FakeClient(Status.RUNNING, Status.SUCCEEDED, breaks=RuntimeError("closed")))
    assert submit.main(["--", "echo"]) == 0


def test_no_wait_returns_at_once(cluster, capsys):
    cluster(FakeClient())
    assert submit.main(["--no-wait", "--", "echo"]) == 0
    assert capsys.readouterr().out == "job-1 PENDING\n"


def test_stopping_to_follow_leaves_the_job_alone_and_says_so(cluster, capsys):
    cluster(FakeClient(breaks=KeyboardInterrupt()))
    assert submit.main(["--", "echo"]) != 0
    assert "goes on in the cluster" in capsys.readouterr().err


def test_a_dry_run_submits_nothing(cluster, capsys):
    fake = cluster(FakeClient())
    assert submit.main(["--dry-run", "--resources", "cpu_pool=0", "--", "echo", "a b"]) == 0
    assert fake.sent == {}
    assert "runs: echo 'a b'" in capsys.readouterr().out


def test_what_cannot_be_placed_is_not_submitted(cluster, capsys):
    fake = cluster(FakeClient())
    assert submit.main(["--num-cpus", "64", "--", "echo"]) == 2
    assert fake.sent == {}
    assert "64 CPU" in capsys.readouterr().err


def test_nothing_to_run(capsys):
    assert submit.main([]) == 2
    assert "nothing to submit" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address, place",
    [
        ("http://h:8265", ("h", 8265)),
        ("https://h", ("h", 443)),
        ("ray://h:10001", ("h", 10001)),
        ("h:6379", ("h", 6379)),
        ("auto", None),
    ],
)
def test_where_an_address_can_be_probed(address, place):
    assert client.endpoint(address) == place


def test_a_port_on_which_nobody_listens_is_one_sentence():
    with pytest.raises(client.ConnectError, match=r"nothing answers at http://127\.0\.0\.1:1 "):
        client.probe("127.0.0.1", 1, "http://127.0.0.1:1")


@pytest.mark.parametrize(
    "text, mode, said",
    [
        ("Authentication required: Unauthorized", None, "401.*\n.*ray get-auth-token"),
        ("Authentication required: Unauthorized", "disabled", "401.*\n.*unset RAY_AUTH_MODE"),
        ("Authentication failed: Forbidden", "token", "another token"),
    ],
)
def test_a_refused_token_says_where_to_get_one(monkeypatch, text, mode, said):
    from ray.exceptions import AuthenticationError

    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    if mode:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    with pytest.raises(UserError, match=said), client.explained("http://h:8265"):
        raise AuthenticationError(text)


def test_of_a_server_s_traceback_the_last_line_is_kept():
    answer = "status code 500: Traceback\n  File …\nValueError: Job with submission_id one already exists.\n."
    with pytest.raises(UserError, match="refused: ValueError: Job with"), client.explained("http://h:8265"):
        raise RuntimeError(answer)


def test_entry_points_import_neither_ray_nor_torch():
    code = (
        "import sys, cluster.submit, cluster.doctor; print([m for m in ('ray', 'torch', 'rich') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_ray_packs_the_sources_and_leaves_the_rest(tmp_path, monkeypatch):
    """What the two ignore files do, asked of Ray's own packing."""
    from ray._private.runtime_env.packaging import create_package

    for name in (".rayignore", ".gitignore"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    kept = ["jobs/train_search.py", "jobs/configs/x.yaml", "benchmarks/search.py", "pyproject.toml"]
    left = [
        "tests/test_x.py",
        "docs/a.md",
        "runs/a/model.safetensors",
        "jobs/big.safetensors",
        "mlflow.db",
        "mlruns/1/m",
    ]
    for name in kept + left:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    monkeypatch.chdir(tmp_path)
    create_package(str(tmp_path), tmp_path / "out.zip", include_gitignore=True)
    packed = set(zipfile.ZipFile(tmp_path / "out.zip").namelist())
    assert set(kept) <= packed
    assert not packed & set(left)
