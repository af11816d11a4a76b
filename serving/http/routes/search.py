"""`POST /v1/search`: code for a query; `GET /v1/indexes`: where to search."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from serving.http.answers import answer, filters_of, of_model, results_of
from serving.http.backend import Search
from serving.http.exchange import Here
from serving.http.schemas.search import IndexList, IndexObject, SearchAnswer, SearchRequest
from serving.records import ServingError

router = APIRouter(tags=["search"])


@router.post("/v1/search", response_model=SearchAnswer)
async def search(body: SearchRequest, exchange: Here) -> Response:
    """Search an index by words, by vectors, or by both."""
    if body.model is not None and body.adapter is not None:
        raise ServingError(400, "give model or adapter, not both", param="adapter")
    exchange.check_query(body.query, "query")
    exchange.check_top(body.top_k, "top_k")
    asked = Search(
        query=body.query,
        index=body.index,
        model=exchange.model(body.model) if body.model else None,
        adapter=body.adapter,
        top_k=body.top_k,
        filters=filters_of(body),
        legs=tuple(dict.fromkeys(body.legs)),
    )
    found = await exchange.backend.search(asked)
    headers = exchange.answered(found.chosen)
    exchange.spent(prompt=found.tokens)
    told = {
        "object": "list",
        "index": found.index,
        **of_model(found.chosen),
        "why": found.chosen.why,
        "legs": list(asked.legs),
        "results": results_of(found.hits, body.query, exchange),
        "usage": {"prompt_tokens": found.tokens, "total_tokens": found.tokens},
    }
    return answer(told, headers)


@router.get("/v1/indexes")
async def list_indexes(exchange: Here) -> IndexList:
    """The configured indexes."""
    cards = await exchange.backend.indexes()
    return IndexList(
        data=[
            IndexObject(id=card.id, languages=list(card.languages), models=list(card.models), units=card.units)
            for card in cards
        ]
    )
