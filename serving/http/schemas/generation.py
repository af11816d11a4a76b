"""What `/v1/completions` and `/v1/chat/completions` share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from pydantic.functional_validators import WrapValidator
from pydantic_core import PydanticCustomError

from serving.http.schemas.common import AdapterTold, Answer, Ignored, Only, Request, Str, Usage
from serving.http.schemas.search import FilterFields, Result


def _stop_message(value: Any, handler: Any) -> Any:
    try:
        return handler(value)
    except ValueError:
        raise PydanticCustomError("stop", "must be a text, or a list of at most 4 texts, none of them empty") from None


_Stop = Annotated[Str, Field(min_length=1, max_length=1000)]
Stop = Annotated[_Stop | Annotated[list[_Stop], Field(max_length=4)] | None, WrapValidator(_stop_message)]
Tokens = Annotated[int, Field(ge=1, le=1_000_000)]


class StreamOptions(Request):
    """How a stream is told."""

    include_usage: bool | None = Field(default=None, description="A last chunk with the tokens used")
    include_obfuscation: Annotated[Any, Only(False)] = None


class RagFields(FilterFields):
    """Code to find in an index for the prompt, and to put before it."""

    index: Annotated[Str, Field(min_length=1, description="Name of a configured index")]
    k: Annotated[int, Field(ge=1, le=10_000)] = Field(default=3, description="How many units at most")
    query: Annotated[Str, Field(min_length=1)] | None = Field(
        default=None, description="What to search for; default: the prompt, or the user's last message"
    )
    model: Annotated[Str, Field(min_length=1)] | None = Field(
        default=None, description="Whose vectors are searched; left out: picked by the query"
    )


class GenerationFields(Request):
    """How an answer is drawn. Null is as if left out."""

    model: Annotated[Str, Field(min_length=1, description="BASE or BASE:ADAPTER[@VERSION|@ALIAS]")]
    max_tokens: Tokens | None = Field(default=None, description="Longest answer; the server's default if left out")
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(default=None, description="1 by default; 0: greedy")
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(default=None, description="1 by default")
    n: Annotated[int, Field(ge=1, le=128)] | None = Field(default=None, description="Answers to each prompt; 1")
    stop: Stop = Field(default=None, description="Texts that end an answer and are not part of it")
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = Field(
        default=None, description="The same seed draws the same answer from the same model; random if left out"
    )
    stream: bool | None = Field(default=None, description="Server-sent events, ended by [DONE]")
    stream_options: StreamOptions | None = Field(default=None, description="Only with stream")
    rag: RagFields | None = None
    presence_penalty: Annotated[Any, Only(0)] = None
    frequency_penalty: Annotated[Any, Only(0)] = None
    logit_bias: Annotated[Any, Only({})] = None
    user: Ignored = None
    metadata: Ignored = None
    store: Ignored = None


class Context(Answer):
    """What was found for a prompt."""

    index: str
    model: str
    adapter: AdapterTold | None
    why: str
    results: list[Result]


class Written(Answer):
    """What answers of both endpoints hold."""

    id: str
    created: int
    model: str
    adapter: AdapterTold | None
    """None for the bare base."""
    context: Context | None
    """With `rag`: what was put before the prompt."""
    usage: Usage
