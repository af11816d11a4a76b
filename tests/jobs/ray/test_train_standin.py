"""The job that makes the embedded base, at a size that takes seconds."""

from __future__ import annotations

import json

import pytest
from ray.train.v2.api.exceptions import TrainingFailedError

from common.cli import run
from common.models.digests import weights_digest
from common.models.generator import load_generator, load_generator_tokenizer, resolve_generator
from jobs.pretraining.loop import train_worker
from jobs.ray_session import ClusterConfig
from jobs.train_standin import JOB
from jobs.training.trainer import launch

pytestmark = [pytest.mark.ray, pytest.mark.slow]
FLAGS = [
    "--limit-files", "40", "--shape.layers", "1", "--shape.hidden", "32", "--shape.feedforward", "48",
    "--shape.vocabulary", "400", "--shape.positions", "64", "--training.epochs", "1", "--training.batch", "64",
    "--training.evaluations", "4", "--cluster.num-workers", "2",
]  # fmt: skip


@pytest.fixture(scope="module")
def made(ray_cluster, tmp_path_factory):
    folder = tmp_path_factory.mktemp("standin") / "run"
    assert run(JOB, [*FLAGS, "--run-dir", str(folder)]) == 0
    return folder


def test_it_learns_and_is_a_base(made):
    result = json.loads((made / "result.json").read_text("utf-8"))
    losses = [loss for _, loss in result["held_out_losses"]]
    assert losses == sorted(losses, reverse=True)
    curve = [json.loads(line) for line in (made / "metrics.jsonl").read_text("utf-8").splitlines()]
    first = next(line["loss"] for line in curve if "loss" in line)
    assert losses[-1] < first - 0.5
    assert 5.5 < first < 6.5, "a fresh model guesses among 400 tokens: ln 400 = 5.99"
    base = resolve_generator(str(made / "model"))
    assert (base.kind, base.positions, base.digest) == ("causal", 64, result["digest"])
    import torch

    model = load_generator(base, torch.device("cpu"), dtype=torch.float32)
    tokens = load_generator_tokenizer(base)("def ", return_tensors="pt")
    assert model.generate(**tokens, max_new_tokens=4, do_sample=False).shape[1] > tokens["input_ids"].shape[1]
    assert "stand-in" in (made / "model" / "README.md").read_text("utf-8")


def test_a_run_that_died_ends_as_one_that_did_not(made, tmp_path):
    steps = json.loads((made / "result.json").read_text("utf-8"))["steps"]
    text = json.loads((made / "steps" / "text.json").read_text("utf-8"))
    import yaml

    config = yaml.safe_load((made / "config.resolved.yaml").read_text("utf-8"))
    raw = {
        "shape": config["shape"], "schedule": config["training"], "end": text["end"], "pad": text["pad"],
        "rows": str(made / "rows.npy"), "held_out": str(made / "held_out.npy"),
        "metrics": str(tmp_path / "metrics.jsonl"), "output": str(tmp_path / "weights"),
    }  # fmt: skip
    cluster = ClusterConfig(num_workers=2, max_failures=0)

    def go_on(**more):
        launch(train_worker, {**raw, **more}, cluster, tmp_path / "ray", curve=tmp_path / "metrics.jsonl",
               steps=steps, use_gpu=False)  # fmt: skip

    with pytest.raises(TrainingFailedError):
        go_on(stop_after=steps // 2 + 1)
    go_on()
    assert weights_digest(tmp_path / "weights") == weights_digest(made / "model")
