"""What replicas say of themselves. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

from common.retrieval.space import Space


@dataclass(frozen=True)
class EncoderFacts:
    """A base that makes vectors."""

    name: str
    """As requests call it."""
    space: Space
    """Of the bare base, with all dimensions."""
    cuts: tuple[int, ...]
    """Lengths to which its vectors may be cut."""


@dataclass(frozen=True)
class GeneratorFacts:
    """A base that writes."""

    name: str
    digest: str
    positions: int | None
    """Most tokens of prompt and answer together; None = no limit of its own."""


@dataclass(frozen=True)
class IndexSpace:
    """One of an index' spaces."""

    space: Space
    language: str
    """What its adapter was trained on."""

    @property
    def key(self) -> str:
        """Names it within the index."""
        return self.space.digest()


@dataclass(frozen=True)
class IndexFacts:
    """An index."""

    name: str
    """As requests call it."""
    spaces: tuple[IndexSpace, ...]
    languages: tuple[str, ...]
    units: int
