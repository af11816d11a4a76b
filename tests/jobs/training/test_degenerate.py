"""LoRACode's published combined run trained on batches of one pair: what that does, and that it is refused here."""

import math

import pytest
import torch

from common.adapters.methods import PeftSpec
from common.adapters.wrapping import wrap
from common.corpora.pair_store import write_store
from common.corpora.pairs import Pair
from common.errors import PreflightError
from common.models.batching import plan_chunks
from common.models.encoder import Encoder, load_model
from jobs.training import checkpoint
from jobs.training.batches import Batches
from jobs.training.gradients import backward
from jobs.training.objective import info_nce
from jobs.training.preflight import check_batches, stuck_at_chance
from jobs.training.recipe import Recipe
from jobs.training.sampling import Schedule

PAPER = Recipe(batch=16, epochs=8, learning_rate=5e-5, temperature=0.2, symmetric=False, mask_false_negatives=False)


@pytest.fixture
def degenerate(tmp_path):
    return write_store(tmp_path / "train.jsonl", [Pair("return the sum", "def add(a, b): return a + b")] * 64)


def losses_of(store, base, recipe):
    """The recipe's losses over all steps, on one process."""
    model = wrap(load_model(base, torch.device("cpu")), PeftSpec(rank=4, alpha=8), base.lora_targets, 0)
    encoder = Encoder(base, model, torch.float32, torch.device("cpu"))
    parameters = list(checkpoint.trainable(model).values())
    optimiser = torch.optim.AdamW(parameters, lr=recipe.learning_rate)
    schedule = Schedule(len(store), recipe.batch, recipe.epochs, recipe.seed)
    batches = Batches(store, schedule, recipe, encoder.tokenize)
    losses = []
    for step in range(schedule.steps):
        batch = batches[step]
        n = len(batch.rows)

        def loss(vectors, n=n, batch=batch):
            return info_nce(
                vectors[:n], vectors[n:], batch.mask, temperature=recipe.temperature, symmetric=recipe.symmetric
            )

        chunks = plan_chunks([len(text) for text in batch.ids], budget=1024)
        optimiser.zero_grad()
        losses.append(backward(encoder, batch.ids, chunks, loss, seed=step, kept_tokens=10**6))
        optimiser.step()
    return losses


def test_it_stays_at_chance_from_the_first_step_to_the_last(degenerate, small_base, one_thread):
    losses = losses_of(degenerate, small_base, PAPER)
    assert len(losses) == 32
    assert losses == pytest.approx([math.log(16)] * 32, abs=1e-4)
    assert "the model is guessing" in (stuck_at_chance(losses, 16) or "")


def test_the_same_recipe_learns_where_pairs_differ(tmp_path, small_base, one_thread):
    words = [f"{letter}{ending}" for letter in "bdfg" for ending in ("an", "el", "ip", "ox")]
    store = write_store(tmp_path / "train.jsonl", [Pair(f"the {w}", f"def {w}(): return {w}") for w in words * 4])
    losses = losses_of(store, small_base, PAPER.model_copy(update={"learning_rate": 5e-3, "epochs": 4}))
    assert losses[-1] < losses[0] - 0.05
    assert stuck_at_chance(losses, 16) is None


def test_the_pre_flight_check_refuses_it(degenerate):
    with pytest.raises(PreflightError, match=r"all 16 pairs of training batch 0 have the same query .*ln\(16\)"):
        check_batches(degenerate, Schedule(len(degenerate), 16, 8, 0))
