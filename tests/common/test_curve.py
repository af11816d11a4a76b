"""The curve with a stand-in for MLflow; with a real server in test_tracking_server.py."""

import json
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from common import curve as module
from common.curve import Curve, system_metrics
from common.errors import UserError
from common.tracking import client, start_run


class Store:
    """Stands in for MLflow's client; answers while `up`, and not before it is `free`."""

    def __init__(self):
        self.up, self.got, self.batches, self.failed = True, [], [], threading.Event()
        self.free = threading.Event()
        self.free.set()

    def log_batch(self, run_id, metrics):
        self.free.wait(60)
        if not self.up:
            self.failed.set()
            raise ConnectionError("nobody there")
        self.batches.append(len(metrics))
        self.got += [(run_id, m.key, m.value, m.step) for m in metrics if not m.key.startswith("system/")]


@pytest.fixture
def store(monkeypatch):
    found = Store()
    monkeypatch.setattr(module, "client", lambda uri: found)
    monkeypatch.setattr(module, "_BREATH", 0.01)
    return found


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "new" / "metrics.jsonl"


def lines(file):
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def said(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "common.curve"]


def test_values_are_in_the_file_at_once_and_in_mlflow_after_a_flush(store, file):
    curve = Curve(file, "uri", "run-1")
    curve.log(1, loss=2.5, learning_rate=0.1)
    assert lines(file) == [{"step": 1, "loss": 2.5, "learning_rate": 0.1}]
    assert store.got == []
    curve.flush()
    assert curve.close() is None
    assert store.got == [("run-1", "loss", 2.5, 1), ("run-1", "learning_rate", 0.1, 1)]


def test_closing_sends_what_was_not_flushed(store, file):
    curve = Curve(file, "uri", "run")
    curve.log(1, loss=2.5)
    assert curve.close() is None
    assert store.got == [("run", "loss", 2.5, 1)]


def test_nothing_is_sent_twice(store, file):
    curve = Curve(file, "uri", "run")
    for step in range(3):
        curve.log(step, loss=step)
        curve.flush()
    curve.flush()
    curve.close()
    assert [step for _, _, _, step in store.got] == [0, 1, 2]


def test_training_goes_on_while_mlflow_keeps_a_request_waiting(store, file):
    store.free.clear()
    curve = Curve(file, "uri", "run")
    for step in range(3):
        curve.log(step, loss=step)
        curve.flush()
    assert store.got == []
    store.free.set()
    curve.close()
    assert [step for _, _, _, step in store.got] == [0, 1, 2]


def test_while_mlflow_is_away_the_file_goes_on_and_later_all_is_sent_once(store, file, caplog):
    curve = Curve(file, "uri", "run")
    store.up = False
    for step in range(4):
        curve.log(step, loss=9 - step)
        curve.flush()
        store.failed.wait(60)
    assert [line["step"] for line in lines(file)] == [0, 1, 2, 3]
    store.up = True
    curve.log(4, loss=5)
    assert curve.close() is None
    assert said(caplog) == [f"MLflow does not answer (nobody there); the curve is kept in {file}"], "said once"
    assert [(value, step) for _, _, value, step in store.got] == [(9, 0), (8, 1), (7, 2), (6, 3), (5, 4)]


def test_a_batch_is_never_larger_than_mlflow_takes(store, file):
    store.free.clear()
    curve = Curve(file, "uri", "run")
    for step in range(2100):
        curve.log(step, loss=step)
    curve.flush()
    store.free.set()
    curve.close()
    assert max(store.batches) == 1000
    assert [step for _, _, _, step in store.got] == list(range(2100))


def test_patience_ends_with_one_warning_that_names_the_file(store, file, caplog):
    store.up = False
    curve = Curve(file, "uri", "run")
    curve.log(1, loss=1)
    curve.flush()
    store.failed.wait(60)
    warning = curve.close(patience=0.1)
    assert warning == f"MLflow at uri lacks the end of the curve; {file} holds everything"
    assert said(caplog)[1:] == [warning]
    curve._thread.join(60)
    assert not curve._thread.is_alive(), "it goes on trying for nobody"


