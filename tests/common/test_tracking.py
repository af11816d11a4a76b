import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import tracking
from common.errors import UserError
from common.tracking import Curve, TrackingConfig, client, end_run, flatten, metric_name, start_run, tracking_uri

KEY = st.text("abc", min_size=1, max_size=3)
TREES = st.recursive(st.integers() | st.none(), lambda inner: st.dictionaries(KEY, inner, max_size=3), max_leaves=9)


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


@given(st.dictionaries(KEY, TREES, max_size=4))
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


class Store:
    """Stands in for MLflow's client; answers while `up`."""

    def __init__(self):
        self.up, self.got = True, []

    def log_batch(self, run_id, metrics):
        if not self.up:
            raise ConnectionError("nobody there")
        self.got += [(run_id, m.key, m.value, m.step) for m in metrics]


@pytest.fixture
def store(monkeypatch):
    found = Store()
    monkeypatch.setattr(tracking, "client", lambda uri: found)
    return found


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "new" / "metrics.jsonl"


def lines(file):
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_values_are_in_the_file_at_once_and_in_mlflow_after_a_flush(store, file):
    curve = Curve(file, "uri", "run-1")
    curve.log(1, loss=2.5, learning_rate=0.1)
    assert lines(file) == [{"step": 1, "loss": 2.5, "learning_rate": 0.1}]
    assert store.got == []
    curve.flush()
    assert store.got == [("run-1", "loss", 2.5, 1), ("run-1", "learning_rate", 0.1, 1)]


def test_nothing_is_sent_twice(store, file):
    curve = Curve(file, "uri", "run")
    for step in range(3):
        curve.log(step, loss=step)
        curve.flush()
    curve.flush()
    assert [step for _, _, _, step in store.got] == [0, 1, 2]


def test_while_mlflow_is_away_the_file_goes_on_and_later_all_is_sent_once(store, file, caplog):
    curve = Curve(file, "uri", "run")
    curve.log(0, loss=9)
    curve.flush()
    store.up = False
    with caplog.at_level(logging.WARNING):
        for step in (1, 2, 3):
            curve.log(step, loss=9 - step)
            curve.flush()
    assert [line["step"] for line in lines(file)] == [0, 1, 2, 3]
    assert [record.getMessage() for record in caplog.records if record.name == "common.tracking"] == [
        f"MLflow does not answer (nobody there); the curve is kept in {file}"
    ], "said once and not at each flush"
    store.up = True
    curve.log(4, loss=5)
    curve.flush()
    assert [(value, step) for _, _, value, step in store.got] == [(9, 0), (8, 1), (7, 2), (6, 3), (5, 4)]


def test_a_store_that_cannot_even_be_opened_does_not_stop_training(monkeypatch, file):
    def refuse(uri):
        raise UserError("no such server")

    monkeypatch.setattr(tracking, "client", refuse)
    curve = Curve(file, "uri", "run")
    curve.log(1, loss=1)
    curve.flush()
    assert lines(file) == [{"step": 1, "loss": 1}]


@pytest.mark.parametrize(("uri", "run"), [(None, "run"), ("uri", None)])
def test_without_a_run_there_is_only_the_file(monkeypatch, file, uri, run):
    monkeypatch.setattr(tracking, "client", lambda uri: pytest.fail("nobody to tell"))
    curve = Curve(file, uri, run)
    curve.log(1, loss=1)
    curve.flush()
    assert len(lines(file)) == 1


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


def test_a_run_in_sqlite_keeps_its_parameters_metrics_and_artifacts_beside_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/deep/mlflow.db"
    run_id = start_run(uri, "tests", "name", {"peft": {"rank": 16}, "long": "x" * 600}, {"job": "j"})
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "note.txt").write_text("kept")
    end_run(uri, run_id, {"bm25/ndcg@10": 0.5}, tmp_path / "extra")
    run = client(uri).get_run(run_id)
    assert run.data.params == {"peft.rank": "16", "long": "x" * 500}
    assert run.data.metrics == {"bm25/ndcg_at_10": 0.5}
    assert (run.data.tags["job"], run.info.run_name, run.info.status) == ("j", "name", "FINISHED")
    assert [path.read_text() for path in (tmp_path / "deep").rglob("note.txt")] == ["kept"]
    assert not (tmp_path / "mlruns").exists()
    other = start_run(uri, "tests", "second", {}, {})
    assert client(uri).get_run(other).info.experiment_id == run.info.experiment_id


def test_a_scheme_that_mlflow_does_not_know_is_an_error_of_the_user():
    with pytest.raises(UserError, match=r"nosuchscheme.*\n.*--tracking\.uri"):
        client("nosuchscheme://here")
