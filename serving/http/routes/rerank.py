"""`POST /v1/rerank`: documents in the order in which they answer a query."""

from __future__ import annotations

import numpy as np
from fastapi import APIRouter
from fastapi.responses import Response

from serving.http.answers import answer, new_id, of_model
from serving.http.exchange import Here
from serving.http.schemas.rerank import RerankAnswer, RerankRequest
from serving.records import ServingError

router = APIRouter(tags=["search"])


@router.post("/v1/rerank", response_model=RerankAnswer)
async def rerank(body: RerankRequest, exchange: Here) -> Response:
    """Rank documents against a query."""
    exchange.check_query(body.query, "query")
    if len(body.documents) > (most := exchange.settings.max_documents):
        raise ServingError(413, f"{len(body.documents)} documents; the limit is {most}", param="documents")
    documents = [one if isinstance(one, str) else one.text for one in body.documents]
    found = await exchange.backend.rerank(exchange.model(body.model), body.query, documents)
    headers = exchange.answered(found.chosen)
    exchange.spent(prompt=found.tokens)
    order = np.argsort(-found.scores, kind="stable")[: body.top_n]
    results = [
        {"index": int(at), "relevance_score": float(found.scores[at])}
        | ({"document": {"text": documents[at]}} if body.return_documents else {})
        for at in order
    ]
    usage = {"prompt_tokens": found.tokens, "total_tokens": found.tokens}
    return answer({"id": new_id("rerank"), **of_model(found.chosen), "results": results, "usage": usage}, headers)
