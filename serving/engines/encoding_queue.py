"""Requests for vectors on their way through the planner: cut into rows, run in passes, put together again. No torch."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, deque
from collections.abc import Hashable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from serving.planner import Item, Planner


@dataclass(frozen=True)
class EncodingStats:
    """What an engine is doing, and has done since it started."""

    waiting: int
    """Rows that wait."""
    running: int
    """Rows in the pass that runs."""
    passes: int
    rows: int
    tokens: int
    """Of rows."""
    padded: int
    """Tokens computed, padding included."""


@dataclass(eq=False)
class _Request:
    rows: Sequence[Sequence[int]]
    adapter: Hashable
    lane: Hashable
    vectors: np.ndarray
    left: int
    """Rows without vectors."""
    unplanned: deque[int]
    """Rows that the planner has not got yet, longest first."""
    planned: dict[int, int] = field(default_factory=dict)
    """Item that waits in the planner → its row."""
    future: Future[np.ndarray] = field(default_factory=Future)
    over: bool = False
    """Answered, failed or cancelled."""


@dataclass(frozen=True)
class Pass:
    """Rows that run together."""

    lane: Hashable
    length: int
    """Padded length in tokens."""
    ids: list[Sequence[int]]
    adapters: list[Hashable]
    """Of each row."""
    places: list[tuple[_Request, int]]
    """Where each row's vector belongs."""


class EncodingQueue:
    """Waiting rows; all methods may be called from any thread. One thread takes passes and hands in their vectors."""

    def __init__(self, planner: Planner, *, budget: int) -> None:
        """`budget`: tokens of one request that are planned at a time, so that others come between its rows."""
        self._planner, self._budget = planner, budget
        self._requests: dict[int, _Request] = {}  # by item
        self._live: Counter[Hashable] = Counter()  # adapter → requests
        self._ids = itertools.count()
        self._unplanned = self._running = self._passes = self._rows = self._tokens = self._padded = 0
        self._closed = False
        self._changed = threading.Condition()

    def submit(
        self, rows: Sequence[Sequence[int]], adapter: Hashable, lane: Hashable, *, width: int
    ) -> Future[np.ndarray]:
        """A request for (len(rows), width) vectors; raises `RuntimeError` once the queue is closed."""
        order = sorted(range(len(rows)), key=lambda row: -len(rows[row]))
        vectors = np.zeros((len(rows), width), dtype=np.float32)
        request = _Request(rows, adapter, lane, vectors, len(rows), deque(order))
        if not rows:
            request.future.set_result(vectors)
            return request.future
        with self._changed:
            if self._closed:
                raise RuntimeError("the engine is closed")
            self._live[adapter] += 1
            self._unplanned += len(order)
            self._plan(request)
            self._changed.notify_all()
        request.future.add_done_callback(lambda future: self._cancelled(request) if future.cancelled() else None)
        return request.future

    def take(self) -> Pass | None:
        """The next pass, as soon as a row waits; None once the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._planner))
            batch = None if self._closed else self._planner.next()
            if batch is None:
                return None
            requests = [self._requests.pop(item.id) for item in batch.items]
            places = [(one, one.planned.pop(item.id)) for one, item in zip(requests, batch.items, strict=True)]
            self._running = len(places)
            ids = [request.rows[row] for request, row in places]
            return Pass(batch.lane, batch.length, ids, [item.adapter for item in batch.items], places)

    def answer(self, done: Pass, vectors: np.ndarray) -> None:
        """The pass gave these vectors (B, width)."""
        with self._changed:
            self._count(done)
            for (request, row), vector in zip(done.places, vectors, strict=True):
                request.vectors[row] = vector
                request.left -= 1
            requests = _of(done)
            for request in requests:
                if not request.left:
                    self._end(request)
                elif not request.over:
                    self._plan(request)
        for request in requests:
            if not request.left:
                with suppress(InvalidStateError):  # cancelled
                    request.future.set_result(request.vectors)

    def fail(self, done: Pass, error: Exception) -> None:
        """The pass raised: the requests in it fail, whatever else of them waits."""
        with self._changed:
            self._count(done)
        self._fail(_of(done), error)

    def wait_unused(self, adapter: Hashable) -> None:
        """Return when no request with the adapter is under way."""
        with self._changed:
            self._changed.wait_for(lambda: not self._live[adapter])
            del self._live[adapter]

    def stats(self) -> EncodingStats:
        """Now."""
        with self._changed:
            waiting = len(self._planner) + self._unplanned
            return EncodingStats(waiting, self._running, self._passes, self._rows, self._tokens, self._padded)

    def close(self) -> None:
        """No more passes and requests; those that wait fail with `RuntimeError`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            left = list(dict.fromkeys(self._requests.values()))
        self._fail(left, RuntimeError("the engine is closed"))

    def _plan(self, request: _Request) -> None:
        now = time.monotonic()
        waiting = sum(len(request.rows[row]) for row in request.planned.values())
        while request.unplanned and waiting < self._budget:
            row = request.unplanned.popleft()
            item = Item(next(self._ids), len(request.rows[row]), request.adapter, request.lane, now)
            self._unplanned -= 1
            request.planned[item.id] = row
            self._requests[item.id] = request
            self._planner.add(item)
            waiting += item.length

    def _count(self, done: Pass) -> None:
        self._running = 0
        self._passes += 1
        self._rows += len(done.ids)
        self._tokens += sum(map(len, done.ids))
        self._padded += done.length * len(done.ids)

    def _fail(self, requests: list[_Request], error: Exception) -> None:
        with self._changed:
            for request in requests:
                self._end(request)
        for request in requests:
            with suppress(InvalidStateError):  # cancelled
                request.future.set_exception(error)

    def _cancelled(self, request: _Request) -> None:
        with self._changed:
            self._end(request)
        request.future.set_running_or_notify_cancel()

    def _end(self, request: _Request) -> None:
        """Nothing more of it runs, and its adapter may go."""
        if request.over:
            return
        request.over = True
        self._planner.drop(request.planned)
        for item in request.planned:
            del self._requests[item]
        request.planned.clear()
        self._unplanned -= len(request.unplanned)
        request.unplanned.clear()
        self._live[request.adapter] -= 1
        self._changed.notify_all()


def _of(done: Pass) -> list[_Request]:
    return list(dict.fromkeys(request for request, _ in done.places))
