"""What runs together: the next batch out of the rows that wait. Pure.

A batch is of one lane, is a rectangle of at most so many tokens with padding, holds rows of like length, and is shared
out among the adapters that wait: each gets one row in turn, those first that were served longest ago. So one adapter's
thousand rows take only what the others leave, and rows of one adapter run in the order in which they came.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

_Flow = tuple[Hashable, Hashable]  # lane and adapter


@dataclass(frozen=True)
class Item:
    """A row that waits."""

    id: int
    """Unique among those that wait; among equal arrivals the smaller one came first."""
    length: int
    """In tokens, at least 1."""
    adapter: Hashable
    """Whose share it takes; None is the bare base."""
    lane: Hashable
    """Only rows of one lane can share a batch."""
    arrival: float
    """Of any clock that does not run backwards."""

    @property
    def age(self) -> tuple[float, int]:
        """Sorts by arrival."""
        return self.arrival, self.id


@dataclass(frozen=True)
class Batch:
    """Rows that run next, longest unserved adapter first."""

    lane: Hashable
    items: tuple[Item, ...]
    length: int
    """Padded length in tokens of every row."""


class Planner:
    """Rows that wait, and whose turn it is. Not thread-safe."""

    def __init__(
        self, *, budget: int, rows: int, longest: int, patience: int = 8, multiple: int = 16, waste: float = 0.25,
        spare: int = 32,
    ) -> None:  # fmt: skip
        """`budget`: most tokens of a batch, padding included; one row alone may have more. `rows`: most rows.

        `longest`: the longest row, which padding does not exceed. `patience`: an adapter that was passed over in so
        many batches goes next. Lengths are rounded up to a multiple of `multiple`, for few distinct shapes, and then a
        row is padded further by at most `spare` tokens or the share `waste` of the batch's length, whichever is more.
        """
        self._budget, self._rows, self._longest, self._patience = budget, rows, longest, patience
        self._multiple, self._waste, self._spare = multiple, waste, spare
        self._items: dict[int, Item] = {}
        self._batches = 0
        self._since: dict[_Flow, int] = {}  # number of the batch since which an adapter waits or was last served
        self._waiting: dict[_Flow, int] = {}

    def __len__(self) -> int:
        """Rows that wait."""
        return len(self._items)

    def add(self, item: Item) -> None:
        """A row waits from now on."""
        if item.id in self._items:
            raise ValueError(f"item {item.id} waits already")
        flow = item.lane, item.adapter
        self._items[item.id] = item
        self._waiting[flow] = self._waiting.get(flow, 0) + 1
        self._since.setdefault(flow, self._batches)

    def drop(self, ids: Iterable[int]) -> None:
        """Rows do not wait any more; unknown ones do not matter."""
        for one in ids:
            item = self._items.pop(one, None)
            if item is None:
                continue
            flow = item.lane, item.adapter
            self._waiting[flow] -= 1
            if not self._waiting[flow]:
                del self._waiting[flow], self._since[flow]

    def next(self) -> Batch | None:
        """The next batch, whose rows wait no longer; None where none waits. Takes O(n log n) of n waiting rows."""
        if not self._items:
            return None
        seed = self._seed()
        lane = sorted((one for one in self._items.values() if one.lane == seed.lane), key=lambda one: one.age)
        length = self._length(seed, lane)
        queues: dict[Hashable, list[Item]] = {seed.adapter: [seed]}
        for one in lane:
            if one is not seed and self._fits(one.length, length):
                queues.setdefault(one.adapter, []).append(one)
        order = sorted(queues.values(), key=lambda queue: (queue[0] is not seed, self._turn(queue[0])))
        items = _in_turn(order, self._capacity(length))
        self._batches += 1
        for flow in {(one.lane, one.adapter) for one in items}:
            self._since[flow] = self._batches
        self.drop([one.id for one in items])
        return Batch(seed.lane, tuple(items), length)

    def _seed(self) -> Item:
        """The row that decides: the oldest one, or that of an adapter that has been passed over too often."""
        oldest: dict[_Flow, Item] = {}
        for one in self._items.values():
            flow = one.lane, one.adapter
            if flow not in oldest or one.age < oldest[flow].age:
                oldest[flow] = one
        overdue = [one for flow, one in oldest.items() if self._batches - self._since[flow] >= self._patience]
        return min(overdue, key=self._turn) if overdue else min(oldest.values(), key=lambda one: one.age)

    def _turn(self, item: Item) -> tuple[int, float, int]:
        """Sorts adapters by how long they were not served."""
        return self._since[item.lane, item.adapter], *item.age

    def _length(self, seed: Item, lane: list[Item]) -> int:
        """The padded length near the seed's at which most rows run together; the smallest of equals."""
        counts: dict[int, int] = {}
        for one in lane:
            counts[one.length] = counts.get(one.length, 0) + 1
        best = shortest = self._padded(seed.length)
        most = 0
        for length in sorted({self._padded(length) for length in counts if length >= seed.length} | {shortest}):
            if not self._fits(seed.length, length):
                break
            rows = sum(count for size, count in counts.items() if self._fits(size, length))
            if min(rows, self._capacity(length)) > most:
                best, most = length, min(rows, self._capacity(length))
        return best

    def _padded(self, length: int) -> int:
        return max(length, min(-(-length // self._multiple) * self._multiple, self._longest))

    def _fits(self, length: int, padded: int) -> bool:
        return length <= padded <= self._padded(length) + max(self._spare, self._waste * padded)

    def _capacity(self, length: int) -> int:
        return max(1, min(self._rows, self._budget // length))


def _in_turn(queues: list[list[Item]], count: int) -> list[Item]:
    """Up to `count` items, one of each queue in turn."""
    items: list[Item] = []
    depth = 0
    while queues and len(items) < count:
        items += [queue[depth] for queue in queues][: count - len(items)]
        depth += 1
        queues = [queue for queue in queues if len(queue) > depth]
    return items
