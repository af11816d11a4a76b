"""`POST /v1/completions`: texts to go on from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from serving.http.answers import answer
from serving.http.backend import Generation
from serving.http.events import EventStream
from serving.http.exchange import Here
from serving.http.schemas.common import texts_of
from serving.http.schemas.completions import CompletionsAnswer, CompletionsRequest
from serving.http.writing import begin, gather, limits_of, rag_of, stream, usage
from serving.records import Piece, ServingError, TokenLogprob

router = APIRouter(tags=["generation"])
KIND = "text_completion"


@router.post("/v1/completions", response_model=CompletionsAnswer)
async def create_completion(body: CompletionsRequest, exchange: Here) -> Response:
    """Go on from one text or several."""
    prompts = texts_of(body.prompt)
    query = prompts[0] if isinstance(prompts[0], str) else ""
    if body.rag is not None and (len(prompts) > 1 or not query):
        raise ServingError(400, "rag takes one prompt, as text", param="rag")
    limits = limits_of(
        body, exchange, prompts=len(prompts), logprobs=body.logprobs, max_tokens=("max_tokens", body.max_tokens)
    )
    model, rag = exchange.model(body.model), rag_of(body.rag, exchange)
    request = Generation(model, limits, prompts=tuple(prompts), rag=rag)
    begun = await begin(request, exchange, "cmpl", query)
    if body.stream:
        with_usage = bool(body.stream_options and body.stream_options.include_usage)
        events = stream(begun, exchange, KIND, (), _Chunks(body.logprobs).choice, with_usage)
        return EventStream(events, exchange.deadline, begun.headers)
    choices = [
        {
            "index": index,
            "text": one.text,
            "logprobs": _logprobs(one.logprobs, 0, body.logprobs),
            "finish_reason": one.finish,
        }
        for index, one in enumerate(await gather(begun, len(prompts) * limits.n))
    ]
    told = {"object": KIND, **begun.common, "choices": choices, "context": begun.context}
    return answer(told | {"usage": usage(begun, exchange)}, begun.headers)


class _Chunks:
    """Pieces as chunks; counts characters for the offsets."""

    def __init__(self, asked: int | None) -> None:
        self._asked = asked
        self._offsets: Counter[int] = Counter()

    def choice(self, piece: Piece) -> dict[str, Any]:
        logprobs = _logprobs(piece.logprobs, self._offsets[piece.index], self._asked)
        self._offsets[piece.index] += sum(len(one.token) for one in piece.logprobs)
        return {"index": piece.index, "text": piece.text, "logprobs": logprobs, "finish_reason": piece.finish}


def _logprobs(tokens: Sequence[TokenLogprob], offset: int, asked: int | None) -> dict[str, Any] | None:
    if asked is None:
        return None
    offsets = []
    for one in tokens:
        offsets.append(offset)
        offset += len(one.token)
    return {
        "tokens": [one.token for one in tokens],
        "token_logprobs": [one.logprob for one in tokens],
        "top_logprobs": [dict(one.top) for one in tokens] if asked else None,
        "text_offset": offsets,
    }
