"""The HTTP layer's `Backend` over the other deployments."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.prompts import Snippet
from common.retrieval.searcher import Hit
from serving.catalogue import Changes
from serving.config import ServingConfig
from serving.deployments.calling import call, stream
from serving.deployments.directory import Directory, catalogue_of
from serving.deployments.embedding import ToEmbed
from serving.deployments.facts import EncoderFacts, GeneratorFacts, IndexFacts
from serving.deployments.finding import index_named, labels, target
from serving.deployments.gauges import gauges_of
from serving.deployments.generation import Began, ToWrite
from serving.deployments.preloading import Handles, follow, preload, tell
from serving.deployments.search import ToFind
from serving.http.backend import (
    Embedded,
    Gauge,
    Generation,
    Head,
    IndexCard,
    InputType,
    ModelCard,
    Rag,
    Readiness,
    Reranked,
    Search,
    Searched,
    Text,
)
from serving.names import ModelName
from serving.records import Piece, ServingError
from serving.refresher import Refresher

log = logging.getLogger(__name__)
STATS_S = 2.0


@dataclass(frozen=True)
class _Running:
    directory: Directory
    refresher: Refresher


class RayBackend:
    """Answers requests with the replicas' help."""

    def __init__(self, config: ServingConfig, handles: Handles) -> None:
        self._config, self._handles = config, handles
        self._running: _Running | None = None
        self._indexes: dict[str, IndexFacts] = {}
        self._waiting_for = ["its deployments"]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to ask the replicas what they serve; `ready` says what is still missing."""
        self._tasks = [asyncio.create_task(self._begin())]

    def close(self) -> None:
        """Look at the registry no more."""
        for task in self._tasks:
            task.cancel()
        if self._running:
            self._running.refresher.stop()

    async def models(self) -> Sequence[ModelCard]:
        """All bases and adapters."""
        return self._directory.cards()

    async def model(self, name: ModelName) -> ModelCard:
        """One of them."""
        return self._directory.card(name)

    async def indexes(self) -> Sequence[IndexCard]:
        """The indexes as they are now."""
        directory = self._directory
        await self._look_at_indexes()
        return [IndexCard(one.name, one.languages, labels(one, directory), one.units) for one in self._indexes.values()]

    async def embed(self, model: ModelName, texts: Sequence[Text], kind: InputType, dimensions: int | None) -> Embedded:
        """Vectors; `auto` goes by the first text."""
        directory = self._directory
        first = texts[0] if texts and isinstance(texts[0], str) else ""
        adapter, chosen = directory.choose(model, "search", str(first))
        facts = directory.encoders[model.base]
        if dimensions is not None and dimensions not in facts.cuts:
            cuts = ", ".join(map(str, facts.cuts))
            raise ServingError(
                400, f"{model.base} has vectors of {cuts} dimensions, not {dimensions}", param="dimensions"
            )
        asked = ToEmbed(tuple(texts), kind, adapter, dimensions)
        vectors, tokens = await call(lambda: self._handles.embedding[model.base].embed.remote(asked))
        return Embedded(vectors, tokens, chosen)

    async def generate(self, request: Generation) -> AsyncGenerator[Head | Piece, None]:
        """A `Head`, then pieces; with `rag` a search comes first."""
        directory = self._directory
        query = _query(request)
        adapter, chosen = directory.choose(request.model, "generation", query)
        found = await self.search(_search(request.rag, query)) if request.rag else None
        hits = found.hits if found else ()
        asked = ToWrite(request.limits, request.prompts, request.messages, tuple(map(_snippet, hits)), adapter)
        handle = self._handles.generation[request.model.base].options(stream=True)
        async with aclosing(stream(lambda: handle.write.remote(asked))) as items:  # cancelled as soon as this is closed
            async for item in items:
                if isinstance(item, Began):
                    yield Head(chosen, item.prompt_tokens, hits[: item.snippets], found.chosen if found else None)
                    continue
                for piece in item:
                    yield piece

    async def search(self, request: Search) -> Searched:
        """Encode the query, where vectors are asked for, and search the space that it belongs to."""
        directory = self._directory
        if request.index not in self._indexes:
            await self._look_at_indexes()
        index = index_named(self._indexes, request.index)
        where = target(
            index, directory, request.query, model=request.model, adapter=request.adapter,
            languages=request.filters.languages,
        )  # fmt: skip
        vector, tokens = None, 0
        if "dense" in request.legs:
            vectors, tokens = await self._encoded(where.encoder.name, ToEmbed(
                (request.query,), "query", where.adapter, where.space.space.dimensions
            ))  # fmt: skip
            vector = vectors[0]
        asked = ToFind(
            index.name, where.space.key, request.query, vector, "bm25" in request.legs, request.top_k, request.filters
        )
        handle = self._handles.search
        assert handle is not None, "there is no index without it"
        try:
            hits = await call(lambda: handle.find.remote(asked))
        except ServingError as error:
            if error.code == "index_changed":
                await self._look_at_indexes()
            raise
        return Searched(tuple(hits), index.name, where.chosen, tokens)

    async def rerank(self, model: ModelName, query: str, documents: Sequence[str]) -> Reranked:
        """By the cosine of the query's vector and each document's."""
        directory = self._directory
        adapter, chosen = directory.choose(model, "search", query)
        (asked, read), (told, more) = await asyncio.gather(
            self._encoded(model.base, ToEmbed((query,), "query", adapter)),
            call(
                lambda: self._handles.embedding[model.base].embed.remote(ToEmbed(tuple(documents), "document", adapter))
            ),
        )
        return Reranked(told @ asked[0], read + more, chosen)

    async def ready(self) -> Readiness:
        """Whether every deployment has answered once."""
        return Readiness(() if self._running else tuple(self._waiting_for))

    async def gauges(self) -> Sequence[Gauge]:
        """Figures of all replicas; of a deployment that does not answer at once, none."""
        if self._running is None:
            return []
        told = await asyncio.gather(
            *(self._stats(*each) for each in self._handles.embedding.items()),
            *(self._stats(*each) for each in self._handles.generation.items()),
        )
        return gauges_of([one for each in told for one in each], self._running.directory.catalogue)

    @property
    def _directory(self) -> Directory:
        if self._running is None:
            raise ServingError(503, "the server is starting", code="starting", retry_after=2.0)
        return self._running.directory

    async def _encoded(self, base: str, asked: ToEmbed) -> tuple[np.ndarray, int]:
        """A query's vector; what is wrong with its text is told of the field `query`."""
        try:
            return await call(lambda: self._handles.embedding[base].embed.remote(asked))
        except ServingError as error:
            if error.param != "input":
                raise
            raise ServingError(error.status, error.message, param="query", code=error.code) from None

    async def _stats(self, name: str, handle: Any) -> list[tuple[str, int, dict[str, Any]]]:
        try:
            async with asyncio.timeout(STATS_S):
                told = await handle.broadcast("stats").results_async(timeout_s=STATS_S)
        except Exception:  # it is starting, or gone; the figures of the others are still worth having
            return []
        return [(name, place, stats) for place, stats in enumerate(told)]

    async def _look_at_indexes(self) -> None:
        handle = self._handles.search
        if handle is not None:
            self._indexes = await call(lambda: handle.facts.remote())

    async def _begin(self) -> None:
        """Ask all deployments until they have answered, then read the registry and load what is to be preloaded."""
        try:
            encoders = [
                await self._fact(f"embedding {name}", handle) for name, handle in self._handles.embedding.items()
            ]
            generators = [
                await self._fact(f"generation {name}", handle) for name, handle in self._handles.generation.items()
            ]
            if self._handles.search is not None:
                self._indexes = await self._fact("search", self._handles.search)
            self._waiting_for = ["the registry"]
            directory = await asyncio.to_thread(self._read, encoders, generators)
            self._waiting_for = ["adapters that are loaded before the first request"]
            await preload(self._config, self._handles, directory)
            loop = asyncio.get_running_loop()

            def changed(changes: Changes) -> None:
                tell(changes)
                following = follow(self._config, self._handles, directory, changes)
                asyncio.run_coroutine_threadsafe(following, loop).add_done_callback(_log_failure)

            refresher = Refresher(directory.catalogue, self._config.refresh_s, changed)
            self._running = _Running(directory, refresher)
            refresher.start()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("the server could not start")
            self._waiting_for = [f"the server could not start: {error}"]

    async def _fact(self, what: str, handle: Any) -> Any:
        self._waiting_for = [what]
        while True:
            try:
                return await call(lambda: handle.facts.remote())
            except ServingError as error:
                if error.code != "unavailable":
                    raise

    def _read(self, encoders: Sequence[EncoderFacts], generators: Sequence[GeneratorFacts]) -> Directory:
        bases = {one.name: one.space.base_digest for one in encoders} | {one.name: one.digest for one in generators}
        catalogue = catalogue_of(self._config, bases)
        catalogue.refresh()
        return Directory(catalogue, encoders, generators)


def _log_failure(future: Future[None]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.warning("adapters that aliases point at now could not be loaded beforehand: %s", error)


def _query(request: Generation) -> str:
    """What `auto` and retrieval go by: the only prompt, or the user's last message."""
    if request.messages:
        return next((one.content for one in reversed(request.messages) if one.role == "user"), "")
    return request.prompts[0] if request.prompts and isinstance(request.prompts[0], str) else ""


def _search(rag: Rag, query: str) -> Search:
    return Search(rag.query or query, rag.index, rag.model, None, rag.k, rag.filters, ("bm25", "dense"))


def _snippet(hit: Hit) -> Snippet:
    return Snippet(f"{hit.path}:{hit.start_line}", hit.symbol, hit.source)
