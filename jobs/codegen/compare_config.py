"""Configuration of `jobs.compare_methods`. Describes only."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, model_validator

from common.adapters.methods import METHODS, Method, PeftSpec
from jobs.codegen.config import TrainCodegenConfig

SEVEN: tuple[Method, ...] = ("full", "lora", "ia3", "prompt", "prefix", "qlora-8bit", "qlora-4bit")


class CompareMethodsConfig(TrainCodegenConfig):
    """Train and score several techniques on the same data, and set them side by side."""

    volatile: ClassVar[frozenset[str]] = TrainCodegenConfig.volatile | {"methods", "icl"}

    methods: tuple[Method, ...] = Field(SEVEN, min_length=1)
    """Techniques, each in a run folder of its own, RUN/METHOD; another one may be added later."""
    rates: dict[str, float] = Field(default_factory=dict)
    """Learning rate of a method; others have training.learning_rate, or what suits them."""
    icl: int = Field(0, ge=0)
    """Also score the bare base with so many solved examples before each question; 0 = not."""

    @model_validator(mode="after")
    def _known(self) -> CompareMethodsConfig:
        if len(set(self.methods)) < len(self.methods):
            raise ValueError("each method once")
        if unknown := self.rates.keys() - set(METHODS):
            raise ValueError(f"rates: there is no method {min(unknown)!r}")
        if self.start or self.push or self.export != "none":
            raise ValueError("start, push and export are for one adapter: use jobs.train_codegen")
        return self

    def child(self, method: Method, *, base: bool) -> TrainCodegenConfig:
        """The run of one technique; `base`: whether it scores the bare base too."""
        entry = METHODS[method]
        given = self.peft.model_dump(exclude_none=True, exclude={"method"})
        own = {name: value for name, value in given.items() if name in entry.parameters}
        if entry.build is not METHODS[self.peft.method].build:
            own.pop("targets", None)  # another kind of adapter sits elsewhere
        values = {name: getattr(self, name) for name in TrainCodegenConfig.model_fields}
        training = self.training
        if method in self.rates:
            training = training.model_copy(update={"learning_rate": self.rates[method]})
        if training.gradient_checkpointing and not entry.can("gradient checkpointing"):
            training = training.model_copy(update={"gradient_checkpointing": False})
        values |= {
            "peft": PeftSpec.model_validate({"method": method, **own}),
            "training": training,
            "evaluation": self.evaluation.model_copy(update={"base": base}),
            "name": f"{self.name or 'generation-' + '-'.join(self.data.sources)}-{method}",
        }
        return TrainCodegenConfig.model_validate(values)
