"""The generative loop on real Ray Train workers, and `jobs.train_codegen` from its command line to the registry."""

from __future__ import annotations

import json

import pytest
from ray.train.v2.api.exceptions import TrainingFailedError

from common.adapters.folder import adapter_digest, check
from common.adapters.manifest import read_manifest
from common.adapters.registry import fetch
from common.cli import run
from common.models.generator import resolve_generator
from jobs.train_codegen import JOB
from tests.decoders_zoo import generator
from tests.jobs.ray.tiny import is_marked, last_step, losses, mark_first_line
from tests.jobs.ray.tiny_codegen import texts, train, trainer_input, world

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return world(tmp_path_factory.mktemp("llama"), "llama")


@pytest.fixture(scope="module")
def alone(ray_cluster, place, tmp_path_factory):
    """One worker, no dropout."""
    folder = tmp_path_factory.mktemp("alone")
    train(trainer_input(place, folder), workers=1)
    return folder


def test_two_workers_train_as_one_does(place, tmp_path, alone):
    summary = train(trainer_input(place, tmp_path), workers=2)
    assert losses(tmp_path) == pytest.approx(losses(alone), rel=1e-4)
    assert len(summary["peak_memory"]["bytes"]) == 2
    assert min(summary["peak_memory"]["bytes"]) > 100e6


def test_two_workers_of_an_encoder_decoder_train_as_one_does(ray_cluster, tmp_path, tmp_path_factory):
    read = world(tmp_path_factory.mktemp("t5"), "t5")
    for name, workers in (("one", 1), ("two", 2)):
        train(trainer_input(read, tmp_path / name, epochs=1), workers=workers)
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-4)


@pytest.mark.faults
def test_a_run_that_died_goes_on_as_if_it_had_not(place, tmp_path, alone):
    job = trainer_input(place, tmp_path)
    with pytest.raises(TrainingFailedError):
        train(job.model_copy(update={"stop_after": 14}), workers=1)
    assert last_step(tmp_path) == 14
    mark_first_line(tmp_path)
    train(job, workers=1)
    assert is_marked(tmp_path), "it started over instead of going on"
    assert losses(tmp_path) == losses(alone)
    assert adapter_digest(tmp_path / "adapter") == adapter_digest(alone / "adapter")


def test_full_fine_tuning_spread_over_two_workers_is_that_of_one(place, tmp_path, ray_cluster):
    peft = {"method": "full"}
    train(trainer_input(place, tmp_path / "one", peft, epochs=1), workers=1)
    train(trainer_input(place, tmp_path / "spread", peft, epochs=1, fsdp=True), workers=2)
    assert losses(tmp_path / "spread") == pytest.approx(losses(tmp_path / "one"), rel=1e-3)
    assert (tmp_path / "spread/adapter/model.safetensors").is_file()


@pytest.fixture(scope="module")
def finished(ray_cluster, tmp_path_factory):
    """A run of the job on someone's own JSONL, merged and pushed into a folder."""
    folder = tmp_path_factory.mktemp("job")
    generator(folder / "base", "llama")
    for name, count, seed in (("train", 40, 0), ("dev", 12, 1), ("test", 12, 2)):
        rows = [
            {"id": f"{name}-{i}", "instruction": ask, "code": say} for i, (ask, say) in enumerate(texts(count, seed))
        ]
        if name == "train":
            rows.append({"id": "endless", "instruction": "many " * 700, "code": "x"})
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = [
        *("--model", str(folder / "base"), "--data.sources", '["jsonl"]', "--no-data.decontaminate"),
        *(
            "--data.jsonl.train",
            json.dumps([str(folder / "train.jsonl")]),
            "--data.jsonl.dev",
            str(folder / "dev.jsonl"),
        ),
        *("--data.jsonl.tests", json.dumps([str(folder / "test.jsonl")])),
        *("--training.epochs", "1", "--training.precision", "fp32", "--training.evaluate-every", "0.5"),
        *("--training.generation.examples", "4", "--training.generation.max-new-tokens", "16"),
        *("--training.select", "codebleu", "--evaluation.decoding.max-new-tokens", "16", "--evaluation.ks", "[1]"),
        *("--export", "merged", "--push", str(folder / "given"), "--name", "tiny-codegen"),
        *("--tracking.uri", f"sqlite:///{folder}/mlflow.db", "--run-dir", str(folder / "run")),
    ]
    assert run(JOB, flags) == 0
    return folder, flags


def test_the_job_scores_base_and_adapter_and_says_what_it_took(finished):
    folder, _ = finished
    result = json.loads((folder / "run/result.json").read_text())
    (systems,) = result["metrics"].values()
    assert set(systems) == {"base", "adapter"}
    assert {"em@1", "codebleu", "chrf"} <= set(systems["adapter"])
    assert result["memory"]["predicted"] > 0
    assert len(result["memory"]["measured"]["bytes"]) == 2
    assert result["data"]["left_out"]["too_long"] == 1
    left = json.loads((folder / "run/data/left_out.jsonl").read_text())
    assert left["id"] == "endless" and left["excess"] == left["tokens"] - 512
    assert all({"em@1", "codebleu", "chrf"} <= set(row) for row in result["training"]["dev_metrics"])


def test_the_adapter_is_registered_checked_merged_and_pushed(finished, tmp_path):
    folder, _ = finished
    base = resolve_generator(str(folder / "base"))
    manifest = check(folder / "run/adapter", base)
    assert manifest.task == "generation"
    assert manifest.prompts["template"] == "study"
    assert manifest.version == "1"
    got = fetch("tiny-codegen@candidate", uri=f"sqlite:///{folder}/mlflow.db", destination=tmp_path)
    assert read_manifest(got).digest == manifest.digest
    assert resolve_generator(str(folder / "run/merged")).kind == "causal"
    assert adapter_digest(folder / "given/adapter") == manifest.digest
    assert (folder / "given/merged/config.json").is_file()


def test_a_second_submission_does_nothing_twice(finished, capsys):
    folder, flags = finished
    before = (folder / "run/metrics.jsonl").stat().st_mtime_ns
    assert run(JOB, flags) == 0
    assert (folder / "run/metrics.jsonl").stat().st_mtime_ns == before
    assert "registry   tiny-codegen@candidate" in capsys.readouterr().out


def test_a_dry_run_predicts_and_refuses_what_cannot_fit(finished, capsys, tmp_path):
    _, flags = finished
    flags = [*flags[:-1], str(tmp_path / "other"), "--dry-run"]
    assert run(JOB, flags) == 0
    assert "GB a worker" in capsys.readouterr().out
    assert run(JOB, [*flags, "--training.memory-limit", "0.1"]) == 2
    said = capsys.readouterr().err
    assert "takes about" in said and "→" in said
    assert not (tmp_path / "other").exists()