@pytest.mark.parametrize("error", [UserError("no such scheme"), MlflowException("no run", RESOURCE_DOES_NOT_EXIST)])
def test_a_refusal_does_not_stop_training_and_is_not_tried_again(monkeypatch, file, caplog, error):
    tried = []

    def refuse(uri):
        tried.append(uri)
        raise error

    monkeypatch.setattr(module, "client", refuse)
    curve = Curve(file, "http://h", "run")
    for step in range(3):
        curve.log(step, loss=1)
        curve.flush()
    warning = curve.close()
    assert len(lines(file)) == 3
    assert len(tried) == 1
    assert str(file) in warning
    assert said(caplog) == [f"MLflow refuses the curve ({error}); it is kept in {file}", warning]


@pytest.mark.parametrize(("uri", "run"), [(None, "run"), ("uri", None)])
def test_without_a_run_there_is_only_the_file(monkeypatch, file, uri, run):
    monkeypatch.setattr(module, "client", lambda uri: pytest.fail("nobody to tell"))
    curve = Curve(file, uri, run)
    curve.log(1, loss=1)
    curve.flush()
    assert curve.close() is None
    assert curve._thread is None
    assert len(lines(file)) == 1


def test_mlflow_learns_how_busy_the_machine_is_and_the_file_does_not(monkeypatch, file):
    sent = []
    store = SimpleNamespace(log_batch=lambda run_id, metrics: sent.extend(metrics))
    monkeypatch.setattr(module, "client", lambda uri: store)
    curve = Curve(file, "uri", "run")
    for step in (1, 2, 3):
        curve.log(step, loss=1)
    curve.close()
    assert lines(file) == [{"step": step, "loss": 1} for step in (1, 2, 3)]
    busy = {metric.key: metric for metric in sent if metric.key.startswith("system/")}
    assert {metric.step for metric in busy.values()} == {3}
    assert busy.keys() == {
        "system/cpu_utilization_percentage",
        "system/system_memory_usage_megabytes",
        "system/process_memory_megabytes",
    }
    assert 0 < busy["system/process_memory_megabytes"].value < busy["system/system_memory_usage_megabytes"].value * 2
    assert 0 <= busy["system/cpu_utilization_percentage"].value <= 100


def test_a_gpu_in_use_is_measured(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (30_000_000, 80_000_000))
    assert system_metrics()["system/gpu_0_memory_usage_megabytes"] == 50


def test_rewinding_forgets_what_comes_after_the_step(file):
    curve = Curve(file, None, None)
    for step in range(5):
        curve.log(step, loss=step)
        curve.log(step, dev_mrr=step / 10)
    curve.rewind(2)
    assert [line["step"] for line in lines(file)] == [0, 0, 1, 1, 2, 2]
    curve.log(3, loss=3)
    assert len(lines(file)) == 7
    curve.rewind(-1)
    assert lines(file) == []


def test_rewinding_drops_a_line_that_a_crash_cut_off(file):
    curve = Curve(file, None, None)
    curve.log(1, loss=1)
    curve.log(2, loss=2)
    file.write_text(file.read_text()[:-4])
    curve.rewind(2)
    assert lines(file) == [{"step": 1, "loss": 1}]
    curve.log(2, loss=2)
    assert [line["step"] for line in lines(file)] == [1, 2]


def test_rewinding_where_nothing_was_recorded(file):
    Curve(file, None, None).rewind(7)
    assert not file.exists()


def test_a_resumed_run_sends_what_mlflow_missed_before(file, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    run = start_run(uri, "tests", "name", {}, {})
    curve = Curve(file, uri, run)
    for step in range(5):
        curve.log(step, loss=step)
    curve.close()
    away = Curve(file, None, None)
    for step in range(5, 9):
        away.log(step, loss=step)
    again = Curve(file, uri, run)
    again.rewind(7)
    again.log(8, loss=80)
    assert again.close() is None
    history = [(point.step, point.value) for point in client(uri).get_metric_history(run, "loss")]
    assert history == [*((step, step) for step in range(8)), (8, 80)]
