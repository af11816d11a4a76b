"""The frame of every training loop on a Ray Train worker: steps, evaluations, checkpoints, the curve.

A loop says what a step, an evaluation and its output are; what is the same for all is here. Every worker derives the
same batches from seed and step; only rank 0 writes. All ranks report equally often, as Ray demands.
"""

from __future__ import annotations

import contextlib
import os
import resource
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray.train
import ray.train.torch
import torch
from ray.train.collective import broadcast_from_rank_zero

from common.curve import Curve
from common.errors import UserError
from common.logs import quieten
from jobs.training import checkpoint as ckpt
from jobs.training.gate import Gate, Verdict
from jobs.training.gradients import sum_gradients
from jobs.training.recipe import LoopRecipe, WorkerInput
from jobs.training.sampling import Schedule, warmup_linear


def run_worker(job: WorkerInput, make: Callable[[int, int, torch.device], Loop]) -> dict[str, Any]:
    """What a Ray Train worker does: make the loop, go on from the last checkpoint, run it to its end.

    `make` takes rank, number of workers and device. Returns the summary of the run, or `{"error", "remedy"}` of a
    `UserError`: all workers meet the same one, and what Ray sees fail it would try again.
    """
    quieten()
    context = ray.train.get_context()
    torch.set_num_threads(job.threads or max(1, int(os.environ.get("OMP_NUM_THREADS", "1"))))
    try:
        if job.gate and context.get_world_rank() == 0:
            Gate(job.gate).note_reserved()
        loop = make(context.get_world_rank(), context.get_world_size(), ray.train.torch.get_device())
        last = ray.train.get_checkpoint()
        if last:
            with last.as_directory() as folder:
                loop.restore(Path(folder))
        elif job.resume_from:
            loop.restore(job.resume_from)
        return loop.run()
    except UserError as error:
        return {"error": error.message, "remedy": error.remedy}


class Loop(ABC):
    """State that every loop has: model, optimiser, schedule, progress, curve."""

    model: torch.nn.Module
    optimiser: torch.optim.Optimizer
    schedule: Schedule
    best: ckpt.Weights

    def __init__(self, job: WorkerInput, recipe: LoopRecipe, rank: int, world: int, device: torch.device) -> None:
        self._job, self._recipe = job, recipe
        self.rank, self.world, self.device = rank, world, device
        self.progress = ckpt.Progress(identity=job.identity())
        self.curve = Curve(job.metrics, job.tracking_uri, job.tracking_run)
        self.ended: Verdict = "go"

    @abstractmethod
    def train_step(self) -> float:
        """One optimiser step on one global batch, the same loss on every worker; counts items and tokens."""

    @abstractmethod
    def evaluate(self) -> float:
        """Score the dev split, log it, note it in the progress; returns the score by which adapters are chosen."""

    @abstractmethod
    def write_output(self) -> None:
        """Write the chosen adapter (`self.best`). All ranks are called."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What the summary says beyond steps and speed."""

    def finish_step(self) -> None:  # noqa: B027  # most loops have nothing to do here
        """Called after each step with the gradients still there."""

    def method_state(self) -> dict[str, Any]:
        """What the PEFT method must remember over an interruption."""
        return {}

    def close(self) -> None:  # noqa: B027
        """Let threads go."""

    def restore(self, folder: Path) -> None:
        """Go on from a checkpoint."""
        self.best, self.progress = ckpt.restore(folder, self.model, self.optimiser, self._job.identity())

    def run(self) -> dict[str, Any]:
        """From where the run is to its end; returns the summary."""
        steps, every = self.schedule.steps, self._recipe.log_every
        marks = self._recipe.marks(self.schedule)
        if self.rank == 0:
            self.curve.rewind(self.progress.step or -1)
        if self.progress.step == 0:
            self._evaluate()  # an untrained adapter is the base itself (prompt and prefix are not): the score to beat
        while self.progress.step < steps and self._verdict(marks) == "go":
            started = time.perf_counter()
            loss = self.train_step()
            self.finish_step()
            self.progress.step += 1
            self.progress.seconds += time.perf_counter() - started
            step = self.progress.step
            if step <= every:
                self.progress.window.append(loss)
            if step == min(every, steps) and (warning := self.first_window()):
                self.progress.warnings.append(warning)
            if self.rank == 0:
                self.curve.log(step, loss=loss, learning_rate=self.rate(step - 1))
                if step % every == 0 or step == steps:
                    self.curve.flush()
            if step in marks:
                self._evaluate()
                self._report()
            if self._job.stop_after == step:
                os._exit(1)
        self.close()
        if self.ended != "pause":
            self.write_output()
        if self.rank == 0 and (lacking := self.curve.close()):
            self.progress.warnings.append(lacking)
        return self.summary()

    def first_window(self) -> str | None:
        """A warning about the losses of the first log window, `progress.window`."""
        return None

    def rate(self, step: int) -> float:
        """The learning rate of a step (0-based)."""
        return self.peak * warmup_linear(step, self.schedule.steps, self._recipe.warmup(self.schedule.steps))

    @property
    @abstractmethod
    def peak(self) -> float:
        """The highest learning rate."""

    def apply_gradients(self) -> float:
        """Clip, set the rate and step; returns the gradients' norm before clipping."""
        parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(parameters, self._recipe.clip_norm)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(self.progress.step) * group.get("ratio", 1.0)
        self.optimiser.step()
        return float(ckpt.whole(norm))

    def summary(self) -> dict[str, Any]:
        """What the run has done, for Ray's report and the result."""
        at = self.progress
        seconds = max(at.seconds, 1e-9)
        return {
            "step": at.step,
            "steps": self.schedule.steps,
            "ended": self.ended,
            "workers": self.world,
            "best_step": at.best_step,
            "dev_curve": at.dev_curve,
            "tokens_per_second": at.tokens / seconds,
            "seconds": at.seconds,
            "warnings": at.warnings,
            **self.describe(),
        }

    def peak_memory(self) -> dict[str, Any]:
        """The largest that each worker has used, in bytes: allocated on its GPU, or resident. All ranks must call."""
        if self.device.type == "cuda":
            mine, what = torch.cuda.max_memory_allocated(self.device), "device"
        else:
            mine, what = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "resident"
        figures = [0.0] * self.world
        figures[self.rank] = mine / 2**20
        return {"of": what, "bytes": [round(value * 2**20) for value in sum_gradients([], figures)]}

    def _verdict(self, marks: set[int]) -> Verdict:
        """What the gate says of the evaluation that was made at this step; `go` where there is none."""
        step = self.progress.step
        if self._job.gate and step in marks:
            gate = Gate(self._job.gate)
            self.ended = broadcast_from_rank_zero(gate.wait(step) if self.rank == 0 else None)
        return self.ended

    def _evaluate(self) -> None:
        score = self.evaluate()
        if score > self.progress.best_score or self._recipe.chosen == "last":
            self.progress.best_score, self.progress.best_step = score, self.progress.step
            self.best = ckpt.weights(self.model)
        if self.rank == 0:
            self.curve.flush()

    def _report(self) -> None:
        """Give Ray a checkpoint; all ranks must call this equally often."""
        metrics = self.summary()
        with tempfile.TemporaryDirectory() if self.rank == 0 else contextlib.nullcontext() as folder:
            place = Path(folder) if folder else None
            ckpt.save(place, self.model, self.optimiser, self.best, self.progress, self.method_state())
            ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(folder) if folder else None)
