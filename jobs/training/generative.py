"""The causal and seq2seq loop on one Ray Train worker: the loss is over the answers' tokens, each counting the same.

A batch's examples are dealt to workers by token count and run in passes of a token budget. Each pass' summed loss is
divided by the answer tokens of the whole batch, so that gradients summed over passes and workers are those of one big
batch: neither their number nor the padding changes what is learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ray.train.collective import broadcast_from_rank_zero

from common.adapters.folder import save_adapter, start_from
from common.adapters.methods import METHODS, bits_of
from common.adapters.wrapping import after_step, method_state, parameter_groups, restore_method_state, wrap_generator
from common.errors import UserError
from common.models.batching import split_evenly
from common.models.generator import load_generator, load_generator_tokenizer
from common.models.memory import return_freed_memory
from common.models.precision import choose_dtype
from common.runs import write_json
from jobs.training import checkpoint as ckpt
from jobs.training import sharding
from jobs.training.answering import DevAnswers
from jobs.training.forward import Answerer
from jobs.training.generative_recipe import GenerativeInput
from jobs.training.gradients import sum_gradients
from jobs.training.loop import Loop, run_worker
from jobs.training.packing import CHUNK, Micro, level, plan_bucketed, plan_packed
from jobs.training.segments import can_pack
from jobs.training.tokenised import TokenStore

NAN_BATCH = "nan_batch.json"
_TRIM_EVERY = 8
_ADAPTERS_DROPOUT = {"lora_dropout", "vera_dropout"}


def train_worker(raw: dict[str, Any]) -> dict[str, Any]:
    """Entry point of a Ray Train worker; `raw` is a dumped `GenerativeInput`. Returns summary or user's error."""
    job = GenerativeInput.model_validate(raw)
    return run_worker(job, partial(_Worker, job))


