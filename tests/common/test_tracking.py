"""Runs in MLflow: on SQLite here, on a server in test_tracking_server.py; the curve is in test_curve.py."""

import logging
import math
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow import MlflowClient
from mlflow.entities import Metric

from common.errors import UserError
from common.tracking import (
    KEY,
    TrackingConfig,
    client,
    end_run,
    flatten,
    metric_name,
    patiently,
    start_run,
    tracking_uri,
)
from jobs.lineage import start_tracking

KEYS = st.text("abc", min_size=1, max_size=3)
TREES = st.recursive(st.integers() | st.none(), lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=9)


def test_the_uri_given_comes_first_then_the_environment_then_sqlite(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run = Path("runs/demo")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://from.environment")
    assert tracking_uri(TrackingConfig(uri="http://given"), run) == "http://given"
    assert tracking_uri(TrackingConfig(), run) == "http://from.environment"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking_uri(TrackingConfig(), run) == f"sqlite:///{tmp_path}/runs/mlflow.db"


def test_flatten_by_hand():
    assert flatten({"a": 1, "b": {"c": [2], "d": {"e": None}}, "f": {}}) == {"a": 1, "b.c": [2], "b.d.e": None}


@given(st.dictionaries(KEYS, TREES, max_size=4))
def test_every_leaf_keeps_its_value_under_its_path(tree):
    def leaves(value):
        return sum(map(leaves, value.values())) if isinstance(value, dict) else 1

    flat = flatten(tree)
    assert len(flat) == leaves(tree)
    for key, value in flat.items():
        inner = tree
        for part in key.split("."):
            inner = inner[part]
        assert inner == value


def test_metric_names_are_ones_that_mlflow_takes():
    assert metric_name("bm25/ndcg@10") == "bm25/ndcg_at_10"


def test_a_run_in_sqlite_keeps_its_parameters_metrics_and_artifacts_beside_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/deep/mlflow.db"
    run_id = start_run(uri, "tests", "name", {"peft": {"rank": 16}, "long": "x" * 600}, {"job": "j"})
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "note.txt").write_text("kept")
    (tmp_path / "config.resolved.yaml").write_text("a: 1")
    end_run(uri, run_id, {"bm25/ndcg@10": 0.5}, [tmp_path / "extra", tmp_path / "config.resolved.yaml"])
    run = client(uri).get_run(run_id)
    assert run.data.params == {"peft.rank": "16", "long": "x" * 500}
    assert run.data.metrics == {"bm25/ndcg_at_10": 0.5}
    assert (run.data.tags["job"], run.info.run_name, run.info.status) == ("j", "name", "FINISHED")
    assert [path.read_text() for path in (tmp_path / "deep").rglob("extra/note.txt")] == ["kept"]
    assert {file.path for file in client(uri).list_artifacts(run_id)} == {"extra", "config.resolved.yaml"}
    assert not (tmp_path / "mlruns").exists()
    other = start_run(uri, "tests", "second", {}, {})
    assert client(uri).get_run(other).info.experiment_id == run.info.experiment_id


def test_a_scheme_that_mlflow_does_not_know_is_an_error_of_the_user():
    with pytest.raises(UserError, match=r"nosuchscheme.*\n.*--tracking\.uri"):
        client("nosuchscheme://here")


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    """One store for all, because its tables take a second; a test that counts runs has an experiment of its own."""
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture
def experiment(request):
    return request.node.name


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_a_run_ends_with_the_status_given(uri, status):
    run = start_run(uri, "tests", "name", {}, {})
    end_run(uri, run, {}, status=status)
    assert client(uri).get_run(run).info.status == status


def test_more_parameters_and_metrics_than_fit_one_request(uri):
    run = start_run(uri, "tests", "name", {f"p{i}": i for i in range(250)}, {})
    end_run(uri, run, {f"m{i}": i for i in range(1200)})
    data = client(uri).get_run(run).data
    assert data.params == {f"p{i}": str(i) for i in range(250)}
    assert data.metrics == {f"m{i}": i for i in range(1200)}


def test_the_run_of_a_sweep_is_the_parent_of_its_trials(uri, tmp_path):
    tracking = TrackingConfig(uri=uri, experiment="sweeps")
    sweep = start_tracking("sweep", tracking, tracking, folder=tmp_path / "sweep")
    assert sweep == {"uri": uri, "experiment": "sweeps", "run_id": sweep["run_id"]}
    child = tracking.model_copy(update={"parent": sweep["run_id"]})
    trial = start_tracking("train", child, child, folder=tmp_path / "trial", base_digest="b", fingerprint="f")["run_id"]
    store = client(uri)
    assert store.get_run(trial).data.tags.items() >= {
        ("mlflow.parentRunId", sweep["run_id"]), ("job", "train"), ("base_digest", "b"), ("data_fingerprint", "f"),
    }  # fmt: skip
    tags = store.get_run(sweep["run_id"]).data.tags
    assert tags["job"] == "sweep"
    assert not tags.keys() & {"mlflow.parentRunId", "base_digest", "data_fingerprint"}


