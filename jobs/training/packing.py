"""Which examples run through the model together. Pure.

Packed: examples end to end in one row without padding; attention keeps them apart. Bucketed: a rectangle of examples of
like length (common.models.batching), for what cannot be packed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.models.batching import plan_chunks

CHUNK = {"cpu": 1024, "cuda": 16384}
"""Tokens of a pass where the recipe says nothing."""


@dataclass(frozen=True)
class Micro:
    """One forward and backward pass."""

    rows: tuple[int, ...]
    """Positions in the sequence that was planned."""
    length: int
    """Packed: tokens of the row. Bucketed: tokens of each row. Padding included."""
    packed: bool


def plan_packed(lengths: Sequence[int], *, budget: int, multiple: int = 32) -> list[Micro]:
    """As few rows of at most `budget` tokens as first-fit-decreasing finds (within 11/9 of the least; Johnson 1973).

    A row's length is rounded up to a `multiple`: few distinct shapes, since oneDNN keeps a kernel for each. An example
    longer than the budget is a row of its own.
    """
    bins: list[list[int]] = []
    load: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        place = next((at for at, used in enumerate(load) if used + lengths[row] <= budget), None)
        if place is None:
            bins.append([row])
            load.append(lengths[row])
        else:
            bins[place].append(row)
            load[place] += lengths[row]
    return [Micro(tuple(rows), -(-used // multiple) * multiple, True) for rows, used in zip(bins, load, strict=True)]


def plan_bucketed(lengths: Sequence[int], *, budget: int, multiple: int = 16) -> list[Micro]:
    """Rectangles of at most `budget` tokens, padding included."""
    chunks = plan_chunks(lengths, budget=budget, multiple=multiple)
    return [Micro(chunk.rows, chunk.length, False) for chunk in chunks]


def level(plans: Sequence[list[Micro]]) -> int:
    """Passes that each worker must make where all must make equally many (FSDP gathers weights in each)."""
    return max((len(plan) for plan in plans), default=0)