class _Worker(Loop):
    """The generator with its adapter, the tokens, the dev sample."""

    def __init__(self, job: GenerativeInput, rank: int, world: int, device: torch.device) -> None:
        super().__init__(job, job.recipe, rank, world, device)
        self.job, self.recipe = job, job.recipe
        self.train, self.dev = TokenStore(job.train), TokenStore(job.dev)
        self.schedule = self.recipe.schedule(len(self.train))
        # One probe for all: workers that differed in format would not train one model.
        self.dtype = broadcast_from_rank_zero(choose_dtype(self.recipe.precision, device))
        self.tokenizer = load_generator_tokenizer(job.base)
        self.model = self._model()
        pad = self.tokenizer.pad_token_id
        self.answerer = Answerer(self.model, job.base.kind, pad, self.dtype, device)
        self.packed = self._packs()
        self.budget = self.recipe.tokens_per_chunk or CHUNK[device.type]
        self.parameters = list(ckpt.trainable(self.model).values())
        self.optimiser = self._optimiser()
        self.best = ckpt.weights(self.model)
        self._after = after_step(self.model, job.peft)
        self.answers = DevAnswers(job, self.model, self.tokenizer, rank, world) if job.dev_sample else None
        self.dropouts = [
            module
            for name, module in self.model.named_modules()
            if not _ADAPTERS_DROPOUT.isdisjoint(name.split("."))
            or (self.recipe.base_dropout and isinstance(module, torch.nn.Dropout))
        ]

    def _model(self) -> torch.nn.Module:
        """The frozen base in the chosen format with an fp32 adapter; all of it in fp32 for full fine-tuning."""
        job, recipe = self.job, self.recipe
        whole = METHODS[job.peft.method].trains_base
        base = load_generator(
            job.base, self.device, dtype=torch.float32 if whole else self.dtype, quantise=bits_of(job.peft)
        )
        model = wrap_generator(base, job.peft, job.base, recipe.seed, steps=self.schedule.steps)
        if job.start:
            start_from(model, job.start, job.base)
        model.eval()  # a frozen base needs no regularising; what has dropout is switched on by name
        if recipe.gradient_checkpointing:
            base.activation_checkpointing_enable({"use_reentrant": False})
        if recipe.fsdp:
            sharding.shard(model, self.device)
        return model

    def _packs(self) -> bool:
        able = (
            self.job.base.kind == "causal"
            and not self.job.peft.virtual_tokens
            and can_pack(self.answerer.inner)
            and not (self.recipe.base_dropout and self.device.type == "cuda")
        )
        if self.recipe.layout == "packed" and not able:
            raise UserError(
                f"{self.job.peft.method} on {self.job.base.name} ({self.job.base.architecture}) cannot be packed: that "
                "needs a causal model that takes its attention from transformers' table, and no virtual tokens",
                "give --training.layout bucketed",
            )
        return able and self.recipe.layout != "bucketed"

    def _optimiser(self) -> torch.optim.Optimizer:
        groups = parameter_groups(self.model, self.job.peft, self.peak)
        if self.recipe.optimiser == "adamw":
            return torch.optim.AdamW(groups, lr=self.peak, weight_decay=self.recipe.weight_decay)
        # torch's own scales each update by its parameter's size: LoRA's B, which is zero at the start, would not move.
        from transformers.optimization import Adafactor

        return Adafactor(
            groups, lr=self.peak, scale_parameter=False, relative_step=False, weight_decay=self.recipe.weight_decay
        )

    @property
    def peak(self) -> float:
        """The recipe's rate, or the method's."""
        return self.recipe.learning_rate or METHODS[self.job.peft.method].generation_rate

    def restore(self, folder: Path) -> None:
        """Go on from a checkpoint."""
        super().restore(folder)
        restore_method_state(self.model, self.job.peft, ckpt.method_state(folder))

    def train_step(self) -> float:
        """One optimiser step on one global batch; returns the mean loss of its answer tokens."""
        step = self.progress.step
        rows = self.schedule.rows(step)
        tokens = int(self.train.answers[rows].sum())
        shares, plans = self._deal(self.train, rows)
        self.optimiser.zero_grad(set_to_none=True)
        self._training(True)
        value, failed, cause = 0.0, 0.0, ""
        try:
            with self.answerer.attention(self.packed):
                value = self._backward(rows[shares[self.rank]], plans, tokens)
        except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
            if self.recipe.fsdp or not is_out_of_memory(error):
                raise
            failed, cause = 1.0, " ".join(str(error).split())[:160]
        self._training(False)
        value, failed = self._sum([value, failed])
        if failed:
            raise self._out_of_memory(step, cause)
        norm = self.apply_gradients()
        if not (np.isfinite(value) and np.isfinite(norm)):
            raise self._diverged(step, rows, value, norm)
        if self.device.type == "cpu" and step % _TRIM_EVERY == 0:
            return_freed_memory()
        self.progress.items += len(rows)
        self.progress.tokens += int(self.train.lengths[rows].sum())
        return value

    def finish_step(self) -> None:
        """AdaLoRA deals its ranks out again."""
        if self._after:
            self._after(self.progress.step)

    def method_state(self) -> dict[str, Any]:
        """AdaLoRA's importances."""
        return method_state(self.model, self.job.peft)

    def _deal(self, store: TokenStore, rows: np.ndarray) -> tuple[list[list[int]], list[list[Micro]]]:
        """Which positions of `rows` each worker has, and its passes over them."""
        lengths = store.lengths[rows]
        shares = split_evenly(lengths.tolist(), self.world)
        planned = store.prompts[rows] if self.job.base.kind == "seq2seq" else lengths  # a decoder pads by itself
        plan = plan_packed if self.packed else plan_bucketed
        return shares, [plan(planned[share].tolist(), budget=self.budget) for share in shares]

    def _backward(self, rows: np.ndarray, plans: Sequence[list[Micro]], tokens: int) -> float:
        """Add up gradients over this worker's passes; returns its share of the batch's mean loss."""
        value = torch.zeros((), device=self.device)
        for position, (micro, weight) in enumerate(self._passes(plans)):
            torch.manual_seed(self.job.seed_of(self.progress.step, self.rank, position))
            examples = [self.train.read(rows[row]) for row in micro.rows]
            loss = self.answerer.loss(examples, micro) * (weight / tokens)
            if position == 0 and self.rank == 0 and self.job.peft.method == "adalora":
                loss = loss + _not_orthogonal(self.model)
            loss.backward()
            value += loss.detach()
        return value.item()

    def _passes(self, plans: Sequence[list[Micro]]) -> list[tuple[Micro, float]]:
        """This worker's passes with their weights; under FSDP all make equally many, idle ones without weight."""
        mine = [(micro, 1.0) for micro in plans[self.rank]]
        if self.recipe.fsdp:
            mine += [(mine[0][0], 0.0)] * (level(plans) - len(mine))
        return mine

    def _sum(self, figures: list[float]) -> list[float]:
        """Sum figures over workers, and gradients where nobody else does."""
        return sum_gradients([] if self.recipe.fsdp else self.parameters, figures)

    def _training(self, on: bool) -> None:
        """Dropout; and the layers' own flags, which checkpointing looks at, while what is in them stays as it is."""
        for module in self.dropouts:
            module.train(on)
        if self.recipe.gradient_checkpointing:
            for module in self.model.modules():
                if hasattr(module, "gradient_checkpointing"):
                    module.training = on

    @torch.no_grad()
    def evaluate(self) -> float:
        """Mean dev loss, and generation metrics of the dev sample; returns what the recipe selects by."""
        rows = np.arange(len(self.dev))
        shares, plans = self._deal(self.dev, rows)
        mine, total = rows[shares[self.rank]], 0.0
        with self.answerer.attention(self.packed):
            for micro, weight in self._passes(plans):
                total += weight * self.answerer.loss([self.dev.read(mine[row]) for row in micro.rows], micro).item()
        loss = sum_gradients([], [total])[0] / int(self.dev.answers.sum())
        step = self.progress.step
        self.progress.dev_curve.append((step, loss))
        found = self.answers.score() if self.answers else {}
        if found:
            self.progress.dev_metrics.append({"step": step, **found})
        if self.rank == 0:
            self.curve.log(step, dev_loss=loss, **{f"dev_{name}": value for name, value in found.items()})
        if self.device.type == "cpu":
            return_freed_memory()
        return -loss if self.recipe.select in ("loss", "last") else found[CHOSEN_BY[self.recipe.select]]

    def describe(self) -> dict[str, Any]:
        """Losses, speed and memory."""
        at = self.progress
        return {
            "precision": str(self.dtype).removeprefix("torch."),
            "layout": "packed" if self.packed else "bucketed",
            "best_dev_loss": dict(at.dev_curve).get(at.best_step),
            "dev_metrics": at.dev_metrics,
            "examples_per_second": at.items / max(at.seconds, 1e-9),
            "trainable_parameters": sum(parameter.numel() for parameter in self.parameters),
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "peak_memory": self.peak_memory(),
        }

    def close(self) -> None:
        """End the sandboxes."""
        if self.answers:
            self.answers.close()

    def write_output(self) -> None:
        """The chosen adapter."""
        ckpt.set_weights(self.model, self.best)
        if self.recipe.fsdp:
            sharding.save(self.model, self.best, self.job, write=self.rank == 0)
        elif self.rank == 0:
            base = self.job.base
            save_adapter(self.model, self.job.output, base_name=base.name, revision=base.revision)

    def _out_of_memory(self, step: int, cause: str) -> UserError:
        half = max(1, self.budget // 2)
        last = self.progress.dev_curve[-1][0]
        kept = f"the checkpoint of step {last} is kept, and " if last else ""
        return UserError(
            f"out of memory in step {step} with passes of {self.budget} tokens{f' ({cause})' if cause else ''}",
            f"halve them: --training.tokens-per-chunk {half}; {kept}the same command goes on from there. Where one "
            "example alone is too much, add --training.gradient-checkpointing",
        )

    def _diverged(self, step: int, rows: np.ndarray, loss: float, norm: float) -> UserError:
        file = self.job.output.parent / NAN_BATCH
        if self.rank == 0:
            figures = {"loss": repr(loss), "gradient_norm": repr(norm), "learning_rate": self.rate(step)}
            write_json(file, {"step": step, **figures, "ids": [self.train.ids[row] for row in rows]})
        return UserError(
            f"the loss of step {step} is {loss}, its gradients' norm {norm}; the batch is named in {file}",
            "look at those examples, or lower --training.learning-rate",
        )


CHOSEN_BY = {"em": "em@1", "pass@1": "pass@1", "codebleu": "codebleu"}


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was refused, by Python, CUDA, or PyTorch's allocator on the CPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    signs = ("not enough memory", "out of memory", "can't allocate memory", "ALLOC_FAILED")
    return any(sign in str(error) for sign in signs)


def _not_orthogonal(model: Any) -> torch.Tensor:
    """AdaLoRA's penalty: how far the rows of each A and the columns of each B are from orthonormal (Zhang et al. 2023,
    equation 4). PEFT adds it to losses that it computes itself only."""
    found = []
    for name, parameter in ckpt.trainable(model).items():
        if "lora_A" in name or "lora_B" in name:
            gram = parameter @ parameter.T if "lora_A" in name else parameter.T @ parameter
            found.append(torch.linalg.matrix_norm(gram - torch.eye(len(gram), device=gram.device)))
    return model.active_peft_config.orth_reg_weight * torch.stack(found).mean()
