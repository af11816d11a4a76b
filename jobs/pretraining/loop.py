"""The loop on a Ray Train worker: next-token loss over whole rows.

Every worker derives the same batch from seed and step and reads its share of it; gradients are summed in one message.
So W workers train as one does, and a checkpoint needs weights, optimiser state and the step.
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
from safetensors.torch import load_model, save_model
from transformers import LlamaConfig, LlamaForCausalLM

from common.curve import Curve
from common.errors import UserError
from common.logs import quieten
from common.models.memory import return_freed_memory
from common.models.precision import choose_dtype
from jobs.pretraining.config import Schedule, Shape
from jobs.training.gradients import sum_gradients
from jobs.training.sampling import warmup_linear

_TRIM_EVERY = 8


def train_worker(raw: dict[str, Any]) -> dict[str, Any]:
    """Entry point; `raw` has shape, schedule, token ids of the special tokens, and the paths of rows and outputs."""
    quieten()
    torch.set_num_threads(max(1, int(os.environ.get("OMP_NUM_THREADS", "1"))))
    context = ray.train.get_context()
    worker = _Worker(raw, context.get_world_rank(), context.get_world_size(), ray.train.torch.get_device())
    last = ray.train.get_checkpoint()
    if last:
        with last.as_directory() as folder:
            worker.restore(Path(folder))
    try:
        return worker.run()
    except UserError as error:
        return {"error": error.message, "remedy": error.remedy}


def build(shape: Shape, end: int, pad: int, seed: int) -> LlamaForCausalLM:
    """A fresh Llama in fp32."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=shape.vocabulary, hidden_size=shape.hidden, intermediate_size=shape.feedforward,
        num_hidden_layers=shape.layers, num_attention_heads=shape.heads, num_key_value_heads=shape.heads,
        max_position_embeddings=shape.positions, tie_word_embeddings=True, bos_token_id=None, eos_token_id=end,
        pad_token_id=pad,
    )  # fmt: skip
    return LlamaForCausalLM(config)


