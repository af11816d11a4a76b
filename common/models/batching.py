"""Grouping texts of unlike length into rectangles with little padding. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """Rows that run through the model together."""

    rows: tuple[int, ...]
    """Indices into the sequence that was planned."""
    length: int
    """Padded length, a multiple of the planner's `multiple`."""


def plan_chunks(lengths: Sequence[int], *, budget: int, multiple: int = 16) -> list[Chunk]:
    """Cut rows into chunks of at most `budget` tokens, padding included, longest rows first.

    Sorting makes neighbours alike; rounding lengths up to a `multiple` keeps the number of distinct shapes small,
    since oneDNN caches a primitive and a re-ordered weight per shape (ragged shapes grew a process to 14 GB). A row
    longer than the budget is a chunk of its own.
    """
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    chunks: list[Chunk] = []
    start = 0
    while start < len(order):
        length = max(1, -(-lengths[order[start]] // multiple)) * multiple
        count = max(1, budget // length)
        chunks.append(Chunk(tuple(order[start : start + count]), length))
        start += count
    return chunks


def padding_share(lengths: Sequence[int], chunks: Sequence[Chunk]) -> float:
    """Share of the computed tokens that is padding, 0 to 1."""
    computed = sum(len(chunk.rows) * chunk.length for chunk in chunks)
    return 1.0 - sum(lengths) / computed if computed else 0.0


def split_evenly(lengths: Sequence[int], parts: int) -> list[list[int]]:
    """Deal rows to `parts` workers so that each gets about the same number of tokens; deterministic.

    Longest first to the worker with the least so far (LPT rule, Graham 1969). Row counts stay within one of each
    other, so that gathered tensors need at most one row of padding.
    """
    least, extra = divmod(len(lengths), parts)
    shares: list[list[int]] = [[] for _ in range(parts)]
    load = [0] * parts
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        open_ = [r for r in range(parts) if len(shares[r]) < least or (len(shares[r]) == least and extra > 0)]
        rank = min(open_, key=lambda r: (load[r], r))
        extra -= len(shares[rank]) == least
        shares[rank].append(row)
        load[rank] += lengths[row]
    return shares
