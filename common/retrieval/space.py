"""Whose vectors an index holds: base, adapter, pooling, prompts. Vectors of two spaces cannot be compared."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import Field

from common.config import Config
from common.errors import UserError
from common.retrieval.weighting import EQUAL, Fusion


class Origin(Config):
    """Where the encoder of a space came from when the index was built, so that a query can be encoded, too."""

    model: str
    """The base, as it was named."""
    encoder: dict[str, Any] = Field(default_factory=dict)
    """How it is read."""
    adapter: Path | None = None
    """The adapter's folder."""
    language: str = "all"
    """What the adapter was trained on; routing goes by it."""
    fusion: Fusion = EQUAL
    """How the hybrid weighs its legs: as the adapter's dev split chose; without one, equally."""


class Space(Config):
    """What makes a text one vector and no other. The names are for people, the digests decide."""

    base: str
    base_digest: str
    """Of the base's weights."""
    adapter: str | None = None
    adapter_digest: str | None = None
    """Of the adapter's weights; None = the base itself."""
    pooling: str
    query_prompt: str = ""
    document_prompt: str = ""
    max_length: int
    """Tokens after which a text is cut."""
    dimensions: int

    def digest(self) -> str:
        """sha256 of all but the names, in hex."""
        told = self.model_dump(mode="json", exclude={"base", "adapter"})
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def name(self) -> str:
        """The space in a few words."""
        if self.adapter_digest is None:
            return f"{self.base} ({self.base_digest[:8]})"
        return f"{self.base}:{self.adapter} ({self.adapter_digest[:8]} on {self.base_digest[:8]})"

    def check(self, query: Space) -> None:
        """Raise `UserError` with both names where vectors of `query` cannot be compared with this space's."""
        if self.digest() != query.digest():
            told = self.model_dump(exclude={"base", "adapter"})
            other = query.model_dump(exclude={"base", "adapter"})
            fields = ", ".join(name for name in told if told[name] != other[name])
            raise UserError(
                f"the index holds vectors of {self.name()}, the query's would be of {query.name()}: they differ in "
                f"{fields}",
                "search with what the index was built with, or build the index with the other",
            )
