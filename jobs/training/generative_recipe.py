"""How to train a generator: the recipe a user sets, and the complete input of a worker. Describes only."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from common.config import Config
from common.models.generator import GeneratorBase
from common.prompts import Template
from jobs.training.recipe import LoopRecipe, WorkerInput
from jobs.training.sampling import Schedule

Select = Literal["loss", "last", "em", "pass@1", "codebleu"]


class DevGeneration(Config):
    """Answers written during training: what the loss does not say."""

    examples: int = Field(0, ge=0)
    """Dev examples that are answered at each evaluation, a seeded choice that stays the same; 0 = none."""
    samples: int = Field(1, ge=1)
    """Answers to each; more than one are drawn at a temperature of 0.8, one is the most probable one."""
    max_new_tokens: int = Field(256, ge=1)
    """Longest answer."""


class GenerativeRecipe(LoopRecipe):
    """The recipe for code generation. The defaults are the PEFT study's, but for the optimiser."""

    epochs: float = Field(5.0, gt=0)
    """Passes over the training examples; a fraction is allowed."""
    batch: int = Field(8, ge=1)
    """Examples a step, over all workers; what does not fit into memory at once is accumulated."""
    optimiser: Literal["adamw", "adafactor"] = "adamw"
    """AdamW, or Adafactor without its own step sizes, as the study has it: less memory, which counts for full."""
    weight_decay: float = Field(0.0, ge=0)
    """Decoupled decay."""
    warmup_share: float = Field(0.05, ge=0, lt=1)
    """Share of the steps with a rising rate; linear decay to zero afterwards."""
    evaluate_every: float = Field(0.2, gt=0)
    """Epochs between two evaluations, each with a checkpoint; the last step has one in any case."""
    select: Select = "loss"
    """Which adapter is kept: of the lowest dev loss, the last one, or that of the best dev generation metric."""
    generation: DevGeneration = DevGeneration()
    """Generation metrics during training."""
    max_length: int | None = Field(None, ge=2)
    """Longest example in tokens, prompt and answer; longer ones are left out, and named. none = the model's context."""
    layout: Literal["auto", "packed", "bucketed"] = "auto"
    """packed: examples end to end in one row, kept apart by attention. bucketed: rectangles of like length. auto:
    packed where the model can, which is faster."""
    gradient_checkpointing: bool = False
    """Compute activations a second time instead of keeping them: less memory, about a third slower."""
    fsdp: bool = False
    """Spread weights, gradients and optimiser state of a full fine-tuning over the workers (FSDP2)."""
    memory_limit: float | None = Field(None, gt=0)
    """Memory of a worker in GB that the prediction is held against; none = the GPU's, or what is free."""

    @property
    def chosen(self) -> str:
        """What `select` says."""
        return self.select

    def _even_marks(self, schedule: Schedule) -> set[int]:
        """Each `evaluate_every` epochs, and the last step."""
        every = max(1.0, self.evaluate_every * schedule.steps_per_epoch)
        return {round(every * (i + 1)) for i in range(int(schedule.steps / every))} | {schedule.steps}

    def schedule(self, examples: int) -> Schedule:
        """The batches of a run over so many examples."""
        return Schedule(examples, self.batch, self.epochs, self.seed, least=1)

    @model_validator(mode="after")
    def _consistent(self) -> GenerativeRecipe:
        if self.select in ("em", "pass@1", "codebleu") and not self.generation.examples:
            raise ValueError(f"select {self.select} needs answers to choose by: give generation.examples")
        if self.fsdp and self.optimiser != "adamw":
            raise ValueError("fsdp goes with adamw: Adafactor's factors are of whole rows and columns")
        if self.fsdp and self.generation.examples:
            raise ValueError("generation during training needs whole weights on each worker, which fsdp spreads")
        return self


class GenerativeInput(WorkerInput):
    """Everything a worker needs."""

    base: GeneratorBase
    """What to adapt."""
    recipe: GenerativeRecipe
    """How to train it."""
    train: Path
    """Token store of the training examples."""
    dev: Path
    """Token store of the dev examples."""
    template: Template
    """How examples are put to the model."""
    dev_sample: Path | None = None
    """The dev examples that are answered during training."""
    dev_problems: Path | None = None
    """APPS rows of the problems that those belong to."""
    data_digest: str = ""
    """Of the training tokens."""

    def identity(self) -> dict[str, str]:
        """Base, method and data."""
        method = super().identity()
        return {"base": self.base.digest, "data": self.data_digest, **method}

    def seed_of(self, step: int, rank: int, position: int) -> int:
        """Seeds dropout in one pass."""
        name = f"{self.recipe.seed}/{step}/{rank}/{position}"
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:7])
