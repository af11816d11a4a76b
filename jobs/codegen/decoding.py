"""How an evaluation decodes: a named preset, and what is given over it. Describes only."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from common.config import Config
from common.models.sampling import Sampling

CHEAP = Sampling(temperature=0, max_new_tokens=256)
"""One greedy answer."""
STUDY_TOKENS = {"conala": 64, "codealpaca": 128, "apps": 1024}
"""Longest answers of Weyssow et al. (2308.10462)."""


class Decoding(Config):
    """How answers are drawn; what is not given comes from the preset."""

    preset: Literal["cheap", "study"] = "cheap"
    """cheap: one greedy answer of at most 256 tokens. study: as Weyssow et al., 10 beams of which 10 are returned, at
    most 64 (CoNaLa), 128 (CodeAlpaca) or 256 (others) tokens; for APPS 5 samples, temperature 0.6, top-p 0.95 and at
    most 1,024."""
    samples: int | None = Field(None, ge=1)
    """Answers to each item; with beams, so many of the best are returned."""
    beams: int | None = Field(None, ge=1)
    """More than one: beam search."""
    temperature: float | None = Field(None, ge=0)
    """Of the softmax; 0 = the most probable token each time."""
    top_p: float | None = Field(None, gt=0, le=1)
    """Nucleus sampling."""
    max_new_tokens: int | None = Field(None, ge=1)
    """Longest answer."""
    stop: tuple[str, ...] = ()
    """Texts that end an answer, besides those of the prompt's template."""
    seed: int = Field(0, ge=0)
    """Decides the draws, together with each item's id."""

    def sampling(self, source: str, stops: tuple[str, ...] = ()) -> Sampling:
        """For a test set of this source (`conala`, ...). Raises ValueError where the parts do not fit together."""
        start = _study(source) if self.preset == "study" else CHEAP
        names = ("samples", "beams", "temperature", "top_p", "max_new_tokens")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        if given.get("beams", 1) > 1 and "temperature" not in given:
            given["temperature"] = 0
        elif "samples" in given and "temperature" not in given and start.beams == 1 and given["samples"] > 1:
            given["temperature"] = start.temperature or 0.8  # several greedy answers would be one
        rest = {"stop": (*self.stop, *stops), "seed": self.seed}
        return Sampling.model_validate({**start.model_dump(), **given, **rest})


def _study(source: str) -> Sampling:
    tokens = STUDY_TOKENS.get(source, CHEAP.max_new_tokens)
    if source == "apps":
        return Sampling(samples=5, temperature=0.6, top_p=0.95, max_new_tokens=tokens)
    return Sampling(samples=10, beams=10, max_new_tokens=tokens)
