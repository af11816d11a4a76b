"""What the store tells of itself, for metrics and for people."""

from __future__ import annotations

from dataclasses import dataclass

from serving.records import Adapter


@dataclass
class Tally:
    """Counts of one adapter since the store was made."""

    adapter: Adapter
    hits: int = 0
    """Requests that found it loaded."""
    misses: int = 0
    """Requests that waited for a load, whoever began it."""
    loads: int = 0
    """Loads that were begun."""
    evictions: int = 0
    """How often it left for another."""
    failures: int = 0
    """Loads that failed; requests that the memory of a failure refused are not among them."""


@dataclass(frozen=True)
class AdapterStats:
    """One adapter: its `Tally`, and how it is now."""

    adapter: Adapter
    loaded: bool
    bytes: int
    """0 unless loaded."""
    refs: int
    """Requests that have it or wait for it."""
    hits: int
    misses: int
    loads: int
    evictions: int
    failures: int


@dataclass(frozen=True)
class StoreStats:
    """A whole store."""

    limit_bytes: int
    bytes: int
    """Of the adapters that are ready."""
    loading: int
    """Adapters that wait for their turn, are being loaded or wait for room."""
    adapters: tuple[AdapterStats, ...]
    """All that were ever asked for."""
