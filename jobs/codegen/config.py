"""Configuration of `jobs.train_codegen`. Describes only: imports neither torch nor ray."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from common.adapters.methods import METHODS, PeftSpec
from common.config import Config, JobConfig
from common.corpora.instructions.config import InstructionConfig
from common.tracking import TrackingConfig
from jobs.codegen.decoding import Decoding
from jobs.ray_session import ClusterConfig
from jobs.training.generative_recipe import GenerativeRecipe


class FinalEvaluation(Config):
    """How base and adapter are scored on the test sets when the training is over."""

    decoding: Decoding = Decoding()
    """How answers are drawn."""
    base: bool = True
    """Score the bare base as well."""
    run_tests: bool = True
    """Run answers where problems have tests."""
    ks: tuple[int, ...] = (1, 10)
    """The k of EM@k; left out where there are fewer answers."""
    sets: tuple[str, ...] = ()
    """Only these test sets; none = all."""


class TrainCodegenConfig(JobConfig):
    """Train a generation adapter, score it beside its base, register it."""

    volatile: ClassVar[frozenset[str]] = frozenset(
        {"run_dir", "cluster", "tracking", "push", "training.tokens_per_chunk", "training.gradient_checkpointing",
         "training.memory_limit"}
    )  # fmt: skip

    model: str = "stand-in"
    """Base model: `stand-in` (packaged, for demonstration), a folder or a Hub id."""
    revision: str | None = None
    """Branch, tag or commit of the model on the Hub."""
    name: str | None = None
    """Name in the registry; none = generation-SOURCE."""
    alias: str = "candidate"
    """Registry alias that will point at the new version."""
    prompt: str | None = None
    """Template: study, codet5p, apps, apps-authors, chat, complete; none = the data's own."""
    start: Path | None = None
    """Adapter folder to start from, of the same base and --peft; none = a fresh adapter."""
    peft: PeftSpec = PeftSpec()
    """The adapter."""
    data: InstructionConfig = InstructionConfig()
    """The examples."""
    training: GenerativeRecipe = GenerativeRecipe()
    """The recipe."""
    evaluation: FinalEvaluation = FinalEvaluation()
    """The final scores."""
    export: Literal["none", "merged"] = "none"
    """merged: also write RUN/merged, base and adapter as one model that plain transformers loads."""
    push: str | None = Field(None, min_length=1)
    """Copy the adapter (and the merged model) into this folder, or push it to the Hub: hub:OWNER/NAME."""
    cluster: ClusterConfig = ClusterConfig()
    """Where it runs."""
    tracking: TrackingConfig = TrackingConfig()
    """Where it is tracked."""

    @model_validator(mode="after")
    def _consistent(self) -> TrainCodegenConfig:
        method = METHODS[self.peft.method]
        if self.start and method.trains_base:
            raise ValueError("start is an adapter folder; full fine-tuning starts from the base")
        if self.training.fsdp and not method.trains_base:
            raise ValueError(f"training.fsdp spreads full fine-tuning; {self.peft.method} trains little: leave it out")
        if self.export == "merged" and not method.mergeable:
            refusal = method.refusals["merge"]
            raise ValueError(f"export merged: {self.peft.method} cannot be merged: {refusal.reason}")
        return self
