"""How answers are drawn from a model. Describes only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from common.config import Config


class Sampling(Config):
    """How answers are drawn."""

    samples: int = Field(1, ge=1)
    """Answers to each prompt; with beams, so many of the best are returned."""
    beams: int = Field(1, ge=1)
    """More than one: beam search, which draws nothing, so the temperature is 0."""
    temperature: float = Field(0.8, ge=0)
    """Of the softmax; 0 = the most probable token each time, so all answers are equal."""
    top_p: float = Field(0.95, gt=0, le=1)
    """Nucleus sampling: the most probable tokens that together have this probability."""
    max_new_tokens: int = Field(512, ge=1)
    """Longest answer."""
    stop: tuple[str, ...] = ()
    """Texts that end an answer; it is cut before them."""
    seed: int = Field(0, ge=0)
    """Together with the prompt's own seed it decides the draws."""

    @model_validator(mode="before")
    @classmethod
    def _cold(cls, given: Any) -> Any:
        """Beam search has no temperature, so that it need not be given."""
        if isinstance(given, Mapping) and "temperature" not in given and str(given.get("beams", 1)) != "1":
            return {**given, "temperature": 0}
        return given

    @model_validator(mode="after")
    def _one_way(self) -> Sampling:
        if self.beams > 1 and self.temperature:
            raise ValueError("beam search draws nothing: with beams the temperature is 0")
        if self.beams > 1 and self.samples > self.beams:
            raise ValueError(f"{self.samples} samples cannot be returned of {self.beams} beams")
        if any(not stop for stop in self.stop):
            raise ValueError("an empty text would stop every answer at once")
        return self
