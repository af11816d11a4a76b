"""`GET /health`, `/ready` and `/metrics`: for those who watch the server."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from serving.http.exchange import Here
from serving.http.schemas.models import Health, Ready

router = APIRouter(tags=["health"])


@router.get("/health")
async def health() -> Health:
    """Whether the process answers; asks no model."""
    return Health()


@router.get("/ready", response_model=Ready)
async def ready(exchange: Here) -> Response:
    """Whether requests are taken, and what is missing if not."""
    missing = list((await exchange.backend.ready()).missing)
    body = {"status": "not_ready" if missing else "ready", "missing": missing}
    return JSONResponse(body, status_code=503 if missing else 200)


@router.get("/metrics", response_class=Response)
async def metrics(exchange: Here) -> Response:
    """Figures as Prometheus reads them."""
    return Response(await exchange.exposition(), media_type=CONTENT_TYPE_LATEST)