def test_mlflow_drops_the_repeat_of_a_batch(uri):
    store = client(uri)
    run = start_run(uri, "tests", "name", {}, {})
    batch = [Metric("loss", value, 1000 + step, step) for step, value in enumerate([1.0, 1.0, math.nan, 0.0])]
    store.log_batch(run, metrics=batch)
    store.log_batch(run, metrics=[*batch, Metric("loss", 5.0, 2000, 4)])
    history = store.get_metric_history(run, "loss")
    assert sorted((point.step, point.timestamp) for point in history) == [
        (0, 1000), (1, 1001), (2, 1002), (3, 1003), (4, 2000)
    ]  # fmt: skip


def runs(uri, experiment):
    store = client(uri)
    return store.search_runs([store.get_experiment_by_name(experiment).experiment_id])


def test_a_run_whose_creation_was_not_confirmed_is_found_again(uri, experiment, monkeypatch):
    real, calls = MlflowClient.create_run, []

    def answer_lost(self, *args, **kwargs):
        calls.append(real(self, *args, **kwargs))
        raise ConnectionError("database is locked")

    monkeypatch.setattr(MlflowClient, "create_run", answer_lost)
    run = start_run(uri, experiment, "name", {"a": 1}, {"job": "j"})
    assert len(calls) == 1
    [found] = runs(uri, experiment)
    assert (found.info.run_id, found.data.params, found.data.tags["job"]) == (run, {"a": "1"}, "j")


def test_runs_are_told_apart_by_their_key_only(uri, experiment):
    first, second = (start_run(uri, experiment, "name", {}, {}) for _ in range(2))
    third = start_run(uri, experiment, "name", {}, {}, key="mine")
    assert start_run(uri, experiment, "name", {}, {}, key="mine") == third
    assert {run.info.run_id for run in runs(uri, experiment)} == {first, second, third}
    assert len({run.data.tags[KEY] for run in runs(uri, experiment)}) == 3


def test_an_experiment_that_another_run_makes_at_the_same_time_is_shared(uri, experiment, monkeypatch):
    real = MlflowClient.get_experiment_by_name
    first = start_run(uri, experiment, "name", {}, {})
    answers = iter([None])  # looked before the other one made it
    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", lambda self, name: next(answers, real(self, name)))
    second = start_run(uri, experiment, "name", {}, {})
    assert {run.info.run_id for run in runs(uri, experiment)} == {first, second}


def test_waiting_is_said_once_and_ends_with_a_remedy(caplog):
    calls = []

    def away():
        calls.append(1)
        raise ConnectionError("nobody there")

    with pytest.raises(UserError, match=r"has not answered at http://h for 1 s: nobody there\n.*--tracking\.uri"):
        patiently("http://h", away, patience=1.2)
    assert len(calls) >= 3
    said = [record.getMessage() for record in caplog.records if record.name == "common.tracking"]
    assert said == ["MLflow does not answer at http://h; trying for 1 s"]


def test_what_is_no_absence_is_not_tried_again():
    calls = []

    def broken():
        calls.append(1)
        raise FileNotFoundError("no such artifact")

    with pytest.raises(FileNotFoundError):
        patiently("http://h", broken)
    assert len(calls) == 1


def test_what_mlflow_refuses_is_an_error_of_the_user_at_once(uri):
    with pytest.raises(UserError, match=r"refuses: .*no-such-run"):
        end_run(uri, "no-such-run", {"a": 1})


def test_a_locked_database_is_waited_for(uri, caplog):
    run = start_run(uri, "tests", "name", {}, {})
    other = sqlite3.connect(uri.removeprefix("sqlite:///"), check_same_thread=False, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    class Unlocked(logging.Handler):
        def emit(self, record):
            other.execute("COMMIT")

    handler = Unlocked()
    logging.getLogger("common.tracking").addHandler(handler)
    try:
        end_run(uri, run, {"a": 1})
    finally:
        logging.getLogger("common.tracking").removeHandler(handler)
        other.close()
    assert client(uri).get_run(run).data.metrics == {"a": 1}
    assert "does not answer" in caplog.text


@pytest.mark.parametrize("kind", ["a folder", "a text"])
def test_a_file_that_is_no_database_is_an_error_of_the_user(tmp_path, kind):
    place = tmp_path / "mlflow.db"
    place.mkdir() if kind == "a folder" else place.write_text("not a database, but long enough to be read as one" * 9)
    with pytest.raises(UserError, match=r"cannot be reached.*\n.*--tracking\.uri"):
        start_run(f"sqlite:///{place}", "tests", "name", {}, {})


@pytest.mark.parametrize("url", ["http://[", "http://:80"])
def test_an_impossible_url_is_not_waited_for(caplog, url):
    with pytest.raises(UserError):
        start_run(url, "tests", "name", {}, {})
    assert "trying" not in caplog.text
