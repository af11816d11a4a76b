"""`POST /v1/rerank`, in the shape of Jina and Cohere."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from serving.http.schemas.common import AdapterTold, Answer, EmbeddingUsage, Request, Str


class DocumentFields(Request):
    """A document as an object."""

    text: Annotated[Str, Field(min_length=1)]


class RerankRequest(Request):
    """Documents to bring into an order."""

    model: Annotated[Str, Field(min_length=1)]
    query: Annotated[Str, Field(min_length=1)]
    documents: Annotated[list[Annotated[Str, Field(min_length=1)] | DocumentFields], Field(min_length=1)]
    top_n: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(default=None, description="All by default")
    return_documents: bool | None = Field(default=None, description="Whether results hold their document; false")


class Document(Answer):
    """A document."""

    text: str


class Ranked(Answer):
    """A document's place."""

    index: int
    """In the request."""
    relevance_score: float
    document: Document | None = None


class RerankAnswer(Answer):
    """Results, best first."""

    id: str
    model: str
    adapter: AdapterTold | None
    results: list[Ranked]
    usage: EmbeddingUsage
