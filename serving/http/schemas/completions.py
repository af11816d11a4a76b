"""`POST /v1/completions`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from serving.http.schemas.common import Answer, Only, Texts
from serving.http.schemas.generation import GenerationFields, Written


class CompletionsRequest(GenerationFields):
    """Texts to go on from."""

    prompt: Texts
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = Field(
        default=None, description="Log probabilities of the tokens chosen, and of so many most probable ones"
    )
    echo: Annotated[Any, Only(False)] = None
    best_of: Annotated[Any, Only(1)] = None
    suffix: Annotated[Any, Only("")] = None


class CompletionLogprobs(Answer):
    """By token of the answer."""

    tokens: list[str]
    token_logprobs: list[float]
    """Natural logarithms, under the model at temperature 1."""
    top_logprobs: list[dict[str, float]] | None
    text_offset: list[int]


class CompletionChoice(Answer):
    """One answer."""

    index: int
    """prompt · n + answer."""
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: Literal["stop", "length"]


class CompletionsAnswer(Written):
    """Answers to all prompts."""

    object: Literal["text_completion"] = "text_completion"
    choices: list[CompletionChoice]
