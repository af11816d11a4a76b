"""`GET /v1/models`: what can be asked for."""

from __future__ import annotations

from fastapi import APIRouter

from serving.http.backend import ModelCard
from serving.http.exchange import Here
from serving.http.schemas.models import ModelList, ModelObject
from serving.records import ServingError

router = APIRouter(tags=["models"])


@router.get("/v1/models")
async def list_models(exchange: Here) -> ModelList:
    """Bases and adapters that the key may use."""
    cards = await exchange.backend.models()
    return ModelList(data=[_told(card) for card in cards if _permitted(card, exchange)])


@router.get("/v1/models/{model:path}")
async def retrieve_model(model: str, exchange: Here) -> ModelObject:
    """One of them; also by version or alias."""
    name = exchange.model(model)
    if name.auto:
        raise ServingError(404, f"{model!r} is picked by each query", param="model", code="model_not_found")
    card = await exchange.backend.model(name)
    if not _permitted(card, exchange):
        raise ServingError(403, f"this API key may not use {model!r}", param="model", code="model_not_permitted")
    return _told(card)


def _permitted(card: ModelCard, exchange: Here) -> bool:
    version = card.adapter.version if card.adapter else None
    return exchange.key is None or exchange.key.permits(card.id.partition("@")[0], version)


def _told(card: ModelCard) -> ModelObject:
    adapter = card.adapter
    return ModelObject(
        id=card.id,
        created=int(card.created),
        base=card.base,
        base_digest=card.base_digest,
        tasks=list(card.tasks),
        dimensions=card.dimensions,
        max_tokens=card.max_tokens,
        adapter=adapter.name if adapter else None,
        version=adapter.version if adapter else None,
        aliases=list(adapter.aliases) if adapter else [],
        digest=adapter.digest if adapter else None,
        method=adapter.method if adapter else None,
        language=adapter.language if adapter else None,
        run_id=adapter.run_id if adapter else None,
        scores=dict(adapter.scores) if adapter else {},
    )
