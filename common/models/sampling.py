"""How answers are drawn from a model. Describes only."""

from __future__ import annotations

from pydantic import Field

from common.config import Config


class Sampling(Config):
    """How answers are drawn."""

    samples: int = Field(1, ge=1)
    """Answers to each prompt."""
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
