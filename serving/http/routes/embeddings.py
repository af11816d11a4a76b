"""`POST /v1/embeddings`: texts or token ids to vectors."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from fastapi import APIRouter
from fastapi.responses import Response

from serving.http.answers import answer, of_model
from serving.http.exchange import Here
from serving.http.schemas.common import texts_of
from serving.http.schemas.embeddings import EmbeddingsAnswer, EmbeddingsRequest
from serving.records import ServingError

router = APIRouter(tags=["embeddings"])


@router.post("/v1/embeddings", response_model=EmbeddingsAnswer)
async def create_embeddings(body: EmbeddingsRequest, exchange: Here) -> Response:
    """Encode texts with a base or an adapter."""
    model, texts = exchange.model(body.model), texts_of(body.input)
    if len(texts) > (most := exchange.settings.max_inputs):
        raise ServingError(413, f"{len(texts)} inputs; the limit is {most}", param="input")
    found = await exchange.backend.embed(model, texts, body.input_type or "document", body.dimensions)
    headers = exchange.answered(found.chosen)
    exchange.spent(prompt=found.tokens)
    vectors = np.ascontiguousarray(found.vectors, dtype="<f4")
    written: list[Any] = (
        [base64.b64encode(vector.tobytes()).decode() for vector in vectors]
        if body.encoding_format == "base64"
        else vectors.tolist()
    )
    data = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(written)]
    usage = {"prompt_tokens": found.tokens, "total_tokens": found.tokens}
    return answer({"object": "list", "data": data, **of_model(found.chosen), "usage": usage}, headers)
