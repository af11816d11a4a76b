"""The contrastive loop on one Ray Train worker.

Every worker derives the same batches from the seed and embeds its share of each; only rank 0 writes.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import ray
import torch
from ray.train.collective import broadcast_from_rank_zero

from common.adapters.folder import save_adapter, start_from
from common.adapters.methods import METHODS
from common.adapters.scaling import scale_adapter
from common.adapters.wrapping import wrap
from common.corpora.beir import read_beir
from common.corpora.pair_store import PairStore
from common.errors import UserError
from common.models.batching import plan_chunks, split_evenly
from common.models.encoder import Encoder, load_model
from common.models.memory import return_freed_memory
from common.models.precision import choose_dtype
from jobs.training import checkpoint as ckpt
from jobs.training.batches import Batches
from jobs.training.gradients import backward, gather, sum_gradients
from jobs.training.loop import Loop, run_worker
from jobs.training.objective import drift, info_nce
from jobs.training.pair_tokens import PairTokens
from jobs.training.preflight import check_batches, check_negatives, stuck_at_chance
from jobs.training.recipe import SHARED, TrainerInput
from jobs.training.sampling import Schedule
from jobs.training.validation import DevSplit


def train_worker(raw: dict[str, Any]) -> dict[str, Any]:
    """Entry point of a Ray Train worker; returns the summary, or a user's error.

    `raw` is a dumped `TrainerInput`, and under `SHARED` a reference to `PairTokens` where a sweep has made them.
    """
    tokens = ray.get(raw[SHARED]) if raw.get(SHARED) else None
    job = TrainerInput.model_validate({name: value for name, value in raw.items() if name != SHARED})
    return run_worker(job, partial(_Worker, job, tokens))


class _Worker(Loop):
    """The contrastive loop: the encoder with its adapter, the pairs, the dev split."""

    def __init__(
        self, job: TrainerInput, tokens: PairTokens | None, rank: int, world: int, device: torch.device
    ) -> None:
        super().__init__(job, job.recipe, rank, world, device)
        self.job, self.recipe = job, job.recipe
        store = PairStore.open(job.train)
        self.schedule = Schedule(len(store), self.recipe.batch, self.recipe.epochs, self.recipe.seed)
        check_batches(store, self.schedule)
        check_negatives(store, self.recipe)
        if self.recipe.batch < world:
            raise UserError(
                f"a batch of {self.recipe.batch} pairs cannot feed {world} workers", "raise --training.batch"
            )
        self.encoder = _encoder(job, device)
        self.model = self.encoder.model
        self.dev = DevSplit(read_beir(job.dev)[0], self.encoder, tokens)
        self.batches = Batches(store, self.schedule, self.recipe, self.encoder.tokenize, tokens)
        # A frozen base needs no regularising, and its dropout costs a third of a CPU step: only the adapter's is on.
        self.model.eval()
        self.dropouts = [
            module
            for name, module in self.model.named_modules()
            if "lora_dropout" in name or (self.recipe.base_dropout and isinstance(module, torch.nn.Dropout))
        ]
        self.parameters = list(ckpt.trainable(self.model).values())
        self.optimiser = torch.optim.AdamW(self.parameters, lr=self.peak, weight_decay=self.recipe.weight_decay)
        self.best = ckpt.weights(self.model)

    @property
    def peak(self) -> float:
        """The recipe's rate, or the method's."""
        return self.recipe.learning_rate or METHODS[self.job.peft.method].learning_rate

    def train_step(self) -> float:
        """One optimiser step on one global batch; returns its loss."""
        step = self.progress.step
        batch = self.batches[step]
        shares = split_evenly([len(text) for text in batch.ids], self.world)
        mine = [batch.ids[position] for position in shares[self.rank]]
        count, mask = len(batch.rows), batch.mask.to(self.encoder.device)
        base = self._base_vectors(mine, shares) if self.recipe.anchor else None

        def loss(vectors: torch.Tensor) -> torch.Tensor:
            everyone = gather(vectors, shares, self.rank)
            value = info_nce(everyone[:count], everyone[count:], mask,
                             temperature=self.recipe.temperature, symmetric=self.recipe.symmetric)  # fmt: skip
            return value if base is None else value + self.recipe.anchor * drift(everyone, base)

        kind = self.encoder.device.type
        chunks = plan_chunks([len(text) for text in mine], budget=self.recipe.tokens_per_chunk or _CHUNK[kind])
        for dropout in self.dropouts:
            dropout.train()
        self.optimiser.zero_grad(set_to_none=True)
        kept = _KEPT[kind] if self.recipe.kept_tokens is None else self.recipe.kept_tokens
        seed = ((self.recipe.seed * 1_000_003 + step) * 1009 + self.rank) * 65_537
        value = backward(self.encoder, mine, chunks, loss, seed=seed % 2**62, kept_tokens=kept)
        sum_gradients(self.parameters)
        if not np.isfinite(value):
            raise UserError(
                f"the loss of step {step} is {value} (pairs {batch.rows.tolist()[:8]}…)",
                "lower --training.learning-rate",
            )
        self.apply_gradients()
        if kind == "cpu" and step % _TRIM_EVERY == 0:
            return_freed_memory()
        self.progress.items += count
        self.progress.tokens += sum(len(text) for text in batch.ids)
        return value

    def _base_vectors(self, mine: list[list[int]], shares: list[list[int]]) -> torch.Tensor:
        """The whole batch's vectors from the bare base."""
        with self.encoder.base_only():
            vectors = torch.from_numpy(self.encoder.encode_ids(mine)).to(self.encoder.device)
        return gather(vectors, shares, self.rank)

    def evaluate(self) -> float:
        """MRR on the dev split."""
        score = self.dev.mrr(self.encoder, self.rank, self.world)
        self.progress.dev_curve.append((self.progress.step, score))
        if self.rank == 0:
            self.curve.log(self.progress.step, dev_mrr=score)
        return score

    def describe(self) -> dict[str, Any]:
        """Scores and speed in pairs."""
        at = self.progress
        return {
            "precision": str(self.encoder.dtype).removeprefix("torch."),
            "best_dev_mrr": at.best_score,
            "pairs_per_second": at.items / max(at.seconds, 1e-9),
            "trainable_parameters": sum(parameter.numel() for parameter in self.parameters),
            "peak_memory": self.peak_memory(),
        }

    def first_window(self) -> str | None:
        """Says so where the loss stays at chance."""
        return stuck_at_chance(self.progress.window, min(self.recipe.batch, self.schedule.pairs))

    def close(self) -> None:
        """Let the thread of the batches go."""
        self.batches.close()

    def write_output(self) -> None:
        """The chosen adapter, moved towards the base as far as the recipe says."""
        if self.rank != 0:
            return
        ckpt.set_weights(self.model, self.best)
        if self.recipe.interpolate < 1:
            scale_adapter(self.model, self.recipe.interpolate, self.job.base)
        save_adapter(self.model, self.job.output, base_name=self.job.base.name, revision=self.job.base.revision)


_CHUNK = {"cpu": 1024, "cuda": 16384}
_TRIM_EVERY = 4
_KEPT = {"cpu": 32768, "cuda": 131072}


def _encoder(job: TrainerInput, device: torch.device) -> Encoder:
    """The base in the chosen format, frozen, with an fp32 adapter; all of it in fp32 for full fine-tuning."""
    # One probe for all: workers that differed in format would not train one model.
    dtype = broadcast_from_rank_zero(choose_dtype(job.recipe.precision, device))
    model = load_model(job.base, device).to(device)
    if not METHODS[job.peft.method].trains_base:
        model = model.to(dtype)
    adapted = wrap(model, job.peft, job.base.lora_targets, job.recipe.seed)
    if job.start:
        start_from(adapted, job.start, job.base)
    return Encoder(job.base, adapted, dtype, device)
