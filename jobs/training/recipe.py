"""How to train: the recipe a user sets, and the complete input of a worker."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator, model_validator

from common.adapters.methods import PeftSpec
from common.config import Config
from common.models.catalogue import Precision
from common.models.loading import Base

if TYPE_CHECKING:
    from jobs.training.sampling import Schedule


SHARED = "shared"
"""Beside a dumped `WorkerInput`: a reference into Ray's object store to what several runs share."""


class LoopRecipe(Config):
    """What every training loop has."""

    epochs: float = Field(3.0, gt=0)
    """Passes over the training data; a fraction is allowed."""
    batch: int = Field(128, ge=1)
    """Items a step, over all workers."""
    learning_rate: float | None = Field(None, gt=0)
    """Peak rate; none = what suits the PEFT method."""
    weight_decay: float = Field(0.01, ge=0)
    """AdamW's decoupled decay."""
    warmup_share: float = Field(0.1, ge=0, lt=1)
    """Share of the steps with a rising rate; linear decay to zero afterwards."""
    warmup_steps: int | None = Field(None, ge=0)
    """Warm-up as a number of steps instead, as LoRACode has it; may be longer than the run."""
    clip_norm: float = Field(1.0, gt=0)
    """Largest gradient norm."""
    base_dropout: bool = False
    """Also train with the base's own dropout, as transformers' Trainer does; a third slower on a CPU."""
    seed: int = 0
    """Seeds the order of the data, the adapter's start and dropout."""
    precision: Precision = "auto"
    """fp32, bf16, or auto: bf16 where a probe shows that this machine is faster with it."""
    log_every: int = Field(10, ge=1)
    """Steps between two logged losses."""
    evaluate_at: tuple[float, ...] | None = None
    """Shares of the run, up to 1, after which the dev split is scored; none = evenly, as often as this recipe says. A
    sweep sets it to where its scheduler decides."""
    tokens_per_chunk: int | None = Field(None, ge=1)
    """Tokens that run through the model together; none = 1,024 on a CPU, 16,384 on a GPU."""

    @property
    @abstractmethod
    def chosen(self) -> str:
        """What chooses the adapter; `last` = the last one is kept."""

    def warmup(self, steps: int) -> int:
        """Warm-up in steps, for a run of `steps`."""
        return max(1, round(steps * self.warmup_share)) if self.warmup_steps is None else self.warmup_steps

    def marks(self, schedule: Schedule) -> set[int]:
        """Steps after which the dev split is scored and a checkpoint written; the last one is among them."""
        if self.evaluate_at is None:
            return self._even_marks(schedule)
        return {max(1, round(schedule.steps * share)) for share in self.evaluate_at} | {schedule.steps}

    @abstractmethod
    def _even_marks(self, schedule: Schedule) -> set[int]:
        """`marks` where no shares are given."""

    @field_validator("evaluate_at")
    @classmethod
    def _shares(cls, shares: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if shares is not None and not (shares and all(0 < share <= 1 for share in shares)):
            raise ValueError("evaluate_at takes shares of the run above 0 and up to 1")
        return shares


class Recipe(LoopRecipe):
    """The contrastive recipe."""

    batch: int = Field(128, ge=2)
    """Pairs a step over all workers: each query meets batch - 1 negatives."""
    learning_rate: float | None = Field(None, gt=0)
    """Peak rate of AdamW; none = what suits the PEFT method (1e-3 for lora)."""
    temperature: float = Field(0.05, gt=0)
    """InfoNCE's τ; cosines are divided by it."""
    symmetric: bool = True
    """Also rank the queries for each document."""
    mask_false_negatives: bool = True
    """Leave out of a query's negatives what shares its query, its document or its problem."""
    negatives: int = Field(0, ge=0)
    """Hard negatives of each pair to add to the batch, out of those that jobs.mine_negatives found."""
    anchor: float = Field(0.0, ge=0)
    """Weight of the pull back to the base (mean cosine distance of all vectors from the base's): less forgetting."""
    interpolate: float = Field(1.0, gt=0, le=1)
    """Share of the learnt update that the finished adapter keeps (WiSE-FT, Wortsman et al. 2022): less forgetting."""
    select: Literal["best", "last"] = "best"
    """Which adapter is kept: the best on dev, or the last one."""
    evaluations: int = Field(4, ge=1)
    """How often the dev split is scored, and a checkpoint written, during the run; the best adapter is kept."""
    kept_tokens: int | None = Field(None, ge=0)
    """Tokens a worker may hold activations of; a larger batch is computed with cached gradients. none = 32,768 on a
    CPU, 131,072 on a GPU."""

    @property
    def chosen(self) -> str:
        """`best` or `last`."""
        return self.select

    def _even_marks(self, schedule: Schedule) -> set[int]:
        """`evaluations` steps, evenly spread over the run."""
        return {round(schedule.steps * (i + 1) / self.evaluations) for i in range(self.evaluations)}

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        if self.kept_tokens and self.tokens_per_chunk and self.kept_tokens < self.tokens_per_chunk:
            raise ValueError("kept_tokens must hold at least one chunk of tokens_per_chunk")
        return self


class WorkerInput(Config):
    """What a worker of every loop needs; plain data, so that Ray can send it."""

    peft: PeftSpec
    """The adapter."""
    start: Path | None = None
    """Adapter folder to start from; none = a fresh adapter."""
    output: Path
    """Folder to write the adapter to, on storage every worker shares."""
    metrics: Path
    """JSONL to append the training curve to."""
    threads: int | None = None
    """CPU threads of a worker; none = as many as Ray gave it CPUs."""
    tracking_uri: str | None = None
    """MLflow server to log the curve to."""
    tracking_run: str | None = None
    """MLflow run to log the curve to."""
    gate: Path | None = None
    """Folder of a `Gate`: after each evaluation but the last the loop waits there for leave to go on."""
    resume_from: Path | None = None
    """Checkpoint to begin with where the run has none of its own yet: another run's, which this one carries on."""
    stop_after: int | None = None
    """Die after so many steps, for tests of resuming."""

    def identity(self) -> dict[str, str]:
        """What a checkpoint of the run belongs to."""
        return {"method": self.peft.model_dump_json()}


class TrainerInput(WorkerInput):
    """Everything a worker of the contrastive loop needs."""

    base: Base
    """What to adapt."""
    recipe: Recipe
    """How to train it."""
    train: Path
    """Pairs JSONL."""
    dev: Path
    """BEIR folder for choosing the best adapter."""

    def identity(self) -> dict[str, str]:
        """Base and method."""
        return {"base": self.base.digest, **super().identity()}
