"""HTTP as a Ray Serve deployment: the FastAPI application of `serving.http` over the other deployments."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from serving.config import ServingConfig
from serving.deployments.backend import RayBackend
from serving.deployments.listening import Listen, Listener
from serving.deployments.preloading import Handles
from serving.http.app import create_app
from serving.http.keys import read_keys

if TYPE_CHECKING:
    from fastapi import FastAPI


class Ingress:
    """One process that speaks HTTP."""

    def __init__(
        self,
        config: ServingConfig,
        embedding: Mapping[str, Any],
        generation: Mapping[str, Any],
        search: Any | None,
        listen: Listen | None = None,
    ) -> None:
        """`listen`: where it takes requests itself; those that Ray Serve's proxy hands on it takes in any case."""
        self._config, self._handles, self._listen = config, Handles(embedding, generation, search), listen
        self._listener: Listener | None = None

    def __serve_build_asgi_app__(self) -> FastAPI:
        """What Ray Serve runs in this process."""
        config = self._config
        # no key in the list lets nobody in, which is not the same as no list
        keys = config.http.keys if config.http.keys is not None else read_keys(config.keys_file, os.environ)
        backend = RayBackend(config, self._handles)
        app = create_app(backend, config.http.model_copy(update={"keys": keys}))

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            backend.start()
            if self._listen is not None:
                self._listener = Listener(app, self._listen)
                await self._listener.start()
            yield
            if self._listener is not None:
                await self._listener.stop()
            backend.close()

        app.router.lifespan_context = lifespan
        return app

    async def check_health(self) -> None:
        """Ray Serve replaces a replica for which this raises."""
        if self._listener is not None and not self._listener.healthy:
            raise RuntimeError("the listener has ended")
