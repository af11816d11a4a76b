"""A backend without models: answers follow from the request, and it remembers what it was asked."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import numpy as np

from common.retrieval.searcher import Hit
from serving.http.backend import (
    Chosen,
    Embedded,
    Gauge,
    Generation,
    Head,
    IndexCard,
    InputType,
    ModelCard,
    Readiness,
    Reranked,
    Search,
    Searched,
    Text,
)  # fmt: skip
from serving.names import ModelName
from serving.records import Adapter, Piece, Place, ServingError, TokenLogprob

BASE = "acme/tiny"
DIMENSIONS = 8
DIGEST = "d" * 64
HIT = Hit(
    path="src/files.py", start_line=10, end_line=12, symbol="copy_file", kind="function", language="python", score=0.5,
    scores={"bm25": 3.0, "dense": 0.5}, text="copy file",
    source="def copy_file(a, b):\n    # with its permissions\n    shutil.copy(a, b)",
)  # fmt: skip


def adapter(name: str, version: str, task: str = "search") -> Adapter:
    return Adapter(
        name=name, version=version, aliases=("production",), digest=DIGEST, place=Place(folder=Path("nowhere")),
        base=BASE, base_digest="b" * 64, task=task, language="java", method="lora", run_id="r1", scores={"mrr": 0.5},
    )  # fmt: skip


class FakeBackend:
    """`words`: what it writes, one token each; `pause`: seconds before each; `break_at`: the piece that fails."""

    def __init__(self, words: Sequence[str] = ("Hello", " big", " world"), pause: float = 0.0) -> None:
        self.words, self.pause = words, pause
        self.break_at: int | None = None
        self.break_with: Exception = ServingError(503, "the replica has gone", code="gone")
        self.fails: Exception | None = None
        self.adapters = {name: adapter(name, "3") for name in ("java", "grün")}
        self.damaged = {"torn"}
        self.requests: list[object] = []
        self.begun = self.ended = self.cancelled = 0
        self.missing: tuple[str, ...] = ()

    def _chosen(self, name: ModelName) -> Chosen:
        if name.adapter in self.damaged:
            raise ServingError(503, f"the files of {name.adapter} are damaged", code="adapter_damaged")
        if name.base != BASE or (name.adapter and not name.auto and name.adapter not in self.adapters):
            raise ServingError(404, f"there is no model {name}", param="model", code="model_not_found")
        if name.which and name.which not in ("3", "production"):
            raise ServingError(404, f"{name.adapter} has no {name.which}", param="model", code="model_not_found")
        if name.adapter is None:
            return Chosen(BASE, None)
        why = "the query looks like java" if name.auto else "as asked"
        return Chosen(BASE, self.adapters["java" if name.auto else name.adapter].told(), why)

    async def _work(self) -> None:
        if self.fails is not None:
            raise self.fails
        self.begun += 1
        try:
            await asyncio.sleep(self.pause)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def models(self) -> list[ModelCard]:
        names = [None, *self.adapters, *self.damaged]
        return [
            ModelCard(
                id=BASE + (f":{name}" if name else ""), base=BASE, base_digest="b" * 64, tasks=("search",), created=1.5,
                adapter=(self.adapters.get(name) or adapter(name, "1")) if name else None, dimensions=DIMENSIONS,
            )
            for name in names
        ]  # fmt: skip

    async def model(self, name: ModelName) -> ModelCard:
        self._chosen(name)
        plain = str(ModelName(name.base, name.adapter))
        return next(card for card in await self.models() if card.id == plain)

    async def indexes(self) -> list[IndexCard]:
        return [IndexCard("stdlib", ("python",), (BASE, f"{BASE}:java"), 7)]

    async def embed(self, model: ModelName, texts: Sequence[Text], kind: InputType, dimensions: int | None) -> Embedded:
        self.requests.append((model, texts, kind, dimensions))
        chosen = self._chosen(model)
        if dimensions is not None and dimensions > DIMENSIONS:
            raise ServingError(400, f"the model has {DIMENSIONS} dimensions", param="dimensions")
        await self._work()
        vectors = np.stack([vector_of(text)[:dimensions] for text in texts])
        return Embedded(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), sum(map(length, texts)), chosen)

    async def generate(self, request: Generation) -> AsyncGenerator[Head | Piece, None]:
        self.requests.append(request)
        chosen = self._chosen(request.model)
        self.begun += 1
        try:
            found = {}
            if request.rag is not None:
                if request.rag.index != "stdlib":
                    raise ServingError(404, f"there is no index {request.rag.index!r}", param="rag.index")
                found = {"context": (HIT,), "context_chosen": Chosen(BASE, self.adapters["java"].told(), "routed")}
            texts = request.prompts or [message.content for message in request.messages]
            yield Head(chosen, sum(map(length, texts)), **found)
            answers = max(1, len(request.prompts)) * request.limits.n
            words = self.words[: request.limits.max_tokens]
            for at, word in enumerate(words):
                if at == self.break_at:
                    raise self.break_with
                await asyncio.sleep(self.pause)
                top = (("Hello", -0.5), (" x", -1.0)) if request.limits.logprobs else ()
                told = (TokenLogprob(word, -0.5, top),) if request.limits.logprobs is not None else ()
                last = at == len(words) - 1
                for index in range(answers):
                    finish = ("length" if len(words) < len(self.words) else "stop") if last else None
                    yield Piece(index, word, 1, told, finish)
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise
        finally:
            self.ended += 1

    async def search(self, request: Search) -> Searched:
        self.requests.append(request)
        if request.index not in (None, "stdlib"):
            raise ServingError(404, f"there is no index {request.index!r}", param="index", code="index_not_found")
        chosen = self._chosen(request.model or ModelName(BASE, request.adapter or "auto"))
        await self._work()
        return Searched((HIT,)[: request.top_k], "stdlib", chosen, length(request.query))

    async def rerank(self, model: ModelName, query: str, documents: Sequence[str]) -> Reranked:
        self.requests.append((model, query, documents))
        chosen = self._chosen(model)
        await self._work()
        scores = np.array([sum(word in document for word in query.split()) for document in documents], dtype=float)
        return Reranked(scores, sum(map(length, documents)), chosen)

    async def ready(self) -> Readiness:
        return Readiness(self.missing)

    async def gauges(self) -> list[Gauge]:
        return [Gauge("adapters_loaded", "Adapters in memory", len(self.adapters), {"base": BASE})]


def vector_of(text: Text) -> np.ndarray:
    """(DIMENSIONS,) float32, not of unit length."""
    digest = hashlib.sha256(repr(text).encode("utf-8", "surrogatepass")).digest()
    return np.frombuffer(digest[:DIMENSIONS], dtype=np.uint8).astype(np.float32) + 1


def length(text: Text) -> int:
    """Tokens: words, or ids."""
    return len(text.split()) if isinstance(text, str) else len(text)
