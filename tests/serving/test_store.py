"""Each promise of the store by itself; tests/serving/test_store_machine.py looks for orders that break one."""

import asyncio
import contextlib
import logging
import threading
from dataclasses import dataclass

import pytest

from common.errors import AdapterError
from serving.records import ServingError
from serving.store import AdapterStore
from tests.serving.some_adapters import some_adapter

A, B, C, D = (some_adapter(name) for name in "ABCD")


@dataclass
class Weights:
    name: str
    bytes: int = 10


class Engine:
    """Loads at once, unless a name is in `gates`; fails for those in `broken`."""

    def __init__(self):
        self.log, self.gates, self.broken, self.sizes = [], {}, {}, {}

    def load(self, adapter):
        self.log.append(f"load {adapter.name}")
        if gate := self.gates.get(adapter.name):
            gate.wait()
        if error := self.broken.get(adapter.name):
            raise error
        return Weights(adapter.name, self.sizes.get(adapter.name, 10))

    def unload(self, weights):
        self.log.append(f"unload {weights.name}")

    def store(self, limit_bytes=20, **options):
        return AdapterStore(self.load, self.unload, limit_bytes=limit_bytes, **options)


@pytest.fixture
def engine():
    return Engine()


async def use(store, *adapters):
    for adapter in adapters:
        async with store.hold(adapter) as weights:
            assert weights.name == adapter.name


async def until(condition):
    while not condition():
        await asyncio.sleep(0.001)


async def refusal(store, adapter):
    with pytest.raises(ServingError) as caught:
        await use(store, adapter)
    return caught.value


def of(store, adapter):
    return next(one for one in store.stats().adapters if one.adapter == adapter)


def test_the_longest_unused_leaves_after_the_new_one_is_loaded(engine):
    async def run():
        store = engine.store()
        await use(store, A, B, A, C)
        await store.close()

    asyncio.run(run())
    assert engine.log[:4] == ["load A", "load B", "load C", "unload B"]
    assert sorted(engine.log[4:]) == ["unload A", "unload C"]


def test_as_many_leave_as_must_and_no_more(engine):
    engine.sizes["D"] = 15

    async def run():
        store = engine.store(limit_bytes=30)
        await use(store, A, B, C, D)
        assert store.bytes == 25
        assert [one.adapter.name for one in store.stats().adapters if one.loaded] == ["C", "D"]

    asyncio.run(run())


def test_what_is_in_use_is_never_evicted(engine):
    async def run():
        store = engine.store()
        async with store.hold(A):
            await use(store, B, C, D)
            assert "unload A" not in engine.log
            await use(store, A)
        assert of(store, A).loads == 1

    asyncio.run(run())


def test_two_requests_at_once_are_one_load(engine):
    async def run():
        store = engine.store()
        await asyncio.gather(*(use(store, A) for _ in range(5)))
        assert engine.log == ["load A"]
        assert (of(store, A).misses, of(store, A).hits, of(store, A).loads) == (5, 0, 1)
        await use(store, A)
        assert (of(store, A).misses, of(store, A).hits) == (5, 1)

    asyncio.run(run())


def test_loads_run_side_by_side(engine):
    both = threading.Barrier(2)
    engine.gates = {"A": both, "B": both}  # neither would end without the other

    async def run():
        store = engine.store()
        await asyncio.gather(use(store, A), use(store, B))

    asyncio.run(run())
    assert sorted(engine.log) == ["load A", "load B"]


def test_what_is_loaded_serves_while_another_loads(engine):
    engine.gates["B"] = threading.Event()

    async def run():
        store = engine.store()
        await use(store, A)
        slow = asyncio.create_task(use(store, B))
        await until(lambda: "load B" in engine.log)
        await use(store, A)
        engine.gates["B"].set()
        await slow

    asyncio.run(run())


def test_a_failed_load_harms_nobody_and_is_told_by_name(engine):
    engine.broken["C"] = AdapterError("the weights are damaged", "train it again")

    async def run():
        store = engine.store()
        await use(store, A, B)
        error = await refusal(store, C)
        assert (error.status, error.code, error.param) == (503, "adapter_unavailable", "model")
        assert "C@1" in error.message
        assert "the weights are damaged" in error.message
        await use(store, A, B)
        assert engine.log == ["load A", "load B", "load C"]
        assert of(store, C).failures == 1

    asyncio.run(run())


def test_all_who_wait_for_a_failed_load_are_told(engine):
    engine.broken["A"] = AdapterError("damaged")

    async def run():
        store = engine.store()
        errors = await asyncio.gather(refusal(store, A), refusal(store, A))
        assert errors[0] is not errors[1]
        assert engine.log == ["load A"]

    asyncio.run(run())


def test_a_failure_is_remembered_for_a_while(engine):
    engine.broken["A"] = AdapterError("damaged")
    now = [100.0]

    async def run():
        store = engine.store(remember_s=10, clock=lambda: now[0])
        assert (await refusal(store, A)).retry_after == 10
        now[0] += 4
        again = await refusal(store, A)
        assert again.retry_after == 6
        assert "damaged" in again.message
        assert engine.log == ["load A"]
        now[0] += 7
        engine.broken.clear()
        await use(store, A)

    asyncio.run(run())
    assert engine.log == ["load A", "load A"]


