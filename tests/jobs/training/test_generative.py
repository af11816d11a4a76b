"""The generative loop in this process, one worker: what each option does. Workers and Ray: tests/jobs/ray."""

from __future__ import annotations

import json

import pytest
import torch

from common.adapters.folder import WEIGHTS, adapter_digest
from common.errors import AdapterError, UserError
from jobs.training import checkpoint as ckpt
from jobs.training import generative, loop
from jobs.training.generative import NAN_BATCH, is_out_of_memory
from tests.jobs.ray.tiny import losses
from tests.jobs.ray.tiny_codegen import trainer_input, world

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    made = {}

    def get(family="llama"):
        if family not in made:
            made[family] = world(tmp_path_factory.mktemp(family), family)
        return made[family]

    return get


@pytest.fixture
def run(worlds, tmp_path, monkeypatch):
    """Train in a folder of the given name; returns the summary. Ray is not asked."""
    monkeypatch.setattr(generative, "broadcast_from_rank_zero", lambda value: value)
    monkeypatch.setattr(loop.ray.train, "report", lambda *_, **__: None)

    def go(name="run", family="llama", peft=None, change=None, **recipe):
        job = trainer_input(worlds(family), tmp_path / name, peft, **recipe)
        worker = generative._Worker(job, 0, 1, torch.device("cpu"))
        if change:
            change(worker)
        return worker.run()

    return go


METHODS = ["lora", "ia3", "prompt", "prefix", "full", "adalora", "loraplus", "qlora-4bit"]


@pytest.mark.parametrize(
    ("family", "method"),
    [*(("llama", method) for method in METHODS), ("t5", "lora"), ("t5", "full"), ("codegen", "lora")],
)
def test_every_method_lowers_the_dev_loss(run, family, method):
    summary = run(family=family, peft={"method": method}, epochs=1)
    curve = [loss for _, loss in summary["dev_curve"]]
    assert curve[-1] < curve[0]
    packed = family == "llama" and method not in ("prompt", "prefix")
    assert summary["layout"] == ("packed" if packed else "bucketed")


def test_packed_trains_as_bucketed_does(run, tmp_path):
    run("packed", layout="packed", epochs=1)
    run("bucketed", layout="bucketed", tokens_per_chunk=64, epochs=1)
    assert losses(tmp_path / "packed") == pytest.approx(losses(tmp_path / "bucketed"), rel=1e-4)


def test_checkpointed_layers_give_the_same_gradients(run, tmp_path):
    peft = {"rank": 4, "dropout": 0.1}
    run("kept", peft=peft, epochs=1)
    run("again", peft=peft, epochs=1, gradient_checkpointing=True)
    assert losses(tmp_path / "again") == pytest.approx(losses(tmp_path / "kept"), rel=1e-5)


def test_dropout_is_seeded_and_at_work(run, tmp_path):
    for name, dropout in (("one", 0.2), ("two", 0.2), ("none", 0.0)):
        run(name, peft={"rank": 4, "dropout": dropout}, epochs=1)
    assert losses(tmp_path / "one") == losses(tmp_path / "two")
    assert losses(tmp_path / "one") != pytest.approx(losses(tmp_path / "none"), rel=1e-4)


def test_adafactor_moves_what_is_zero_at_the_start(run):
    summary = run(optimiser="adafactor", epochs=1)
    assert summary["dev_curve"][-1][1] < summary["dev_curve"][0][1] - 0.05


@pytest.mark.parametrize(("method", "optimiser"), [("lora", "adafactor"), ("adalora", "adamw")])
def test_a_run_that_goes_on_is_the_run_that_was_not_interrupted(run, tmp_path, method, optimiser):
    peft = {"method": method, "rank": 4, "dropout": 0.1}
    run("whole", peft=peft, optimiser=optimiser)
    kept = tmp_path / "kept"
    kept.mkdir()

    def stop_at_half(worker):
        def report():
            if worker.progress.step == 12:
                ckpt.save(kept, worker.model, worker.optimiser, worker.best, worker.progress, worker.method_state())
                raise KeyboardInterrupt

        worker._report = report

    with pytest.raises(KeyboardInterrupt):
        run("halves", peft=peft, optimiser=optimiser, change=stop_at_half)
    run("halves", peft=peft, optimiser=optimiser, change=lambda worker: worker.restore(kept))
    assert losses(tmp_path / "halves") == losses(tmp_path / "whole")
    assert adapter_digest(tmp_path / "halves/adapter") == adapter_digest(tmp_path / "whole/adapter")


def test_a_checkpoint_of_another_method_or_base_is_refused(run, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()

    def keep(worker):
        ckpt.save(kept, worker.model, worker.optimiser, worker.best, worker.progress)

    run("first", epochs=0.5, change=keep)
    with pytest.raises(AdapterError, match="method"):
        run("second", peft={"rank": 8}, change=lambda worker: worker.restore(kept))
    with pytest.raises(AdapterError, match="base"):
        run("third", "codegen", {"rank": 4, "alpha": 8}, change=lambda worker: worker.restore(kept))


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_batch(run, tmp_path):
    def spoil(worker):
        whole = worker.answerer.loss
        worker.answerer.loss = lambda *given: whole(*given) * (float("nan") if worker.progress.step == 3 else 1.0)

    with pytest.raises(UserError, match="step 3 is nan"):
        run(change=spoil, epochs=1)
    told = json.loads((tmp_path / "run" / NAN_BATCH).read_text())
    assert told["step"] == 3
    assert len(told["ids"]) == 8
    assert all(name.startswith("train/") for name in told["ids"])


def test_out_of_memory_suggests_half_and_says_what_is_kept(run):
    def exhaust(worker):
        whole = worker.answerer.loss

        def loss(*given):
            if worker.progress.step == 8:
                raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes")
            return whole(*given)

        worker.answerer.loss = loss

    with pytest.raises(UserError) as caught:
        run(change=exhaust)
    assert "out of memory in step 8" in caught.value.message
    assert "--training.tokens-per-chunk 64" in caught.value.remedy
    assert "checkpoint of step 6 is kept" in caught.value.remedy


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_memory(RuntimeError("shapes do not fit"))


def test_what_cannot_be_packed_is_refused(run):
    with pytest.raises(UserError, match="cannot be packed"):
        run(family="codegen", layout="packed")
    with pytest.raises(UserError, match="cannot be packed"):
        run(peft={"method": "prompt"}, layout="packed")


def test_select_last_keeps_the_last(run):
    summary = run(select="last", epochs=1, learning_rate=1e-2)
    assert summary["best_step"] == summary["steps"]


def test_the_adapter_is_peft_s_own_folder(run, tmp_path):
    run(epochs=0.5)
    assert {file.name for file in (tmp_path / "run/adapter").iterdir()} == {"adapter_config.json", WEIGHTS}
