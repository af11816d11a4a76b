"""Tracking on a real MLflow server that is killed and comes back on the same port and the same database."""

import contextlib
import logging
import os
import shutil
import sys
import threading
import uuid
from urllib.request import urlopen

import pytest
from mlflow.entities import Metric

from common.adapters.folder import adapter_digest
from common.adapters.registry import fetch, register
from common.curve import Curve
from common.tracking import client, end_run, start_run
from tests.jobs.ray import processes
from tests.models_zoo import manifest

pytestmark = pytest.mark.slow


class Server:
    """An MLflow server that can be killed, with the processes it started, and started again."""

    def __init__(self, folder):
        (port,) = processes.free_ports(1)
        self.uri, self.folder, self.mark = f"http://127.0.0.1:{port}", folder, uuid.uuid4().hex
        self.command = [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", str(folder / "files")),
        ]
        self._running = contextlib.ExitStack()

    def start(self):
        env = processes.clean_environment(SERVER_OF_TEST=self.mark)
        server = self._running.enter_context(processes.started(self.command, self.folder / "server.log", env))
        processes.wait_for(self._answers, "the MLflow server to answer", server)

    def kill(self):
        processes.kill_all("SERVER_OF_TEST", self.mark)
        self._running.close()

    def _answers(self):
        try:
            return urlopen(f"{self.uri}/health", timeout=5).status == 200
        except OSError:
            return False


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("server"))
    made.start()
    yield made
    made.kill()


@pytest.fixture
def returning(server):
    """The server, killed; it comes back when somebody says that it does not answer."""
    server.kill()
    back = threading.Thread(target=server.start)

    class Heard(logging.Handler):
        def emit(self, record):
            if "does not answer" in record.getMessage() and not back.ident:
                back.start()

    handler = Heard()
    logging.getLogger("common").addHandler(handler)
    yield server
    logging.getLogger("common").removeHandler(handler)
    back.join() if back.ident else server.start()


def history(uri, run, key):
    return [(point.step, point.value) for point in client(uri).get_metric_history(run, key)]


def test_a_curve_survives_a_server_that_is_killed(server, tmp_path, caplog):
    curve = Curve(tmp_path / "metrics.jsonl", server.uri, start_run(server.uri, "tests", "curve", {}, {}))
    for step in range(60):
        curve.log(step, loss=1 / (step + 1))
        if step % 5 == 0:
            curve.flush()
        if step == 20:
            processes.wait_for(lambda: not curve._unsent, "the first points to arrive")
            server.kill()
        if step == 40:
            processes.wait_for(lambda: "does not answer" in caplog.text, "the absence to be noticed")
    server.start()
    assert curve.close() is None
    assert history(server.uri, curve._run_id, "loss") == [(step, 1 / (step + 1)) for step in range(60)]
    assert len(history(server.uri, curve._run_id, "system/process_memory_megabytes")) == 13


def test_a_batch_whose_arrival_was_not_confirmed_counts_once(server):
    run = start_run(server.uri, "tests", "twice", {}, {})
    batch = [Metric("loss", 1 / (step + 1), 1000, step) for step in range(10)]
    client(server.uri).log_batch(run, metrics=batch[:6])
    client(server.uri).log_batch(run, metrics=batch)
    assert history(server.uri, run, "loss") == [(step, 1 / (step + 1)) for step in range(10)]


def test_a_run_begins_when_the_server_is_back(returning, caplog):
    run = start_run(returning.uri, "tests", "begins", {"a": {"b": 1}}, {"job": "j"})
    store = client(returning.uri)
    assert store.get_run(run).data.params == {"a.b": "1"}
    experiment = store.get_experiment_by_name("tests").experiment_id
    assert len(store.search_runs([experiment], "tags.job = 'j'")) == 1
    said = [record.getMessage() for record in caplog.records if record.name == "common.tracking"]
    assert said == [f"MLflow does not answer at {returning.uri}; trying for 120 s"]


def test_an_adapter_is_registered_and_the_run_ended_when_the_server_is_back(
    server, small_adapter, small_base, tmp_path, request
):
    folder = shutil.copytree(small_adapter, tmp_path / "adapter")
    run = start_run(server.uri, "tests", "registers", {}, {})
    request.getfixturevalue("returning")
    entered = register(folder, manifest(folder, small_base, name="server"), uri=server.uri, run_id=run, alias="now")
    assert entered.version == "1"
    found = fetch("server@now", uri=server.uri, destination=tmp_path / "fetched")
    assert adapter_digest(found) == adapter_digest(folder)


def test_files_and_status_of_a_run_reach_the_server(server, tmp_path):
    note = tmp_path / "note.txt"
    note.write_text(os.urandom(4).hex())
    run = start_run(server.uri, "tests", "ends", {}, {})
    end_run(server.uri, run, {"a": 1}, [note], status="KILLED")
    ended = client(server.uri).get_run(run)
    assert (ended.info.status, ended.data.metrics) == ("KILLED", {"a": 1})
    assert [file.read_text() for file in server.folder.rglob("note.txt")] == [note.read_text()]
