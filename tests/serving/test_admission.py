"""Which requests are let in: the estimate of their wait, against a queue that is simulated."""

from __future__ import annotations

import heapq
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.http.admission import CROWD, ENOUGH, LEAST_BYTES, MOST_BYTES, Admission, Pace
from serving.http.settings import HttpSettings
from serving.records import ServingError

PATH = "/v1/embeddings"


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Server:
    """One request after the other, `seconds` each, in order of arrival; requests come `apart` seconds."""

    def __init__(self, seconds: float, **settings: float) -> None:
        self.clock, self.seconds = Clock(), seconds
        self.admission = Admission(HttpSettings(**settings), self.clock)
        self.free = 0.0
        self.ends: list[tuple[float, int, ExitStack]] = []
        self.waits: list[float] = []
        self.refused: list[ServingError] = []

    def arrivals(self, count: int, apart: float, size: int = 300, path: str = PATH) -> None:
        for number in range(count):
            self._until(self.clock.now + apart)
            block = ExitStack()
            try:
                block.enter_context(self.admission.counted())
                entry = block.enter_context(self.admission.paced(path, size))
            except ServingError as error:
                block.close()
                self.refused.append(error)
                continue
            entry.answered = True
            self.free = max(self.free, self.clock.now) + self.seconds
            self.waits.append(self.free - self.clock.now)
            heapq.heappush(self.ends, (self.free, number, block))

    def _until(self, now: float) -> None:
        while self.ends and self.ends[0][0] <= now:
            self.clock.now, _, block = heapq.heappop(self.ends)
            block.close()
        self.clock.now = now


@pytest.mark.parametrize("seconds", [0.004, 0.02, 0.1])
def test_at_twice_the_load_what_is_let_in_waits_for_no_longer_than_told(seconds):
    server = Server(seconds, max_wait_s=1.0, max_in_flight=10_000)
    server.arrivals(1000, apart=seconds / 2)
    known = server.waits[3 * ENOUGH :]
    assert max(known) < 1.0 + 2.5 * seconds
    assert min(known[-100:]) > 0.8  # what the limit allows is used, so that the server is never idle
    last = server.refused[-1]
    assert (last.status, last.code, last.kind) == (429, "overloaded", "rate_limit_error")
    assert last.retry_after >= 1 and "the limit is 1 s" in last.message


def test_below_the_load_that_it_can_take_nobody_is_refused():
    server = Server(0.1, max_wait_s=0.5)
    server.arrivals(2 * ENOUGH, apart=0.0)  # a crowd, so that its pace is known
    server._until(100.0)
    server.arrivals(500, apart=0.11)
    assert len(server.waits) == 2 * ENOUGH + 500 and not server.refused


def test_before_enough_answers_are_known_only_the_count_refuses():
    server = Server(10.0, max_wait_s=0.1, max_in_flight=ENOUGH)
    server.arrivals(ENOUGH + 1, apart=0.0)
    assert len(server.waits) == ENOUGH
    assert "are being answered already" in server.refused[0].message


def test_generation_is_bound_by_the_count_alone():
    server = Server(10.0, max_wait_s=0.1, max_in_flight=8)
    server.arrivals(100, apart=5.0, path="/v1/chat/completions")
    assert server.refused and all("are being answered already" in one.message for one in server.refused)
    server._until(10_000.0)
    server.arrivals(6, apart=0.0)
    assert len(server.ends) == 6  # nor does it say anything of how long an embedding takes


def test_an_empty_server_lets_in_whoever_comes_however_slow_it_has_been():
    server = Server(30.0, max_wait_s=0.1)
    server.arrivals(3 * ENOUGH, apart=0.0)  # a crowd, from which it knows how slow it is
    server._until(100_000.0)
    server.arrivals(2, apart=0.0)
    assert len(server.refused) == 1
    server._until(200_000.0)
    server.arrivals(10, apart=31.0)
    assert len(server.refused) == 1


def test_one_slow_answer_says_nothing_of_the_next():
    pace = Pace()
    for _ in range(ENOUGH):
        pace.learn(LEAST_BYTES, CROWD * LEAST_BYTES, CROWD * 0.01)
    before = pace.enter(LEAST_BYTES) and pace.wait()
    pace.learn(LEAST_BYTES, CROWD * LEAST_BYTES, 60.0)
    assert pace.wait() == before == pytest.approx(0.01)


def test_a_request_that_was_alone_says_nothing_of_how_many_a_batch_holds():
    pace = Pace()
    for _ in range(ENOUGH):
        pace.learn(300, 300, 5.0)
        pace.learn(300, CROWD * 300 - 1, 5.0)
    pace.enter(MOST_BYTES)
    assert pace.wait() == 0.0
    for _ in range(ENOUGH):
        pace.learn(300, CROWD * 300, 1.2)
    assert pace.wait() == pytest.approx(MOST_BYTES / 1000)


def test_a_request_with_thousands_of_texts_counts_for_a_batch_and_teaches_nothing():
    pace = Pace()
    for _ in range(ENOUGH):
        pace.learn(300, CROWD * 300, CROWD * 0.3)  # a millisecond a byte
    assert pace.enter(MOST_BYTES * 100) == MOST_BYTES
    before = pace.wait()
    pace.learn(MOST_BYTES * 100, CROWD * MOST_BYTES, 600.0)
    assert pace.wait() == before == pytest.approx(MOST_BYTES / 1000)


@given(st.lists(st.integers(0, 10 * MOST_BYTES), max_size=50))
def test_whatever_comes_and_goes_nothing_is_left_in_flight(sizes):
    pace = Pace()
    for size in sizes:
        pace.enter(size)
    for size in sorted(sizes):
        pace.leave(size)
    for _ in range(ENOUGH):
        pace.learn(300, CROWD * 300, 1.0)
    assert pace.wait() == 0.0


def test_what_fails_leaves_and_teaches_nothing():
    clock = Clock()
    admission = Admission(HttpSettings(max_wait_s=0.001), clock)
    with ExitStack() as others:
        for _ in range(CROWD):
            others.enter_context(admission.paced(PATH, 300))
        for _ in range(2 * ENOUGH):
            with pytest.raises(KeyError), admission.counted(), admission.paced(PATH, 300):
                clock.now += 100.0
                raise KeyError
        with admission.paced(PATH, 300):
            pass
