"""`create_app`: all endpoints over a backend."""

from __future__ import annotations

import time
from pathlib import Path

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from serving.http.backend import Backend
from serving.http.envelope import Envelope
from serving.http.errors import add_handlers
from serving.http.keys import KeyRing
from serving.http.metrics import Meters
from serving.http.openapi import describe
from serving.http.page import page_router
from serving.http.routes import chat, completions, embeddings, health, models, rerank, search
from serving.http.settings import HttpSettings

PAGE = Path(__file__).parents[1] / "page"


def create_app(backend: Backend, settings: HttpSettings, page: Path = PAGE) -> FastAPI:
    """The ASGI application. `page`: the folder of the page at `/`."""
    app = FastAPI(
        title="codeadapters",
        version="1",
        description="Many adapters on one base: embeddings, search and generation.",
        docs_url=None,  # these pages load scripts of other hosts
        redoc_url=None,
        redirect_slashes=False,
    )
    for part in (models, embeddings, completions, chat, search, rerank, health):
        app.include_router(part.router)
    app.include_router(page_router(page))
    add_handlers(app)
    describe(app)
    ring, meters = KeyRing(settings.keys, time.monotonic), Meters(backend)
    app.add_middleware(Envelope, backend=backend, settings=settings, ring=ring, meters=meters)
    if settings.cors_origins:  # outermost: a preflight request carries no key
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["x-adapter", "x-adapter-digest", "Retry-After"],
        )
    return app
