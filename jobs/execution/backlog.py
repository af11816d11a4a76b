"""What is left to run: which candidates go to an actor together, what comes back, what is tried again. Pure.

An item, one candidate under one mode, is at any time in one place only: waiting, in a unit that an actor has, or over.
So it is judged once, however often actors die or hand work back.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jobs.execution.verdicts import Mode

Key = tuple[str, int, Mode]
LONGEST = 256  # items in a unit, however short they are
_FIRST_UNIT = 4  # items in a unit of which nothing is known yet
_NEWEST = 0.2  # weight of the newest measurement in a mean


@dataclass(frozen=True)
class Item:
    """One candidate to judge under one mode."""

    problem_id: str
    sample: int
    mode: Mode
    code: str

    @property
    def key(self) -> Key:
        """What there is exactly one verdict of."""
        return self.problem_id, self.sample, self.mode


@dataclass(eq=False)
class Unit:
    """What an actor is given at a time. Units that go to one actor are run in the order of their numbers."""

    number: int
    items: list[Item]
    """Shrinks where the actor hands a part back."""
    settled: bool = False
    """The actor has been asked to hand back, so what it has now it keeps."""
    alone: bool = False
    """It was there when an actor died: one item, for an actor that has nothing else."""


class Backlog:
    """Items and where they are; times decide how many make a unit."""

    def __init__(self, unit_seconds: float, attempts: int) -> None:
        self._target, self._attempts = unit_seconds, attempts
        self._waiting: deque[Item] = deque()
        self._suspects: deque[Item] = deque()
        self._crashes: dict[Key, int] = {}
        self._known: set[Key] = set()
        self._open: set[Key] = set()
        self._numbers = itertools.count()
        self._mean = unit_seconds / _FIRST_UNIT
        self._means: dict[str, float] = {}

    @property
    def waiting(self) -> int:
        """Items that no actor has."""
        return len(self._waiting) + len(self._suspects)

    @property
    def open(self) -> int:
        """Items without a verdict."""
        return len(self._open)

    @property
    def seconds(self) -> float:
        """About how long one actor would need for what is waiting."""
        return self.waiting * self._mean

    def add(self, items: Iterable[Item]) -> list[Item]:
        """Take items; those whose key was there before are left out. Returns the new ones."""
        new = []
        for item in items:
            if item.key not in self._known:
                self._known.add(item.key)
                self._open.add(item.key)
                new.append(item)
        self._waiting.extend(new)
        return new

    def take(self, actors: int, *, idle: bool) -> Unit | None:
        """A unit for an actor, None where nothing waits that this one may have.

        About `unit_seconds` long; shorter where all of `actors` would not get their share otherwise. Suspects go one
        by one to actors that are idle.
        """
        if idle and self._suspects:
            return Unit(next(self._numbers), [self._suspects.popleft()], alone=True)
        items: list[Item] = []
        share = min(LONGEST, -(-len(self._waiting) // actors))
        seconds = 0.0
        while self._waiting and len(items) < max(1, share):
            seconds += self._estimate(self._waiting[0])
            if items and seconds > self._target:
                break
            items.append(self._waiting.popleft())
        return Unit(next(self._numbers), items) if items else None

    def put_back(self, items: Sequence[Item]) -> None:
        """Items that an actor had and has not begun; they are next."""
        self._waiting.extendleft(reversed(items))

    def finished(self, item: Item, seconds: float) -> bool:
        """Note that an item has been judged; false where that was so already."""
        before = self._means.get(item.problem_id, self._mean)
        self._means[item.problem_id] = before + _NEWEST * (seconds - before)
        self._mean += _NEWEST * (seconds - self._mean)
        return self._close(item)

    def crashed(self, unit: Unit) -> list[Item]:
        """An actor died over this unit. Returns the items that are given up; the others are tried again, each alone."""
        given_up = []
        for item in unit.items:
            self._crashes[item.key] = self._crashes.get(item.key, 0) + 1
            if self._crashes[item.key] < self._attempts:
                self._suspects.append(item)
            elif self._close(item):
                given_up.append(item)
        return given_up

    def _close(self, item: Item) -> bool:
        there = item.key in self._open
        self._open.discard(item.key)
        self._crashes.pop(item.key, None)
        return there

    def _estimate(self, item: Item) -> float:
        return self._means.get(item.problem_id, self._mean)
