"""One round after another: what was cancelled leaves, the oldest requests enter, every lane makes a step."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from serving.engines.generation_lane import Lane
from serving.engines.requests import Answer, Request
from serving.records import ServingError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class DecodingStats:
    """What an engine is doing."""

    running: int = 0
    """Answers in the making."""
    waiting: int = 0
    """Requests that have not entered."""
    tokens: int = 0
    """Generated since the start."""
    positions: int = 0
    """Cache positions in use."""


class Rounds:
    """The lanes that have something to do; only the engine's thread touches it, `stats` excepted.

    A pass that fails ends the requests that were in it, and no others.
    """

    def __init__(self, name: str, budget: int, prefill: int, over: Callable[[Request], None]) -> None:
        """`name`: the base, for messages. `over`: is called once for each request that will get nothing more.

        `budget`: cache positions of all lanes; `prefill`: tokens of prompts that enter in one round.
        """
        self.stats = DecodingStats()
        self._name, self._budget, self._prefill, self._call_over = name, budget, prefill, over
        self._lanes: list[Lane] = []
        self._tokens = 0

    @property
    def busy(self) -> bool:
        """Whether there is something to do."""
        return bool(self._lanes)

    def add(self, request: Request, lane: Lane) -> None:
        """Let a request wait for its turn."""
        lane.waiting.append(request)
        if lane not in self._lanes:
            self._lanes.append(lane)

    def run(self) -> None:
        """One round."""
        for lane in self._lanes:
            self._drop_cancelled(lane)
        self._let_in()
        for lane in self._lanes:
            if lane.answers:
                self._step(lane)
        self._lanes = [lane for lane in self._lanes if lane.answers or lane.waiting]
        self.stats = DecodingStats(
            running=sum(len(lane.answers) for lane in self._lanes),
            waiting=sum(len(lane.waiting) for lane in self._lanes),
            tokens=self._tokens,
            positions=sum(lane.positions for lane in self._lanes),
        )

    def abandon(self, error: ServingError) -> None:
        """End everything with an error."""
        for lane in self._lanes:
            self._fail([*lane.clear(), *lane.waiting], error)
        self._lanes = []

    def _drop_cancelled(self, lane: Lane) -> None:
        requests = dict.fromkeys([*lane.waiting, *(answer.request for answer in lane.answers)])
        dropped = [request for request in requests if request.cancelled]
        for request in dropped:
            if request in lane.waiting:
                lane.waiting.remove(request)
            self._close(request)
        self._remove(lane, [answer for request in dropped for answer in request.answers])

    def _let_in(self) -> None:
        """Requests of the lane whose first one is the oldest; the others have their turn in the next rounds."""
        waiting = [lane for lane in self._lanes if lane.waiting]
        if not waiting:
            return
        lane = min(waiting, key=lambda lane: lane.waiting[0].number)
        taken = sum(other.need() for other in self._lanes if other is not lane)
        requests = lane.admit(self._prefill, self._budget - taken)
        if not requests:
            return
        try:
            answers = lane.enter(requests)
        except Exception as error:
            self._fail(requests, self._told(error))
        else:
            self._deliver(lane, answers)

    def _step(self, lane: Lane) -> None:
        try:
            answers = lane.step()
        except Exception as error:
            self._fail(lane.clear(), self._told(error))
        else:
            self._deliver(lane, answers)

    def _deliver(self, lane: Lane, answers: Sequence[Answer]) -> None:
        """Hand out what the new tokens say, and let go what is over."""
        self._tokens += len(answers)
        for answer in answers:
            for piece in answer.pieces():
                answer.request.tell(piece)
        done = [answer for answer in answers if answer.over]
        for request in dict.fromkeys(answer.request for answer in done):
            if request.over:
                self._close(request)
        self._remove(lane, done)

    def _remove(self, lane: Lane, answers: Sequence[Answer]) -> None:
        try:
            lane.remove(answers)
        except Exception as error:  # making the smaller cache takes memory too
            self._fail(lane.clear(), self._told(error))

    def _fail(self, requests: Sequence[Request], error: ServingError) -> None:
        for request in requests:
            if not request.closed:
                request.tell(error)
                self._close(request)

    def _close(self, request: Request) -> None:
        request.closed = True
        self._call_over(request)

    def _told(self, error: Exception) -> ServingError:
        """What is said of a pass that failed; the log has the rest."""
        _LOG.error("a pass of %s failed", self._name, exc_info=error)
        if isinstance(error, torch.OutOfMemoryError | MemoryError):
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            return ServingError(503, f"{self._name} is out of memory", code="out_of_memory", retry_after=1)
        return ServingError(500, f"{self._name} failed at this request; the server's log says how")
