"""Sweeps from their configuration to the report, on the session's cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from common.adapters.manifest import read_manifest
from common.cli import run
from common.config import validate
from tests.decoders_zoo import generator
from tests.jobs.ray.tiny import BATCH, Tiny, lines
from tests.jobs.ray.tiny_codegen import texts
from tuning.config import SweepConfig
from tuning.pipeline import sweep
from tuning.sweep import JOB

pytestmark = [pytest.mark.ray, pytest.mark.slow]
RATES = [1e-6, 1e-2]


def config(tiny: Tiny, folder: Path, **given: Any) -> SweepConfig:
    """A sweep over two rates of the tiny search job, 30 steps a trial."""
    training = {"batch": BATCH, "epochs": 1, "precision": "fp32"}
    values = {
        "fixed": {
            "model": str(tiny.base), "name": folder.name, "encoder": {"pooling": "mean", "max_length": 64},
            "data": {"source": "pairs", "train": str(tiny.train), "dev": str(tiny.dev), "test": str(tiny.test)},
            "peft": {"rank": 4}, "training": training,
        },
        "space": {"training.learning_rate": RATES},
        "run_dir": str(folder / "sweep"),
        "tracking": {"uri": f"sqlite:///{folder}/mlflow.db"},
    }  # fmt: skip
    return validate(SweepConfig, {**values, **given})


def groups() -> list[str]:
    """States of the placement groups that have not been removed."""
    from ray.util import placement_group_table

    return [group["state"] for group in placement_group_table().values() if group["state"] != "REMOVED"]


@pytest.fixture(scope="module")
def stopped(ray_cluster, tiny, tmp_path_factory) -> tuple[SweepConfig, dict[str, Any]]:
    """A sweep one of whose trials ASHA stops: with one at a time, the good rate first."""
    search = {"stopping": "asha", "reduction": 2, "first_rung": 0.2, "concurrent": 1, "seed": 1}
    asked = config(tiny, tmp_path_factory.mktemp("stopped"), search=search)
    return asked, sweep(asked)


def test_a_sweep_names_the_best_and_gives_everything_back(stopped):
    asked, result = stopped
    assert result["best"]["config"] == {"training.learning_rate": 1e-2}
    assert result["best"]["metric"] == max(trial["metric"] for trial in result["trials"])
    assert sorted(trial["status"] for trial in result["trials"]) == ["finished", "stopped"]
    by_status = {trial["status"]: trial for trial in result["trials"]}
    assert by_status["stopped"]["trained_steps"] < by_status["finished"]["trained_steps"] == 30
    assert result["trained_steps"] == sum(trial["trained_steps"] for trial in result["trials"])
    assert result["grid_steps"] == 60
    assert result["reserved_cpus_after"] == 0
    assert groups() == []
    for trial in result["trials"]:
        assert read_manifest(Path(trial["adapter"])).digest
        assert trial["trainable_parameters"] > 0 and trial["peak_bytes"] > 0 and trial["seconds"] > 0
    assert json.loads((asked.run_dir / "result.json").read_text("utf-8")) == result


def test_the_best_is_scored_and_registered(stopped):
    from common.tracking import client

    asked, result = stopped
    assert result["finished"]["metrics"].keys() == {"bm25", "zero_shot", "adapter", "hybrid"}
    registered = client(asked.tracking.uri).get_model_version_by_alias(asked.run_dir.parent.name, "candidate")
    assert str(registered.version) == result["finished"]["adapter"]["version"]
    assert result["finished"]["adapter"]["path"] == result["best"]["adapter"]


def test_mlflow_has_one_parent_and_a_child_for_each_trial(stopped):
    from common.tracking import client

    asked, result = stopped
    store, parent = client(asked.tracking.uri), result["tracking"]["run_id"]
    experiment = store.get_experiment_by_name(asked.tracking.experiment).experiment_id
    children = store.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    assert {child.info.run_id for child in children} == {trial["tracking_run"] for trial in result["trials"]}
    for trial in result["trials"]:
        child = store.get_run(trial["tracking_run"])
        assert child.data.params["training.learning_rate"] == str(trial["config"]["training.learning_rate"])
        points = [(point.step, point.value) for point in store.get_metric_history(child.info.run_id, "dev_mrr")]
        assert points == [tuple(point) for point in trial["curve"]]
        kept = {file.path for file in store.list_artifacts(child.info.run_id)}
        assert {"adapter", "config.resolved.yaml"} <= kept
        assert "adapter/manifest.json" in {file.path for file in store.list_artifacts(child.info.run_id, "adapter")}
    told = store.get_run(parent)
    assert told.info.status == "FINISHED"
    assert told.data.metrics["best_metric"] == result["best"]["metric"]
    assert {"report.html", "report.md", "trials.csv"} <= {file.path for file in store.list_artifacts(parent)}


def test_a_resubmission_trains_only_what_has_not_ended(stopped, capsys):
    asked, result = stopped
    place = asked.run_dir / "trials" / result["best"]["id"]
    (other,) = (trial["id"] for trial in result["trials"] if trial["id"] != result["best"]["id"])
    untouched = asked.run_dir / "trials" / other / "run" / "metrics.jsonl"
    before = untouched.stat().st_mtime_ns
    for file in (asked.run_dir / "result.json", asked.run_dir / "steps" / "finish.json", place / "trial.json"):
        file.unlink()
    again = sweep(asked)
    assert again["best"] == result["best"]
    assert {trial["id"]: trial["curve"] for trial in again["trials"]} == {t["id"]: t["curve"] for t in result["trials"]}
    assert again["trained_steps"] == result["trained_steps"]
    assert untouched.stat().st_mtime_ns == before
    assert [line["step"] for line in lines(place / "run") if "loss" in line] == list(range(1, 31)), "trained again"


def test_tpe_starts_from_an_earlier_sweep_and_keeps_the_limits(stopped, tiny, tmp_path):
    earlier, result = stopped
    space = {"training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "peft.rank": [4, 256]}
    most = result["trials"][0]["trainable_parameters"]
    asked = config(
        tiny, tmp_path, space=space, warm_start=str(earlier.run_dir), finish=False,
        search={"points": "tpe", "trials": 2}, limits={"trainable_parameters": most},
    )  # fmt: skip
    found = sweep(asked)
    ran = [trial for trial in found["trials"] if trial["status"] == "finished"]
    assert len(ran) == 2 and all(trial["config"]["peft.rank"] == 4 for trial in ran)
    assert all(trial["trained_steps"] == 0 for trial in found["trials"] if trial["status"] == "refused")
    assert found["grid_steps"] is None and found["finished"] is None


def test_pbt_hands_weights_on(ray_cluster, tiny, tmp_path):
    search = {"points": "grid", "stopping": "pbt", "interval": 0.5}
    space = {"training.learning_rate": [1e-6, 1e-5, 1e-2]}  # more members than the cluster has places
    asked = config(tiny, tmp_path, space=space, search=search, finish=False)
    found = sweep(asked)
    assert [trial["trained_steps"] for trial in found["trials"]] == [30, 30, 30]
    taken = [place for place in (tmp_path / "sweep" / "trials").glob("*") if (place / "run-1").exists()]
    assert taken, "nobody took over another's weights"
    (one,) = taken
    steps = [line["step"] for line in lines(one / "run-1") if "loss" in line]
    assert steps == list(range(16, 31)), "it began anew instead of going on from the other's checkpoint"
    assert found["reserved_cpus_after"] == 0 and groups() == []

    for file in (asked.run_dir / "result.json", one / "trial.json"):
        file.unlink()
    again = sweep(asked)
    assert {trial["id"]: trial["curve"] for trial in again["trials"]} == {t["id"]: t["curve"] for t in found["trials"]}
    assert [line["step"] for line in lines(one / "run-1") if "loss" in line] == steps, "trained again"


def test_halving_trains_all_a_little_and_the_best_to_its_end(ray_cluster, tiny, tmp_path):
    search = {"stopping": "halving", "reduction": 3, "first_rung": 1 / 3}
    space = {"training.learning_rate": [1e-6, 1e-5, 1e-2]}
    asked = config(tiny, tmp_path, space=space, search=search, finish=False)
    found = sweep(asked)
    by_steps = {trial["trained_steps"]: trial for trial in found["trials"]}
    assert sorted(trial["trained_steps"] for trial in found["trials"]) == [10, 10, 30]
    assert by_steps[30]["curve"][1][1] == max(trial["curve"][1][1] for trial in found["trials"])
    assert by_steps[30]["status"] == "finished"
    assert by_steps[10]["status"] == "stopped" and found["trained_steps"] == 50
    for trial in found["trials"]:
        assert read_manifest(Path(trial["adapter"])).digest
        steps = [line["step"] for line in lines(Path(trial["adapter"]).parent) if "loss" in line]
        assert steps == list(range(1, trial["trained_steps"] + 1)), "it did not go on from where it was"
        assert [step for step, _ in trial["curve"]] == [0, 10, 30][: 2 + (trial["trained_steps"] == 30)]
    assert found["reserved_cpus_after"] == 0 and groups() == []

    (asked.run_dir / "result.json").unlink()  # killed after the last trial, before the end
    again = sweep(asked)["trials"]
    assert sorted(again, key=lambda trial: trial["id"]) == sorted(found["trials"], key=lambda trial: trial["id"])


def test_a_sweep_that_can_never_be_placed_is_refused_at_once(ray_cluster, tiny, tmp_path, capsys):
    asked = config(tiny, tmp_path, cluster={"num_workers": 1, "use_gpu": True, "gpus_per_worker": 0.5})
    file = tmp_path / "sweep.json"
    file.write_text(asked.model_dump_json(exclude_none=True), "utf-8")
    assert run(JOB, ["--config", str(file)]) == 2
    assert "0.5 GPUs each do not fit a cluster of 0 GPUs" in capsys.readouterr().err
    assert not list((tmp_path / "sweep").glob("trials/*"))


def test_a_sweep_of_the_generation_job_refuses_what_exceeds_the_limits(ray_cluster, tmp_path):
    generator(tmp_path / "base", "llama")
    for name, count, seed in (("train", 40, 0), ("dev", 12, 1), ("test", 12, 2)):
        rows = [{"id": f"{name}{i}", "instruction": a, "code": c} for i, (a, c) in enumerate(texts(count, seed))]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    files = {"train": [str(tmp_path / "train.jsonl")], "dev": str(tmp_path / "dev.jsonl")}
    values = {
        "job": "train_codegen",
        "fixed": {
            "model": str(tmp_path / "base"), "training": {"epochs": 1, "precision": "fp32", "learning_rate": 1e-2},
            "data": {
                "sources": ["jsonl"], "decontaminate": False,
                "jsonl": {**files, "tests": [str(tmp_path / "test.jsonl")]},
            },
        },
        "space": {"peft.method": ["lora", "ia3"], "peft.rank": [2, 64], "peft.alpha": [8]},
        "limits": {"trainable_parameters": 3000, "memory_gb": 4},
        "finish": False,
        "run_dir": str(tmp_path / "sweep"),
    }  # fmt: skip
    found = sweep(validate(SweepConfig, values))
    refused = [trial for trial in found["trials"] if trial["status"] == "refused"]
    assert [trial["config"]["peft.rank"] for trial in refused] == [64]
    assert "limits.trainable_parameters allows 3,000" in refused[0]["reason"]
    ran = [trial for trial in found["trials"] if trial["status"] == "finished"]
    assert len(ran) == 2
    assert found["best"]["metric"] == min(trial["metric"] for trial in ran), "a loss is better where it is lower"
    assert all(trial["metric"] == min(value for _, value in trial["curve"]) for trial in ran)
