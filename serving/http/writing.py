"""Answers that a model writes: begun, gathered whole, or streamed as they come. Both generation endpoints use it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from serving.http.answers import filters_of, new_id, now, of_model, results_of
from serving.http.backend import Generation, Head, Rag
from serving.http.errors import error_object, internal_error
from serving.http.events import DONE, event, until
from serving.http.exchange import Exchange
from serving.http.schemas.generation import GenerationFields, RagFields
from serving.records import Limits, Piece, ServingError, TokenLogprob

_SEED_BITS = 63


@dataclass(frozen=True)
class Begun:
    """An answer whose head is known."""

    common: dict[str, Any]
    """What every chunk says: id, created, model, adapter."""
    context: dict[str, Any] | None
    prompt_tokens: int
    headers: dict[str, str]
    pieces: AsyncGenerator[Piece, None]


@dataclass
class Whole:
    """One of the answers, complete."""

    parts: list[str] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    finish: str | None = None

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.parts)


def limits_of(
    body: GenerationFields,
    exchange: Exchange,
    *,
    prompts: int,
    logprobs: int | None,
    max_tokens: tuple[str, int | None],
) -> Limits:
    """How a request wants its answers drawn. `max_tokens`: the field's name and its value. Raises `ServingError` beyond
    the server's limits: 413 for too many answers, 400 for too long ones."""
    settings, n = exchange.settings, body.n or 1
    if n * prompts > settings.max_answers:
        message = f"{n * prompts} answers (prompts times n); the limit is {settings.max_answers}"
        raise ServingError(413, message, param="n" if n > 1 else "prompt")
    param, asked = max_tokens
    if asked is not None and asked > settings.max_new_tokens:
        raise ServingError(400, f"{param} is {asked}; the limit is {settings.max_new_tokens}", param=param)
    if body.stream_options is not None and not body.stream:
        raise ServingError(400, "stream_options goes with stream only", param="stream_options")
    stop = body.stop or []
    return Limits(
        max_tokens=asked or min(settings.default_new_tokens, settings.max_new_tokens),
        temperature=1.0 if body.temperature is None else body.temperature,
        top_p=1.0 if body.top_p is None else body.top_p,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=secrets.randbits(_SEED_BITS) if body.seed is None else body.seed % (1 << _SEED_BITS),
        n=n,
        logprobs=logprobs,
    )


def rag_of(fields: RagFields | None, exchange: Exchange) -> Rag | None:
    """What is to be found for the prompt. Raises `ServingError` as a search does."""
    if fields is None:
        return None
    exchange.check_top(fields.k, "rag.k")
    if fields.query is not None:
        exchange.check_query(fields.query, "rag.query")
    model = exchange.model(fields.model, "rag.model") if fields.model else None
    return Rag(fields.index, fields.k, fields.query, model, filters_of(fields))


async def begin(request: Generation, exchange: Exchange, prefix: str, query: str) -> Begun:
    """Start an answer and wait for its head, so that what cannot be answered still gets a status. It is given up when
    the exchange's stack is left. `query`: what the context's highlights are of."""
    items = await exchange.stack.enter_async_context(aclosing(exchange.backend.generate(request)))
    head = await anext(items)
    if not isinstance(head, Head):
        raise TypeError("the backend's first item is no head")
    headers, context = exchange.answered(head.chosen), None
    if request.rag is not None and head.context_chosen is not None:
        exchange.check(head.context_chosen)
        context = {
            "index": request.rag.index,
            **of_model(head.context_chosen),
            "why": head.context_chosen.why,
            "results": results_of(head.context, request.rag.query or query, exchange),
        }
    exchange.spent(prompt=head.prompt_tokens)
    common = {"id": new_id(prefix), "created": now(), **of_model(head.chosen)}
    return Begun(common, context, head.prompt_tokens, headers, _pieces(items, exchange))


async def gather(begun: Begun, count: int) -> list[Whole]:
    """All `count` answers, when they are complete."""
    answers = [Whole() for _ in range(count)]
    async for piece in begun.pieces:
        one = answers[piece.index]
        one.parts.append(piece.text)
        one.logprobs += piece.logprobs
        one.finish = piece.finish or one.finish
    if any(one.finish is None for one in answers):
        raise RuntimeError("the backend left an answer without its end")
    return answers


def usage(begun: Begun, exchange: Exchange) -> dict[str, int]:
    """Tokens read and written so far."""
    written = exchange.tokens.get("completion", 0)
    return {
        "prompt_tokens": begun.prompt_tokens,
        "completion_tokens": written,
        "total_tokens": begun.prompt_tokens + written,
    }


async def stream(
    begun: Begun, exchange: Exchange, kind: str, opening: Sequence[Mapping[str, Any]],
    choice: Callable[[Piece], Mapping[str, Any]], with_usage: bool,
) -> AsyncGenerator[bytes, None]:  # fmt: skip
    """The answer as events: `opening` choices, a chunk for each piece, usage if wanted, [DONE].

    The first chunk has the context. An error becomes the last event, named `error`, and nothing follows it.
    """
    base = {"object": kind, **begun.common} | ({"usage": None} if with_usage else {})
    extra = {"context": begun.context} if begun.context is not None else {}
    try:
        for one in opening:
            yield event(base | {"choices": [one]} | extra)
            extra = {}
        async for piece in begun.pieces:
            if piece.text or piece.finish or piece.logprobs:
                yield event(base | {"choices": [choice(piece)]} | extra)
                extra = {}
        if with_usage:
            yield event(base | {"choices": [], "usage": usage(begun, exchange)})
        yield DONE
    except ServingError as error:
        exchange.failed = error.status
        yield event(error_object(error), "error")
    except Exception:
        exchange.failed = 500
        yield event(error_object(internal_error()), "error")
        raise


async def _pieces(items: AsyncGenerator[Head | Piece, None], exchange: Exchange) -> AsyncGenerator[Piece, None]:
    async for item in until(exchange.deadline, items):
        if not isinstance(item, Piece):
            raise TypeError("the backend gave a second head")
        if exchange.first_token is None:
            exchange.first_token = asyncio.get_running_loop().time()
        exchange.spent(completion=item.tokens)
        yield item
