"""`POST /v1/chat/completions`: the next turn of a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from serving.http.answers import answer
from serving.http.backend import Generation, Message
from serving.http.events import EventStream
from serving.http.exchange import Here
from serving.http.schemas.chat import ChatAnswer, ChatRequest
from serving.http.writing import begin, gather, limits_of, rag_of, stream, usage
from serving.records import Piece, ServingError, TokenLogprob

router = APIRouter(tags=["generation"])


@router.post("/v1/chat/completions", response_model=ChatAnswer)
async def create_chat_completion(body: ChatRequest, exchange: Here) -> Response:
    """Answer the last message."""
    limits = limits_of(body, exchange, prompts=1, logprobs=_asked_logprobs(body), max_tokens=_asked_tokens(body))
    messages = tuple(_message(one.role, one.text()) for one in body.messages)
    query = next((one.content for one in reversed(messages) if one.role == "user"), "")
    if body.rag is not None and not (query or body.rag.query):
        raise ServingError(400, "there is no message of the user to search for; give rag.query", param="rag.query")
    model, rag = exchange.model(body.model), rag_of(body.rag, exchange)
    begun = await begin(Generation(model, limits, messages=messages, rag=rag), exchange, "chatcmpl", query)
    if body.stream:
        opening = [_delta(index, {"role": "assistant", "content": ""}) for index in range(limits.n)]
        with_usage = bool(body.stream_options and body.stream_options.include_usage)

        def choice(piece: Piece) -> dict[str, Any]:
            logprobs = _logprobs(piece.logprobs) if body.logprobs else None
            return _delta(piece.index, {"content": piece.text}, logprobs, piece.finish)

        events = stream(begun, exchange, "chat.completion.chunk", opening, choice, with_usage)
        return EventStream(events, exchange.deadline, begun.headers)
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": one.text, "refusal": None},
            "logprobs": _logprobs(one.logprobs) if body.logprobs else None,
            "finish_reason": one.finish,
        }
        for index, one in enumerate(await gather(begun, limits.n))
    ]
    told = {"object": "chat.completion", **begun.common, "choices": choices, "context": begun.context}
    return answer(told | {"usage": usage(begun, exchange)}, begun.headers)


def _asked_tokens(body: ChatRequest) -> tuple[str, int | None]:
    old, new = body.max_tokens, body.max_completion_tokens
    if old is not None and new is not None and old != new:
        message = "max_tokens and max_completion_tokens are two names of one limit, and differ"
        raise ServingError(400, message, param="max_tokens")
    return ("max_tokens", old) if new is None else ("max_completion_tokens", new)


def _asked_logprobs(body: ChatRequest) -> int | None:
    if body.top_logprobs and not body.logprobs:
        raise ServingError(400, "top_logprobs goes with logprobs only", param="top_logprobs")
    return (body.top_logprobs or 0) if body.logprobs else None


def _message(role: str, content: str) -> Message:
    if role == "user":
        return Message("user", content)
    return Message("assistant" if role == "assistant" else "system", content)


def _delta(
    index: int, delta: dict[str, str], logprobs: dict[str, Any] | None = None, finish: str | None = None
) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}


def _logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
    def told(token: str, logprob: float) -> dict[str, Any]:
        return {"token": token, "logprob": logprob, "bytes": list(token.encode())}

    content = [told(one.token, one.logprob) | {"top_logprobs": [told(*top) for top in one.top]} for one in tokens]
    return {"content": content, "refusal": None}