def test_a_mistake_of_ours_is_logged_and_not_told_to_clients(engine, caplog):
    engine.broken["A"] = KeyError("/secret/place")

    async def run():
        return await refusal(engine.store(), A)

    error = asyncio.run(run())
    assert "KeyError" in error.message
    assert "secret" not in error.message
    assert any(record.exc_info for record in caplog.records if record.levelno == logging.WARNING)


def test_one_that_goes_while_it_waits_takes_nothing_from_the_others(engine):
    engine.gates["A"] = threading.Event()

    async def run():
        store = engine.store()
        first, second = (asyncio.create_task(use(store, A)) for _ in range(2))
        await until(lambda: engine.log == ["load A"])
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await first
        engine.gates["A"].set()
        await second
        assert of(store, A).refs == 0

    asyncio.run(run())
    assert engine.log == ["load A"]


def test_a_load_that_nobody_waits_for_any_more_is_kept_for_the_next(engine):
    engine.gates["A"] = threading.Event()

    async def run():
        store = engine.store()
        only = asyncio.create_task(use(store, A))
        await until(lambda: engine.log == ["load A"])
        only.cancel()
        engine.gates["A"].set()
        await until(lambda: of(store, A).loaded)
        await use(store, A)

    asyncio.run(run())
    assert engine.log == ["load A"]


def test_with_everything_in_use_one_waits_for_a_release(engine):
    async def run():
        store = engine.store(limit_bytes=10)
        async with store.hold(A):
            waiting = asyncio.create_task(use(store, B))
            await until(lambda: "load B" in engine.log)
            await asyncio.sleep(0.01)
            assert not waiting.done()
            assert store.bytes == 10
        await waiting
        assert [one.adapter.name for one in store.stats().adapters if one.loaded] == ["B"]

    asyncio.run(run())


def test_one_that_goes_while_it_waits_for_room_leaves_nothing_behind(engine):
    async def run():
        store = engine.store(limit_bytes=10)
        async with store.hold(A):
            waiting = asyncio.create_task(use(store, B))
            await until(lambda: "load B" in engine.log)
            waiting.cancel()
            await until(lambda: "unload B" in engine.log)
            assert store.stats().loading == 0
            await use(store, A)

    asyncio.run(run())
    assert engine.log == ["load A", "load B", "unload B"]


def test_the_wait_for_a_release_ends(engine):
    async def run():
        store = engine.store(limit_bytes=10, wait_s=0.02)
        async with store.hold(A):
            error = await refusal(store, B)
            assert (error.status, error.code, error.retry_after) == (503, "adapter_unavailable", 0.02)
            assert "B@1" in error.message
            assert of(store, B).failures == 0, "the adapter is not to blame"
        await use(store, B)
        await store.close()

    asyncio.run(run())
    assert engine.log.count("load B") == engine.log.count("unload B") == 2


def test_the_wait_for_a_turn_to_load_ends(engine):
    engine.gates["A"] = threading.Event()

    async def run():
        store = engine.store(loaders=1, wait_s=0.02)
        slow = asyncio.create_task(use(store, A))
        await until(lambda: engine.log == ["load A"])
        error = await refusal(store, B)
        assert error.retry_after == 0.02
        engine.gates["A"].set()
        await slow  # loading itself may take longer than the wait

    asyncio.run(run())
    assert engine.log == ["load A"]


def test_one_that_can_never_fit_is_refused_at_once(engine):
    engine.sizes["C"] = 21

    async def run():
        store = engine.store()
        await use(store, A, B)
        assert "21 bytes" in (await refusal(store, C)).message
        assert store.bytes == 20
        await store.close()

    asyncio.run(run())
    assert engine.log[:4] == ["load A", "load B", "load C", "unload C"]


def test_two_digests_of_one_name_live_side_by_side(engine):
    other = some_adapter("A", "2")

    async def run():
        store = engine.store()
        async with store.hold(A) as old, store.hold(other) as new:
            assert old is not new
        assert store.bytes == 20

    asyncio.run(run())


def test_preloading_stops_when_it_is_full_and_tells_what_is_left(engine):
    engine.broken["B"] = AdapterError("damaged")

    async def run():
        store = engine.store(loaders=1)
        left = await store.preload([A, B, C, D])
        assert [(adapter.name, error.code) for adapter, error in left] == [
            ("B", "adapter_unavailable"), ("D", "adapter_unavailable")
        ]  # fmt: skip
        assert "damaged" in left[0][1].message
        assert "full" in left[1][1].message

    asyncio.run(run())
    assert engine.log == ["load A", "load B", "load C"]


def test_closing_serves_those_who_have_come_and_nobody_else(engine):
    engine.gates["B"] = threading.Event()

    async def run():
        store = engine.store()
        waiting = asyncio.create_task(use(store, B))
        async with store.hold(A):
            closing = asyncio.create_task(store.close())
            await asyncio.sleep(0)
            await until(lambda: "load B" in engine.log)
            assert (await refusal(store, A)).status == 503
            engine.gates["B"].set()
            await waiting
            assert not closing.done()
            assert "unload A" not in engine.log
        await closing
        assert store.bytes == 0

    asyncio.run(run())
    assert sorted(engine.log) == ["load A", "load B", "unload A", "unload B"]


def test_an_unload_that_fails_is_logged_and_the_store_goes_on(engine, caplog):
    async def run():
        store = engine.store(limit_bytes=10)
        await use(store, A, B, A)
        await store.close()

    def unload(weights):
        raise RuntimeError("stuck")

    engine.unload = unload
    asyncio.run(run())
    assert "could not be unloaded" in caplog.text
