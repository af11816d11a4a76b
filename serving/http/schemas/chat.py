"""`POST /v1/chat/completions`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from serving.http.schemas.common import Answer, Ignored, Only, Request, Str
from serving.http.schemas.generation import GenerationFields, Tokens, Written


class TextPart(Request):
    """A part of a message; there are no others than text."""

    type: Literal["text"]
    text: Str


class MessageFields(Request):
    """One turn; `developer` is as `system`."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Str | Annotated[list[TextPart], Field(min_length=1)]
    name: Ignored = None
    refusal: Annotated[Any, Only()] = None
    annotations: Annotated[Any, Only([])] = None
    audio: Annotated[Any, Only()] = None
    tool_calls: Annotated[Any, Only([])] = None
    function_call: Annotated[Any, Only()] = None

    def text(self) -> str:
        """Its content as one text."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class ChatRequest(GenerationFields):
    """A conversation to go on with."""

    messages: Annotated[list[MessageFields], Field(min_length=1)]
    max_completion_tokens: Tokens | None = Field(default=None, description="The newer name of max_tokens")
    logprobs: bool | None = Field(default=None, description="Log probabilities of the tokens chosen")
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = Field(
        default=None, description="And of so many most probable ones; only with logprobs"
    )
    response_format: Annotated[Any, Only({"type": "text"})] = None
    tools: Annotated[Any, Only([])] = None
    tool_choice: Annotated[Any, Only("none", "auto")] = None
    functions: Annotated[Any, Only([])] = None
    function_call: Annotated[Any, Only("none", "auto")] = None
    modalities: Annotated[Any, Only(["text"])] = None
    audio: Annotated[Any, Only()] = None
    prediction: Annotated[Any, Only()] = None
    web_search_options: Annotated[Any, Only()] = None
    service_tier: Annotated[Any, Only("auto", "default")] = None
    parallel_tool_calls: Ignored = None
    safety_identifier: Ignored = None
    prompt_cache_key: Ignored = None


class TopLogprob(Answer):
    """A token that was probable."""

    token: str
    logprob: float
    bytes: list[int]


class ChatTokenLogprob(TopLogprob):
    """A token that was chosen."""

    top_logprobs: list[TopLogprob]


class ChatLogprobs(Answer):
    """By token of the answer, natural logarithms under the model at temperature 1."""

    content: list[ChatTokenLogprob]
    refusal: None = None


class ChatMessage(Answer):
    """What the model wrote."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChatChoice(Answer):
    """One answer."""

    index: int
    message: ChatMessage
    logprobs: ChatLogprobs | None
    finish_reason: Literal["stop", "length"]


class ChatAnswer(Written):
    """The next turn, n times."""

    object: Literal["chat.completion"] = "chat.completion"
    choices: list[ChatChoice]
