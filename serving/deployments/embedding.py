"""A base that makes vectors, with its adapters, as a Ray Serve deployment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from common.errors import UserError
from common.models.catalogue import lookup
from common.retrieval.space import Space
from serving.config import EmbeddingConfig
from serving.deployments.facts import EncoderFacts
from serving.deployments.replica import set_threads
from serving.http.backend import InputType, Text
from serving.places import local
from serving.records import Adapter, ServingError

RETRY_S = 1.0


@dataclass(frozen=True)
class ToEmbed:
    """Texts that one adapter, or the base, turns into vectors."""

    texts: tuple[Text, ...]
    kind: InputType
    adapter: Adapter | None = None
    dimensions: int | None = None
    """None = all."""


class EmbeddingReplica:
    """One process with the base in memory."""

    def __init__(self, config: EmbeddingConfig, cache: Path) -> None:
        from common.models.loading import resolve
        from serving.engines.encoding import EncodingEngine
        from serving.store import AdapterStore

        set_threads(config.replica)
        self._config = config
        self._base = resolve(config.model, config.encoder)
        self._engine = EncodingEngine(self._base, precision=config.precision, tokens_per_pass=config.tokens_per_pass)
        self._store = AdapterStore(
            lambda adapter: self._engine.load(local(adapter, cache), adapter),
            self._engine.unload,
            limit_bytes=config.adapter_bytes,
            loaders=config.loads,
        )
        self._waiting = 0

    async def facts(self) -> EncoderFacts:
        """What it serves."""
        base, spec = self._base, lookup(self._base.name)
        size = self._engine.hidden_size
        space = Space(
            base=base.name, base_digest=base.digest, pooling=base.pooling, query_prompt=base.query_prompt,
            document_prompt=base.document_prompt, max_length=base.max_length, dimensions=size,
        )  # fmt: skip
        return EncoderFacts(self._config.served_as, space, tuple(sorted({*(spec.matryoshka if spec else ()), size})))

    async def embed(self, asked: ToEmbed) -> tuple[np.ndarray, int]:
        """Unit vectors (N, H) float32 and the tokens read.

        Raises `ServingError`: 400 for a text that is empty or longer than the base reads, 429 where too many wait,
        503 for an adapter that cannot be loaded.
        """
        count = len(asked.texts)
        if self._waiting and self._waiting + count > self._config.max_waiting_rows:
            raise ServingError(
                429, f"{self._waiting:,} texts are waiting already", code="queue_full", kind="rate_limit_error",
                retry_after=RETRY_S,
            )  # fmt: skip
        self._waiting += count
        try:
            rows = await asyncio.to_thread(self._rows, asked.texts, asked.kind)
            if asked.adapter is None:
                vectors = await self._run(rows, None)
            else:
                async with self._store.hold(asked.adapter) as loaded:
                    vectors = await self._run(rows, loaded)
        finally:
            self._waiting -= count
        if asked.dimensions is not None:
            vectors = vectors[:, : asked.dimensions]
            vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors, sum(map(len, rows))

    async def preload(self, adapters: Sequence[Adapter]) -> list[str]:
        """Load them before they are asked for; returns a sentence for each that was not."""
        return [f"{adapter.name}: {error.message}" for adapter, error in await self._store.preload(adapters)]

    async def stats(self) -> dict[str, Any]:
        """Engine and store, now."""
        return {
            "task": "search",
            "engine": vars(self._engine.stats()),
            "waiting": self._waiting,
            "store": self._store.stats(),
        }

    async def check_health(self) -> None:
        """Ray Serve replaces a replica for which this raises."""
        if not self._engine.healthy:
            raise RuntimeError("the encoding thread has ended")

    async def _run(self, rows: list[list[int]], loaded: Any) -> np.ndarray:
        return cast(np.ndarray, await asyncio.wrap_future(self._engine.submit(rows, loaded)))

    def _rows(self, texts: Sequence[Text], kind: InputType) -> list[list[int]]:
        """Token ids of each text, special tokens included; token ids are read as the text that they spell."""
        plain = [text if isinstance(text, str) else self._spelt(place, text) for place, text in enumerate(texts)]
        rows = self._engine.tokenize(plain, kind)
        limit = self._base.max_length
        for place, row in enumerate(rows):
            if len(row) >= limit and (length := self._engine.count([plain[place]], kind)[0]) > limit:
                which = f"text {place} has" if len(rows) > 1 else "the text has"
                raise ServingError(
                    400, f"{which} {length:,} tokens, {self._config.served_as} reads {limit:,}", param="input",
                    code="context_length_exceeded",
                )  # fmt: skip
        return rows

    def _spelt(self, place: int, ids: Sequence[int]) -> str:
        try:
            return self._engine.spell(ids)
        except UserError as error:
            raise ServingError(400, f"text {place}: {error.message}", param="input") from error