class _Worker:
    def __init__(self, raw: dict[str, Any], rank: int, world: int, device: torch.device) -> None:
        self.raw, self.rank, self.world, self.device = raw, rank, world, device
        self.schedule = Schedule.model_validate(raw["schedule"])
        self.shape = Shape.model_validate(raw["shape"])
        self.rows = np.load(raw["rows"], mmap_mode="r")
        self.held_out = np.load(raw["held_out"], mmap_mode="r")
        self.per_epoch = len(self.rows) // self.schedule.batch
        if self.per_epoch == 0:
            raise UserError(f"{len(self.rows)} rows do not fill a batch of {self.schedule.batch}", "lower it")
        self.steps = self.per_epoch * self.schedule.epochs
        self.dtype = choose_dtype("auto", device)
        self.model: Any = build(self.shape, raw["end"], raw["pad"], self.schedule.seed).to(device)
        matrices = [p for name, p in self.model.named_parameters() if p.ndim == 2 and "layers." in name]
        others = [p for name, p in self.model.named_parameters() if p.ndim != 2 or "layers." not in name]
        decay = self.schedule.weight_decay
        self.optimisers: tuple[torch.optim.Optimizer, ...] = (
            # its rate is scaled so that an update is as long as AdamW's would be: one rate for both, nearly
            torch.optim.Muon(matrices, lr=self.schedule.muon_rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(others, lr=self.schedule.adam_rate, weight_decay=0.0, betas=(0.9, 0.95)),
        )
        self.peaks = (self.schedule.muon_rate, self.schedule.adam_rate)
        self.step, self.seconds = 0, 0.0
        self.losses: list[tuple[int, float]] = []
        self.curve = Curve(Path(raw["metrics"]), None, None)

    def restore(self, folder: Path) -> None:
        load_model(self.model, folder / "model.safetensors")
        state = torch.load(folder / "state.pt", weights_only=True)
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.step, self.seconds = state["step"], state["seconds"]
        self.losses = [(int(step), float(loss)) for step, loss in state["losses"]]

    def run(self) -> dict[str, Any]:
        marks = {round(self.steps * (i + 1) / self.schedule.evaluations) for i in range(self.schedule.evaluations)}
        if self.rank == 0:
            self.curve.rewind(self.step or -1)
        while self.step < self.steps:
            loss = self._train_step()
            if self.rank == 0:
                self.curve.log(self.step, loss=loss)
            if self.step in marks:
                self._report()
            if self.raw.get("stop_after") == self.step:  # for tests of resuming
                os._exit(1)
        if self.rank == 0:
            self.model.to(torch.bfloat16).save_pretrained(self.raw["output"])
            self.curve.close()
        return self._summary()

    def _train_step(self) -> float:
        started, schedule = time.perf_counter(), self.schedule
        epoch, position = divmod(self.step, self.per_epoch)
        order = np.random.default_rng((schedule.seed, epoch)).permutation(len(self.rows))
        batch = order[position * schedule.batch : (position + 1) * schedule.batch]
        mine = np.sort(batch[self.rank :: self.world])
        value = 0.0
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        for at in range(0, len(mine), schedule.rows_at_once):
            loss = self._loss(self.rows[mine[at : at + schedule.rows_at_once]]) / (len(batch) * self.shape.positions)
            loss.backward()
            value += loss.item()
        parameters = list(self.model.parameters())
        [value] = sum_gradients(parameters, [value])
        if not np.isfinite(value):
            raise UserError(f"the loss of step {self.step} is {value}", "lower --training.muon-rate")
        torch.nn.utils.clip_grad_norm_(parameters, schedule.clip_norm)
        factor = warmup_linear(self.step, self.steps, max(1, round(self.steps * schedule.warmup_share)))
        for optimiser, peak in zip(self.optimisers, self.peaks, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = peak * factor
            optimiser.step()
        self.step += 1
        self.seconds += time.perf_counter() - started
        if self.step % _TRIM_EVERY == 0 and self.device.type == "cpu":
            return_freed_memory()
        return value

    def _loss(self, rows: np.ndarray) -> torch.Tensor:
        """Summed cross-entropy of (B, T + 1) rows."""
        ids = torch.from_numpy(np.ascontiguousarray(rows)).long().to(self.device)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            logits = self.model(input_ids=ids[:, :-1], use_cache=False).logits
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten(), reduction="sum")

    @torch.no_grad()
    def _held_out_loss(self) -> float:
        """Mean loss in nats over the held-out rows; every worker reads them all, there are few."""
        size = self.schedule.rows_at_once
        total = sum(self._loss(self.held_out[at : at + size]).item() for at in range(0, len(self.held_out), size))
        return total / (len(self.held_out) * self.shape.positions)

    def _report(self) -> None:
        self.losses.append((self.step, self._held_out_loss()))
        if self.rank != 0:
            ray.train.report(self._summary())
            return
        self.curve.log(self.step, held_out_loss=self.losses[-1][1])
        with tempfile.TemporaryDirectory() as folder:
            save_model(self.model, str(Path(folder) / "model.safetensors"))
            state = {"optimisers": [o.state_dict() for o in self.optimisers], "step": self.step,
                     "seconds": self.seconds, "losses": self.losses}  # fmt: skip
            torch.save(state, Path(folder) / "state.pt")
            ray.train.report(self._summary(), checkpoint=ray.train.Checkpoint.from_directory(folder))

    def _summary(self) -> dict[str, Any]:
        tokens = self.step * self.schedule.batch * self.shape.positions
        return {
            "steps": self.steps,
            "step": self.step,
            "tokens": tokens,
            "tokens_per_second": tokens / self.seconds if self.seconds else 0.0,
            "held_out_losses": self.losses,
            "parameters": sum(p.numel() for p in self.model.parameters()),
        }
