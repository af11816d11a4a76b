"""The process that judges: a Ray actor with an evaluator, whose sandboxes live and die with it."""

from __future__ import annotations

import os
import pickle
import socket
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from common.corpora.problems.record import CodeProblem
from common.errors import UserError
from jobs.execution.backlog import Item
from jobs.execution.sandbox.host import Isolation
from jobs.execution.verdicts import Mode, Verdict

KEPT = 8  # problems with large tests that an actor keeps
CONTROL = "control"  # the concurrency group that answers while a candidate runs


class Judge(Protocol):
    """What an actor needs of `jobs.execution.evaluator.Evaluator`."""

    isolation: Isolation

    def judge(self, problem: CodeProblem, code: str, sample: int, mode: Mode) -> Verdict:
        """The verdict on one candidate."""

    def close(self) -> None:
        """End the sandboxes."""


@dataclass(frozen=True)
class ActorRecord:
    """An actor that has started."""

    node: str
    pid: int
    isolation: Isolation


class Actor:
    """Judges units in the order in which they come; hands back what it has not begun when asked to."""

    def __init__(self, make: Callable[[], Judge]) -> None:
        self._make = make
        self._judge: Judge | None = None
        self._kept: OrderedDict[str, CodeProblem] = OrderedDict()
        self._lock = threading.Lock()
        self._number = -1
        self._begun = 0
        self._pending: deque[Item] = deque()
        self._revoked: set[int] = set()

    def start(self) -> ActorRecord:
        """Make the evaluator. Raises `UserError` with the node's name where no sandbox can be made."""
        node = socket.gethostname()
        try:
            self._judge = self._make()
        except UserError as error:
            raise type(error)(f"node {node}: {error.message}", error.remedy) from None
        return ActorRecord(node, os.getpid(), self._judge.isolation)

    def run(
        self, number: int, items: Sequence[Item], problems: Mapping[str, Any], seconds: float
    ) -> list[tuple[Verdict, float]]:
        """Verdicts, and the seconds that each took, of the first items: as many as `seconds` allow, at least one.

        `problems` has each problem pickled, or a reference to that in the object store. Fewer where `give_back` came.
        """
        assert self._judge is not None, "start first"
        with self._lock:
            self._number, self._begun = number, 0
            self._pending = deque() if number in self._revoked else deque(items)
            self._revoked.discard(number)
        unpacked = {name: self._problem(name, given) for name, given in problems.items()} if self._pending else {}
        done: list[tuple[Verdict, float]] = []
        until = time.monotonic() + seconds
        while True:
            with self._lock:
                if not self._pending or (done and time.monotonic() >= until):
                    self._pending.clear()
                    return done
                item = self._pending.popleft()
                self._begun += 1
            began = time.monotonic()
            verdict = self._judge.judge(unpacked[item.problem_id], item.code, item.sample, item.mode)
            done.append((verdict, time.monotonic() - began))

    def give_back(self, numbers: Sequence[int]) -> dict[int, int]:
        """Let go of what is not begun of these units: unit → the number of its first items that stay here.

        A unit that is over is not in the answer. Runs beside `run`.
        """
        kept = {}
        with self._lock:
            for number in numbers:
                if number == self._number and self._pending:
                    kept[number] = self._begun
                    self._pending.clear()
                elif number > self._number:
                    kept[number] = 0
                    self._revoked.add(number)
        return kept

    def close(self) -> None:
        """End the sandboxes."""
        if self._judge is not None:
            self._judge.close()

    def _problem(self, name: str, given: Any) -> CodeProblem:
        if isinstance(given, bytes):
            return pickle.loads(given)
        if name not in self._kept:
            import ray

            self._kept[name] = pickle.loads(ray.get(given))
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(name)
        return self._kept[name]
