"""The contrastive loop on one Ray Train worker.

Every worker derives the same batches from the seed and embeds its share of each; only rank 0 writes.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import ray.train
import ray.train.torch
import torch
from ray.train.collective import broadcast_from_rank_zero

from common.adapters.folder import save_adapter, start_from
from common.adapters.methods import METHODS, wrap
from common.adapters.scaling import scale_adapter
from common.corpora.beir import read_beir
from common.corpora.pair_store import PairStore
from common.errors import UserError
from common.logs import quieten
from common.models.batching import plan_chunks, split_evenly
from common.models.encoder import Encoder, load_model
from common.models.memory import return_freed_memory
from common.models.precision import choose_dtype
from common.tracking import Curve
from jobs.training import checkpoint as ckpt
from jobs.training.batches import Batches, check_negatives
from jobs.training.gradients import backward, gather, sum_gradients
from jobs.training.objective import drift, info_nce
from jobs.training.preflight import check_batches, stuck_at_chance
from jobs.training.recipe import TrainerInput
from jobs.training.sampling import Schedule, warmup_linear
from jobs.training.validation import DevSplit


def train_worker(raw: dict[str, Any]) -> dict[str, Any]:
    """Entry point of a Ray Train worker; `raw` is a dumped `TrainerInput`.

    Returns the summary of the run, or `{"error", "remedy"}` of a `UserError`: all workers meet the same one, and what
    Ray sees fail it would try again.
    """
    quieten()
    job = TrainerInput.model_validate(raw)
    context = ray.train.get_context()
    torch.set_num_threads(job.threads or max(1, int(os.environ.get("OMP_NUM_THREADS", "1"))))
    try:
        worker = _Worker(job, context.get_world_rank(), context.get_world_size(), ray.train.torch.get_device())
        last = ray.train.get_checkpoint()
        if last:
            with last.as_directory() as folder:
                worker.restore(Path(folder))
        return worker.run()
    except UserError as error:
        return {"error": error.message, "remedy": error.remedy}


class _Worker:
    """State of the loop: the encoder with its adapter, the optimiser, the data, the progress."""

    def __init__(self, job: TrainerInput, rank: int, world: int, device: torch.device) -> None:
        self.job, self.recipe, self.rank, self.world = job, job.recipe, rank, world
        store = PairStore.open(job.train)
        self.schedule = Schedule(len(store), self.recipe.batch, self.recipe.epochs, self.recipe.seed)
        check_batches(store, self.schedule)
        check_negatives(store, self.recipe)
        if self.recipe.batch < world:
            raise UserError(
                f"a batch of {self.recipe.batch} pairs cannot feed {world} workers", "raise --training.batch"
            )
        self.encoder = _encoder(job, device)
        self.dev = DevSplit(read_beir(job.dev)[0], self.encoder)
        self.batches = Batches(store, self.schedule, self.recipe, self.encoder.tokenize)
        # A frozen base needs no regularising, and its dropout costs a third of a CPU step: only the adapter's is on.
        self.encoder.model.eval()
        self.dropouts = [
            module
            for name, module in self.encoder.model.named_modules()
            if "lora_dropout" in name or (self.recipe.base_dropout and isinstance(module, torch.nn.Dropout))
        ]
        self.parameters = list(ckpt.trainable(self.encoder.model).values())
        self.peak = self.recipe.learning_rate or METHODS[job.peft.method].learning_rate
        self.optimiser = torch.optim.AdamW(self.parameters, lr=self.peak, weight_decay=self.recipe.weight_decay)
        self.progress, self.best = ckpt.Progress(), ckpt.weights(self.encoder.model)
        self.curve = Curve(job.metrics, job.tracking_uri, job.tracking_run)

    def restore(self, folder: Path) -> None:
        self.best, self.progress = ckpt.restore(folder, self.encoder.model, self.optimiser)

    def run(self) -> dict[str, Any]:
        steps, every = self.schedule.steps, self.recipe.log_every
        marks = {round(steps * (i + 1) / self.recipe.evaluations) for i in range(self.recipe.evaluations)}
        if self.rank == 0:
            self.curve.rewind(self.progress.step or -1)
        if self.progress.step == 0:
            self._evaluate()  # an untrained adapter is the base itself (prompt and prefix are not): the score to beat
        while self.progress.step < steps:
            loss = self._step()
            step = self.progress.step
            if step <= every:
                self.progress.window.append(loss)
            if step == min(every, steps):
                self._warn_if_stuck()
            if self.rank == 0:
                self.curve.log(step, loss=loss, learning_rate=self._rate(step - 1))
                if step % every == 0 or step == steps:
                    self.curve.flush()
            if step in marks:
                self._evaluate()
                self._report()
            if self.job.stop_after == step:
                os._exit(1)
        self.batches.close()
        if self.rank == 0:
            self._write_adapter()
        return self._summary()

    def _step(self) -> float:
        """One optimiser step on one global batch; returns its loss."""
        started, step = time.perf_counter(), self.progress.step
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
        torch.nn.utils.clip_grad_norm_(self.parameters, self.recipe.clip_norm)
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate(step)
        self.optimiser.step()
        if kind == "cpu" and step % _TRIM_EVERY == 0:
            return_freed_memory()
        self.progress.step += 1
        self.progress.seconds += time.perf_counter() - started
        self.progress.pairs += count
        self.progress.tokens += sum(len(text) for text in batch.ids)
        return value

    def _base_vectors(self, mine: list[list[int]], shares: list[list[int]]) -> torch.Tensor:
        """The whole batch's vectors from the bare base."""
        with self.encoder.base_only():
            vectors = torch.from_numpy(self.encoder.encode_ids(mine)).to(self.encoder.device)
        return gather(vectors, shares, self.rank)

    def _rate(self, step: int) -> float:
        return self.peak * warmup_linear(step, self.schedule.steps, self.recipe.warmup(self.schedule.steps))

    def _evaluate(self) -> None:
        score = self.dev.mrr(self.encoder, self.rank, self.world)
        self.progress.dev_curve.append((self.progress.step, score))
        if score > self.progress.best_score or self.recipe.select == "last":
            self.progress.best_score, self.progress.best_step = score, self.progress.step
            self.best = ckpt.weights(self.encoder.model)
        if self.rank == 0:
            self.curve.log(self.progress.step, dev_mrr=score)
            self.curve.flush()

    def _report(self) -> None:
        """Give Ray a checkpoint; all ranks must call this equally often."""
        metrics = self._summary()
        if self.rank != 0:
            ray.train.report(metrics)
            return
        with tempfile.TemporaryDirectory() as folder:
            ckpt.save(Path(folder), self.encoder.model, self.optimiser, self.best, self.progress)
            ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(folder))

    def _summary(self) -> dict[str, Any]:
        at = self.progress
        return {
            "step": at.step,
            "steps": self.schedule.steps,
            "workers": self.world,
            "precision": str(self.encoder.dtype).removeprefix("torch."),
            "best_step": at.best_step,
            "best_dev_mrr": at.best_score,
            "dev_curve": at.dev_curve,
            "pairs_per_second": at.pairs / at.seconds,
            "tokens_per_second": at.tokens / at.seconds,
            "warnings": at.warnings,
        }

    def _warn_if_stuck(self) -> None:
        warning = stuck_at_chance(self.progress.window, min(self.recipe.batch, self.schedule.pairs))
        if warning:
            self.progress.warnings.append(warning)

    def _write_adapter(self) -> None:
        """The chosen adapter, moved towards the base as far as the recipe says."""
        ckpt.set_weights(self.encoder.model, self.best)
        if self.recipe.interpolate < 1:
            scale_adapter(self.encoder.model, self.recipe.interpolate, self.job.base)
        save_adapter(self.encoder.model, self.job.output, base_name=self.job.base.name, revision=self.job.base.revision)


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
