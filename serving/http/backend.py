"""What the HTTP layer asks of whatever computes. Records are plain data and travel between processes.

Every method raises `ServingError` with the status of the answer: 400 for what the model cannot do (with `param`), 404
`model_not_found` for an unknown base, adapter, version or alias, 429 with `retry_after` where the queue is full, 503
for what is not ready or an adapter whose files are damaged. A cancelled call gives up the work it has begun.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from common.retrieval.filters import Filters
from serving.names import ModelName
from serving.records import Adapter, Limits, Piece, Task

if TYPE_CHECKING:
    from common.retrieval.searcher import Hit

InputType = Literal["query", "document"]
Leg = Literal["bm25", "dense"]
Text = str | tuple[int, ...]
"""A text, or its token ids."""


@dataclass(frozen=True)
class ModelCard:
    """A model that can be asked for: a base, or an adapter on one."""

    id: str
    """What a request names it by: `BASE` or `BASE:ADAPTER`, with `@VERSION` where a version is meant."""
    base: str
    base_digest: str
    tasks: tuple[Task, ...]
    created: float
    """Seconds since 1970."""
    adapter: Adapter | None = None
    """None for the bare base."""
    dimensions: int | None = None
    """Numbers in a vector; None for a model that makes none."""
    max_tokens: int | None = None
    """Longest text it reads: prompt and answer together for one that writes."""


@dataclass(frozen=True)
class IndexCard:
    """An index that can be searched."""

    id: str
    """Its configured name."""
    languages: tuple[str, ...]
    models: tuple[str, ...]
    """Those whose vectors it has: `BASE` or `BASE:ADAPTER`."""
    units: int
    """Functions, methods, classes and modules in it."""


@dataclass(frozen=True)
class Chosen:
    """Which model an answer is of."""

    base: str
    adapter: Mapping[str, str | None] | None
    """`Adapter.told()`; None for the bare base."""
    why: str = "as asked"
    """Why that one; says more where the query picked it."""


@dataclass(frozen=True)
class Embedded:
    """Vectors of texts."""

    vectors: np.ndarray
    """(N, H) float32, in the order of the texts."""
    tokens: int
    """Read in all."""
    chosen: Chosen


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Rag:
    """Code to find for a prompt before it is answered."""

    index: str
    """Name of a configured index."""
    k: int
    """How many units at most."""
    query: str | None = None
    """What to search for; None = the prompt, or the last message of the user."""
    model: ModelName | None = None
    """Whose vectors are searched; None = picked by the query."""
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True)
class Generation:
    """What is to be written: either `prompts` to go on from, or the next turn after `messages`."""

    model: ModelName
    limits: Limits
    prompts: tuple[Text, ...] = ()
    messages: tuple[Message, ...] = ()
    rag: Rag | None = None
    """Only with one text as prompt, or with messages."""


@dataclass(frozen=True)
class Head:
    """What is known before the first token."""

    chosen: Chosen
    prompt_tokens: int
    """Of all prompts, each counted once, with the context that was found."""
    context: tuple[Hit, ...] = ()
    """What was found for the prompt, best first."""
    context_chosen: Chosen | None = None
    """Whose vectors found it."""


@dataclass(frozen=True)
class Search:
    """A query to an index."""

    query: str
    index: str | None
    """Name of a configured index; None = the only one."""
    model: ModelName | None
    """Whose vectors are searched; `base` with adapter `auto` = picked by the query; None = that, on the index' base."""
    adapter: str | None
    """As the model without its base: NAME, NAME@VERSION, NAME@ALIAS, `base` or `auto`. Never beside `model`."""
    top_k: int
    filters: Filters
    legs: tuple[Leg, ...]
    """At least one: words (`bm25`), vectors (`dense`)."""


@dataclass(frozen=True)
class Searched:
    """Hits, best first."""

    hits: tuple[Hit, ...]
    index: str
    chosen: Chosen
    tokens: int
    """Read of the query; 0 without the vectors' leg."""


@dataclass(frozen=True)
class Reranked:
    """How well each document answers the query."""

    scores: np.ndarray
    """(N,) float, in the order of the documents; higher is better."""
    tokens: int
    chosen: Chosen


@dataclass(frozen=True)
class Readiness:
    """Whether requests are taken."""

    missing: tuple[str, ...] = ()
    """What is not there yet, in words; empty = ready."""


@dataclass(frozen=True)
class Gauge:
    """A figure of an engine or a store at this moment, told at /metrics beside the HTTP layer's own."""

    name: str
    """`[a-z_]+`; `codeadapters_` is put before it."""
    description: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    """The same keys for each gauge of a name."""


class Backend(Protocol):
    """Computes what the endpoints answer."""

    async def models(self) -> Sequence[ModelCard]:
        """All that can be asked for: bases, and the newest version of each adapter."""

    async def model(self, name: ModelName) -> ModelCard:
        """One of them, any version and alias, too. Raises `ServingError` (404)."""

    async def indexes(self) -> Sequence[IndexCard]:
        """The configured indexes."""

    async def embed(self, model: ModelName, texts: Sequence[Text], kind: InputType, dimensions: int | None) -> Embedded:
        """Vectors of unit length; with `dimensions` of that many numbers, or `ServingError` (400)."""

    def generate(self, request: Generation) -> AsyncGenerator[Head | Piece, None]:
        """One `Head`, then pieces as they come, those of several answers mixed.

        `Piece.index` counts answers over all prompts: prompt · limits.n + answer. Each answer's last piece has
        `finish`. Closing the generator gives the work up.
        """

    async def search(self, request: Search) -> Searched:
        """The best units of an index. Raises `ServingError` (404) for an index or an adapter that it does not have."""

    async def rerank(self, model: ModelName, query: str, documents: Sequence[str]) -> Reranked:
        """Score documents against a query."""

    async def ready(self) -> Readiness:
        """Whether every part can answer; never raises."""

    async def gauges(self) -> Sequence[Gauge]:
        """Figures for /metrics; never raises."""
