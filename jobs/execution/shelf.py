"""The driver's copies of problems on their way to the actors: small ones travel with the work, large ones once."""

from __future__ import annotations

import dataclasses
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from common.corpora.problems.record import CodeProblem

INLINE = 32 << 10  # bytes up to which a problem is cheaper in each message than in the object store
UNUSED = 256 << 20  # bytes of problems without work that stay in the object store, in case more work comes


@dataclass
class _Entry:
    size: int
    tests: int
    packed: Any
    """Bytes, or a reference to them in the object store."""
    stored: bool
    users: int = 0


class Shelf:
    """Problems by id, for as long as there is work on them and a little longer."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._unused: OrderedDict[str, _Entry] = OrderedDict()
        self._unused_bytes = 0
        self.bytes = 0
        """Of the problems with work."""

    def add(self, problem: CodeProblem, users: int) -> None:
        """Note that so many items need the problem."""
        if not users:
            return
        if problem.id in self._unused:
            entry = self._unused.pop(problem.id)
            self._unused_bytes -= entry.size
            self._entries[problem.id] = entry
            self.bytes += entry.size
        elif problem.id not in self._entries:
            needed = dataclasses.replace(problem, question="", starter_code="", solutions=())
            packed = pickle.dumps(needed, protocol=pickle.HIGHEST_PROTOCOL)
            self._entries[problem.id] = _Entry(len(packed), len(problem.inputs), packed, stored=False)
            self.bytes += len(packed)
        self._entries[problem.id].users += users

    def payload(self, name: str) -> Any:
        """What an actor gets: the pickled problem, or a reference to it."""
        entry = self._entries[name]
        if entry.size > INLINE and not entry.stored:
            import ray

            entry.packed, entry.stored = ray.put(entry.packed), True
        return entry.packed

    def tests(self, name: str) -> int:
        """How many tests a problem with work has."""
        return self._entries[name].tests

    def release(self, name: str) -> None:
        """One item needs the problem no more."""
        entry = self._entries[name]
        entry.users -= 1
        if entry.users:
            return
        del self._entries[name]
        self.bytes -= entry.size
        if entry.stored:
            self._unused[name] = entry
            self._unused_bytes += entry.size
        while self._unused_bytes > UNUSED:
            self._unused_bytes -= self._unused.popitem(last=False)[1].size
