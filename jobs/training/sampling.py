"""Which pairs make up each batch: a function of the seed and the step, so that resuming needs no state. Pure."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Schedule:
    """The order of all batches of a run."""

    pairs: int
    """Number of training pairs."""
    batch: int
    """Pairs per step, over all workers."""
    epochs: float
    """Passes over the data; a fraction ends inside the last pass."""
    seed: int
    least: int = 2
    """A smaller remainder of a pass is left out: one pair has no negatives. One answer can be learnt from: 1 there."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one pass."""
        full, rest = divmod(self.pairs, self.batch)
        return full + (rest >= self.least)

    @property
    def steps(self) -> int:
        """Steps of the run, at least one."""
        return max(1, math.ceil(round(self.steps_per_epoch * self.epochs, 9)))  # 100 × 1.1 is 110.00000000000001

    def rows(self, step: int) -> np.ndarray:
        """Indices of the pairs of one step (0-based), in an order that depends on seed and pass alone."""
        epoch, position = divmod(step, self.steps_per_epoch)
        return _order(self.seed, epoch, self.pairs)[position * self.batch : (position + 1) * self.batch]


@functools.lru_cache(maxsize=2)
def _order(seed: int, epoch: int, pairs: int) -> np.ndarray:
    """The permutation of one pass."""
    return np.random.default_rng((seed, epoch)).permutation(pairs)


def warmup_linear(step: int, steps: int, warmup: int) -> float:
    """Factor on the learning rate: up from 0 over the first `warmup` steps, then linearly down to 0.

    Our recipe has a warm-up that is a share of the run: LoRACode's fixed 1000–4000 steps are longer than some of its
    runs, which then never reach the rate they name.
    """
    if step < warmup:
        return (step + 1) / warmup
    return max(0.0, (steps - step) / max(1, steps - warmup))
