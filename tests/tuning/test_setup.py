import json
from pathlib import Path

import pytest

from common.errors import ConfigError
from common.runs import write_json
from common.tracking import TrackingConfig
from jobs.ray_session import ClusterConfig
from tests.tuning.setups import DATA, setup, trial
from tuning.setup import outcome_of
from tuning.tasks import TASKS

POINT = {"peft.method": "lora", "peft.rank": 8, "training.learning_rate": 1e-3}


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"folder": Path("/elsewhere")},
        {"cluster": ClusterConfig(num_workers=3, address="auto")},
        {"tracking": TrackingConfig(uri="http://h", parent="p")},
        {"template": {"training": {"batch": 64}, "name": "n", "alias": "a"}},
        {"data": {**DATA, "pairs": 1, "seconds": 3.0}},
    ],
)
def test_a_point_has_one_id_wherever_it_runs(elsewhere):
    assert setup(**elsewhere).identify(POINT) == setup().identify(POINT)


def test_a_default_that_is_said_changes_no_id():
    assert setup().identify({"peft.method": "lora"}) == setup().identify({"peft.rank": 16})


def test_a_point_keeps_its_id_on_the_way_through_json():
    point = {**POINT, "peft.targets": ("query", "value")}
    assert setup().identify(json.loads(json.dumps(point))) == setup().identify(point)
    assert setup().identify({**point, "peft.targets": ["key"]}) != setup().identify(point)


@pytest.mark.parametrize(
    ("point", "more"),
    [
        ({**POINT, "peft.rank": 16}, {}),
        ({**POINT, "training.learning_rate": 2e-3}, {}),
        (POINT, {"job": "train_codegen"}),
        (POINT, {"data": {**DATA, "fingerprint": "e" * 64}}),
        (POINT, {"template": {"training": {"batch": 32}}}),
        (POINT, {"template": {"training": {"batch": 64}, "encoder": {"max_length": 64}}}),
    ],
)
def test_another_trial_has_another_id(point, more):
    assert setup(**more).identify(point) != setup().identify(POINT)


def test_keys_that_are_not_swept_count_for_nothing():
    assert setup().config({**POINT, "training.epochs": 9}) == setup().config(POINT)


def test_a_trial_s_configuration_has_the_template_the_point_and_the_sweep_s_own(tmp_path):
    cluster, tracking = ClusterConfig(num_workers=1, address="auto"), TrackingConfig(parent="run")
    config = setup(cluster=cluster, tracking=tracking).config(POINT, tmp_path / "run")
    assert (config.training.batch, config.training.learning_rate, config.peft.rank) == (64, 1e-3, 8)
    named = tracking.model_copy(update={"name": "method=lora rank=8 learning_rate=0.001"})
    assert (config.cluster, config.tracking, config.run_dir) == (cluster, named, tmp_path / "run")


def test_what_is_no_configuration_is_told_with_its_point():
    with pytest.raises(ConfigError, match=r"with peft\.method=lora, peft\.rank=0: peft\.rank"):
        setup().config({"peft.method": "lora", "peft.rank": 0})


@pytest.mark.parametrize("job", sorted(TASKS))
def test_a_begun_trial_has_the_sweep_s_data_and_its_step(tmp_path, monkeypatch, job):
    monkeypatch.chdir(tmp_path)
    one = setup(Path("sweep"), job=job)
    (tmp_path / "sweep" / "data").mkdir(parents=True)
    (tmp_path / "sweep" / "data" / "train.jsonl").write_text("{}")
    run_dir = one.place("a1") / "run"
    for _ in range(2):
        one.begin(run_dir, POINT)
    step = {"train_search": "corpus", "train_codegen": "data"}[job]
    assert json.loads((run_dir / "steps" / f"{step}.json").read_text()) == DATA
    (tmp_path / "sweep").rename(tmp_path / "moved")
    moved = tmp_path / "moved" / "trials" / "a1" / "run" / "data"
    assert moved.resolve() == tmp_path / "moved" / "data", "a sweep may be moved"
    assert (moved / "train.jsonl").read_text() == "{}"


def test_the_point_of_a_trial_is_read_back_once_it_has_begun(tmp_path):
    one = setup(tmp_path)
    place = one.place("a1")
    assert one.point_of(place) is None
    one.begin(place / "run", {**POINT, "peft.targets": ("query",)})
    assert one.point_of(place) == {**POINT, "peft.targets": ["query"]}


def test_an_outcome_is_read_back(tmp_path):
    assert outcome_of(tmp_path) is None
    ended = trial("a1", POINT, curve=((10, 0.3), (20, 0.4)), seconds=1.5, adapter="a", reason="r")
    write_json(tmp_path / "trial.json", ended.model_dump(mode="json"))
    assert outcome_of(tmp_path) == ended


def test_a_shared_reference_comes_out_of_its_list():
    reference = object()
    assert setup(shared=[reference]).trained(Path("gate")).shared is reference
    assert setup().trained(Path("gate")).shared is None
