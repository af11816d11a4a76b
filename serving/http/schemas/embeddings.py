"""`POST /v1/embeddings`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from serving.http.schemas.common import AdapterTold, Answer, EmbeddingUsage, Ignored, ObjectList, Request, Str, Texts


class EmbeddingsRequest(Request):
    """Texts to encode."""

    model: Annotated[Str, Field(min_length=1, description="BASE, BASE:ADAPTER[@VERSION|@ALIAS] or BASE:auto")]
    input: Texts
    encoding_format: Literal["float", "base64"] | None = Field(
        default=None, description="float (default): numbers; base64: little-endian float32"
    )
    dimensions: Annotated[int, Field(ge=1, le=65536)] | None = Field(
        default=None,
        description="The first so many numbers, scaled to length 1 again; refused where the model has less",
    )
    input_type: Literal["query", "document"] | None = Field(
        default=None, description="What the texts are to the model: document (default) or query"
    )
    user: Ignored = None


class Embedding(Answer):
    """One vector."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingsAnswer(Answer):
    """Vectors in the order of the texts."""

    object: ObjectList = "list"
    data: list[Embedding]
    model: str
    adapter: AdapterTold | None
    """None for the bare base."""
    usage: EmbeddingUsage
