"""Which requests are let in: so many at a time, and of those that are encoded none that would wait too long.

A count alone says nothing of time: 64 short queries are a tenth of a second on a GPU and some seconds on two cores. So
the wait of a newcomer is estimated from what is in flight and the pace at which the last ones were answered (Little's
law, L = λ W, applied to bytes of request bodies, which stand for tokens).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from serving.http.settings import HttpSettings
from serving.records import ServingError

RETRY_S = 1.0
"""The shortest time after which a request that found the server full is told to come again."""
ENCODED = frozenset({"/v1/embeddings", "/v1/search", "/v1/rerank"})
"""Answered in one pass, one after the other: generation, where many are written side by side, has only the count."""
LEAST_BYTES, MOST_BYTES = 256, 16_384
"""What a body counts for at least, as its way here costs the same, and at most: of a request with thousands of texts
only a batch is planned at a time, and others come between its rows."""
CROWD = 4
"""How many times its own bytes a request has to find in flight to say anything of the pace: one that is alone takes as
long as a batch would, and from its time nobody can tell how many a batch holds."""
REMEMBERED, ENOUGH = 64, 16
"""Answers that the pace is the median of, and how many of them there have to be before it refuses anybody."""


class Pace:
    """Seconds that each byte in flight makes a request wait, its own bytes among them."""

    def __init__(self) -> None:
        self._bytes = 0
        self._paces: deque[float] = deque(maxlen=REMEMBERED)

    def wait(self) -> float:
        """Seconds until all that is in flight is answered; 0 while too few answers are known.

        The median: one answer that waited for its adapter to be read from disk says nothing of the next.
        """
        return self._bytes * median(self._paces) if len(self._paces) >= ENOUGH else 0.0

    def enter(self, size: int) -> int:
        """A request of so many bytes is let in. Returns the bytes in flight, its own included."""
        self._bytes += _counted(size)
        return self._bytes

    def leave(self, size: int) -> None:
        """It is in flight no more."""
        self._bytes -= _counted(size)

    def learn(self, size: int, ahead: int, seconds: float) -> None:
        """A request was answered after `seconds`, with `ahead` bytes in flight when it came."""
        if size <= MOST_BYTES and ahead >= CROWD * _counted(size):  # a longer one took many turns
            self._paces.append(seconds / ahead)


@dataclass
class Entry:
    """A request that was let in."""

    answered: bool = False
    """Set by who answers it, where the answer is one that the pace is learnt from."""


class Admission:
    """Of one process; what is in flight in another is not known here. `clock` returns seconds."""

    def __init__(self, settings: HttpSettings, clock: Callable[[], float]) -> None:
        self._settings, self._clock = settings, clock
        self._in_flight = 0
        self._pace = Pace()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Within the block one request more is in flight. Raises `ServingError` (429) where there are enough."""
        if self._in_flight >= self._settings.max_in_flight:
            raise _full(f"{self._in_flight} requests are being answered already", RETRY_S)
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    @contextmanager
    def paced(self, path: str, size: int) -> Iterator[Entry]:
        """Within the block a request with a body of `size` bytes waits for its answer.

        Raises `ServingError` (429) where that would take too long. Size is what has arrived: what a head announces may
        never come.
        """
        entry = Entry()
        if path not in ENCODED:
            yield entry
            return
        if (wait := self._pace.wait()) > (most := self._settings.max_wait_s):
            raise _full(f"an answer would take about {wait:.1f} s; the limit is {most:g} s", wait - most)
        ahead, came = self._pace.enter(size), self._clock()
        try:
            yield entry
        finally:
            self._pace.leave(size)
            if entry.answered:
                self._pace.learn(size, ahead, self._clock() - came)


def _counted(size: int) -> int:
    return min(max(size, LEAST_BYTES), MOST_BYTES)


def _full(message: str, wait: float) -> ServingError:
    return ServingError(429, message, code="overloaded", kind="rate_limit_error", retry_after=max(wait, RETRY_S))
