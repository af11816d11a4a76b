"""Calls between deployments: what is tried again, what is told, and that a call which is given up is cancelled."""

import asyncio
import pickle

import pytest
from ray.exceptions import RayActorError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from serving.deployments import calling
from serving.deployments.calling import TRIES, call, stream
from serving.records import ServingError

DAMAGED = ServingError(503, "damaged", code="adapter_unavailable", param="model", retry_after=7.0)


def of_replica(cause):
    """As Ray raises it here: what a replica raised, or a subclass of both."""
    return RayTaskError("write", "the traceback there", cause)


def gone():
    return RayActorError()


def full():
    return BackPressureError(num_queued_requests=1, max_queued_requests=1)


class Response:
    """What `handle.method.remote()` returns: an answer, items, an error after some, or nothing for ever."""

    def __init__(self, answer=None, items=(), error=None, hangs=False):
        self.answer, self.items, self.error, self.hangs, self.cancelled = answer, items, error, hangs, False

    async def _end(self):
        if self.hangs:
            await asyncio.Event().wait()
        if self.error:
            raise self.error
        return self.answer

    def __await__(self):
        return self._end().__await__()

    async def __aiter__(self):
        for item in self.items:
            yield item
        await self._end()

    def cancel(self):
        self.cancelled = True


class Remote:
    """Gives the responses one by one."""

    def __init__(self, *responses):
        self.left, self.given = list(responses), []

    def __call__(self):
        self.given.append(self.left.pop(0))
        return self.given[-1]


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """Those that were made, in multiples of the first; none takes time."""
    made, original = [], asyncio.sleep
    monkeypatch.setattr(calling, "PAUSE_S", 0)
    monkeypatch.setattr(calling.asyncio, "sleep", lambda seconds: made.append(seconds) or original(0))
    return made


def called(remote):
    return asyncio.run(call(remote))


def streamed(remote):
    """What came, and the error after it."""

    async def run():
        came = []
        try:
            async for item in stream(remote):
                came.append(item)
        except Exception as error:
            return came, error
        return came, None

    return asyncio.run(run())


def test_an_answer_is_handed_on():
    assert called(Remote(Response("answer"))) == "answer"
    assert streamed(Remote(Response(items=(1, 2)))) == ([1, 2], None)


@pytest.mark.parametrize("error", [gone, lambda: DeploymentUnavailableError("embedding tiny")])
def test_a_replica_that_is_gone_is_asked_again(error, pauses):
    assert called(Remote(*(Response(error=error()) for _ in range(TRIES - 1)), Response("late"))) == "late"
    assert len(pauses) == TRIES - 1
    assert streamed(Remote(Response(error=error()), Response(items=(1, 2)))) == ([1, 2], None)


def test_each_pause_is_twice_the_one_before(monkeypatch, pauses):
    monkeypatch.setattr(calling, "PAUSE_S", 0.5)
    called(Remote(*(Response(error=gone()) for _ in range(3)), Response("late")))
    assert pauses == [0.5, 1.0, 2.0]


def test_after_the_last_try_no_replica_answers(pauses):
    remote = Remote(*(Response(error=gone()) for _ in range(TRIES + 1)))
    with pytest.raises(ServingError) as caught:
        called(remote)
    assert (caught.value.status, caught.value.code) == (503, "unavailable") and caught.value.retry_after
    assert len(remote.given) == TRIES and len(pauses) == TRIES - 1
    came, error = streamed(Remote(*(Response(error=gone()) for _ in range(TRIES))))
    assert came == [] and (error.status, error.code) == (503, "unavailable")


def test_a_stream_that_has_begun_is_not_begun_again(pauses):
    remote = Remote(Response(items=("a", "b"), error=gone()), Response(items=("a", "b", "c")))
    came, error = streamed(remote)
    assert came == ["a", "b"] and (error.status, error.code) == (503, "unavailable")
    assert len(remote.given) == 1 and pauses == []


@pytest.mark.parametrize("error", [of_replica(DAMAGED), of_replica(DAMAGED).as_instanceof_cause(), DAMAGED])
def test_a_replicas_own_error_is_told_as_it_is_and_not_tried_again(error):
    remote = Remote(Response(error=error))
    with pytest.raises(ServingError) as caught:
        called(remote)
    assert caught.value is DAMAGED
    assert streamed(Remote(Response(items=(1,), error=error)))[1] is DAMAGED


def test_what_travelled_in_pickles_still_says_when_to_come_again():
    with pytest.raises(ServingError) as caught:
        called(Remote(Response(error=of_replica(pickle.loads(pickle.dumps(DAMAGED))))))
    assert vars(caught.value) == vars(DAMAGED) and caught.value.retry_after == 7.0


def test_a_full_queue_is_429_and_not_tried_again():
    remote = Remote(Response(error=full()))
    with pytest.raises(ServingError) as caught:
        called(remote)
    error = caught.value
    assert (error.status, error.code, error.kind) == (429, "queue_full", "rate_limit_error") and error.retry_after > 0
    assert streamed(Remote(Response(error=full())))[1].status == 429


@pytest.mark.parametrize("error", [ValueError("a mistake of ours"), of_replica(ValueError("a mistake there"))])
def test_a_mistake_is_neither_tried_again_nor_dressed_up(error):
    with pytest.raises(type(error)) as caught:
        called(Remote(Response(error=error)))
    assert caught.value is error
    assert streamed(Remote(Response(error=error)))[1] is error


def test_a_call_that_is_cancelled_is_cancelled_in_the_replica():
    remote = Remote(Response(hangs=True))

    async def run():
        task = asyncio.create_task(call(remote))
        while not remote.given:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert [one.cancelled for one in remote.given] == [True]


def test_only_the_try_that_is_under_way_is_cancelled():
    remote = Remote(Response(error=gone()), Response(hangs=True))

    async def run():
        task = asyncio.create_task(call(remote))
        while len(remote.given) < 2:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    asyncio.run(run())
    assert [one.cancelled for one in remote.given] == [False, True]


def test_closing_a_stream_cancels_it_in_the_replica():
    remote = Remote(Response(items=(1, 2)))

    async def run():
        running = stream(remote)
        assert await anext(running) == 1
        assert not remote.given[0].cancelled
        await running.aclose()

    asyncio.run(run())
    assert remote.given[0].cancelled


def test_cancelling_the_reader_of_a_stream_cancels_it_in_the_replica():
    remote, came = Remote(Response(items=(1,), hangs=True)), []

    async def read():
        async for item in stream(remote):
            came.append(item)

    async def run():
        task = asyncio.create_task(read())
        while not came:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    assert remote.given[0].cancelled


def test_an_answer_cancels_nothing():
    remote = Remote(Response("answer"), Response(items=(1,)))
    called(remote)
    streamed(remote)
    assert not any(one.cancelled for one in remote.given)
