"""Checks of the data before any worker starts, and of the loss: two would have saved LoRACode's combined run."""

from __future__ import annotations

import math
from collections.abc import Sequence

from common.corpora.pair_store import PairStore
from common.errors import PreflightError
from jobs.training.recipe import Recipe
from jobs.training.sampling import Schedule


def check_batches(store: PairStore, schedule: Schedule) -> None:
    """Raise `PreflightError` where a whole batch shares one query or one document: nothing can be learnt from it.

    LoRACode's combined text2code run trained on batches whose pairs were all the same two strings.
    """
    if len(store) < 2:
        raise PreflightError(f"{len(store)} training pair has no negatives to learn from", "give at least two pairs")
    for step in range(min(schedule.steps, schedule.steps_per_epoch)):
        rows = schedule.rows(step)
        for field, hashes in (("query", store.queries), ("document", store.documents)):
            if (hashes[rows] == hashes[rows[0]]).all():
                text = getattr(store.read(rows[:1])[0], field)
                raise PreflightError(
                    f"all {len(rows)} pairs of training batch {step} have the same {field} "
                    f"({text[:60]!r}): the loss could only stay at ln({len(rows)})",
                    "look at how the pairs were made; duplicates belong out of the training data",
                )


def check_negatives(store: PairStore, recipe: Recipe, looked_at: int = 256) -> None:
    """Raise `PreflightError` where hard negatives are asked for and the first pairs carry none."""
    if not recipe.negatives:
        return
    if not any(pair.extra.get("negatives") for pair in store.read(range(min(len(store), looked_at)))):
        raise PreflightError(
            f"--training.negatives {recipe.negatives}, but the pairs of {store.path.name} carry no hard negatives",
            "mine them first: python -m jobs.mine_negatives --data.train FILE, then train on its pairs.jsonl",
        )


def stuck_at_chance(losses: Sequence[float], batch: int) -> str | None:
    """A warning where every loss of the first log window is within 1 % of ln(batch), what guessing scores."""
    chance = math.log(batch)
    if losses and all(abs(loss - chance) <= 0.01 * chance for loss in losses):
        return (
            f"the loss stays at ln({batch}) = {chance:.4f} over the first {len(losses)} steps: the model is guessing. "
            "Look at the pairs, the learning rate and the temperature."
        )
    return None
