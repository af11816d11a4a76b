"""Any order of requests, releases, cancellations, loads that end well or badly: what the store promises holds."""

import asyncio
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from common.errors import AdapterError
from serving.records import Adapter, ServingError
from serving.store import AdapterStore
from tests.serving.some_adapters import some_adapter

SIZES = {"A": 3, "B": 4, "C": 5, "D": 8, "F": 10}
ADAPTERS = {name: some_adapter(name) for name in SIZES}
LIMIT = 9  # room for one or two, so that waiting and evicting are the rule
LOADERS = 3


@dataclass(eq=False)
class Weights:
    name: str
    bytes: int
    unloaded: int = 0


@dataclass(eq=False)
class Request:
    name: str
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    weights: Weights | None = None
    error: ServingError | None = None
    task: asyncio.Task | None = None


class Jobs(Executor):
    """Threads that do nothing until they are told to: the machine decides the order in which jobs end."""

    def __init__(self):
        self.waiting = []

    def submit(self, function, /, *arguments):
        future = Future()
        future.set_running_or_notify_cancel()
        self.waiting.append((future, function, arguments))
        return future

    def run(self, index):
        future, function, arguments = self.waiting.pop(index)
        try:
            future.set_result(function(*arguments))
        except AdapterError as error:
            future.set_exception(error)

    def loads(self):
        return [first for _, _, (first,) in self.waiting if isinstance(first, Adapter)]

    def unloads(self):
        return [weights for _, _, (first,) in self.waiting if isinstance(first, list) for weights in first]

    def shutdown(self, wait=True, *, cancel_futures=False):
        assert not self.waiting


class StoreMachine(RuleBasedStateMachine):
    @initialize()
    def start(self):
        self.loop = asyncio.new_event_loop()
        self.jobs, self.loaded, self.requests, self.breaks = Jobs(), [], [], False
        self.begun = 0
        self.now = 0.0
        self.store = AdapterStore(
            self.load, self.unload, limit_bytes=LIMIT, loaders=LOADERS, wait_s=1e9, remember_s=10, pool=self.jobs,
            clock=lambda: self.now,
        )  # fmt: skip

    def load(self, adapter):
        self.begun += 1
        if self.breaks:
            raise AdapterError("damaged")
        weights = Weights(adapter.name, SIZES[adapter.name])
        self.loaded.append(weights)
        return weights

    def unload(self, weights):
        assert not any(one.weights is weights for one in self.holding()), "evicted while in use"
        weights.unloaded += 1

    def holding(self):
        return [one for one in self.requests if one.weights is not None]

    def waiting(self):
        return [one for one in self.requests if one.weights is None]

    def settle(self):
        async def turns():
            for _ in range(12):  # more than the longest chain of wake-ups
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())
        self.requests = [one for one in self.requests if not one.task.done()]

    async def serve(self, request):
        try:
            async with self.store.hold(ADAPTERS[request.name]) as weights:
                assert weights.name == request.name
                request.weights = weights
                try:
                    await request.let_go.wait()
                finally:
                    request.weights = None
        except ServingError as error:
            assert (error.status, error.code) == (503, "adapter_unavailable")
            assert f"{request.name}@1" in error.message
            assert SIZES[request.name] > LIMIT or "damaged" in error.message

    @rule(name=st.sampled_from(sorted(SIZES)))
    def ask(self, name):
        request = Request(name)
        request.task = self.loop.create_task(self.serve(request))
        self.requests.append(request)
        self.settle()

    @precondition(lambda self: self.jobs.waiting)
    @rule(data=st.data(), breaks=st.sampled_from([False, False, False, False, True]))
    def end_a_job(self, data, breaks):
        self.breaks = breaks
        self.jobs.run(data.draw(st.integers(0, len(self.jobs.waiting) - 1)))
        self.settle()

    @precondition(lambda self: self.holding())
    @rule(data=st.data())
    def release(self, data):
        data.draw(st.sampled_from(self.holding())).let_go.set()
        self.settle()

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def cancel(self, data):
        data.draw(st.sampled_from(self.requests)).task.cancel()
        self.settle()

    @rule()
    def time_passes(self):
        self.now += 11

    @invariant()
    def the_limit_holds(self):
        stats = self.store.stats()
        assert stats.bytes == sum(one.bytes for one in stats.adapters) <= LIMIT

    @invariant()
    def what_is_in_use_is_loaded_and_once(self):
        for one in self.holding():
            assert one.weights.unloaded == 0
        assert len({one.weights for one in self.holding()}) == len({one.name for one in self.holding()})

    @invariant()
    def references_are_counted(self):
        refs = {one.adapter.name: one.refs for one in self.store.stats().adapters}
        for name in SIZES:
            assert refs.get(name, 0) == sum(one.name == name for one in self.requests)

    @invariant()
    def nobody_waits_while_evicting_the_unused_would_help(self):
        stats = self.store.stats()
        used = sum(one.bytes for one in stats.adapters if one.refs)
        alive = {one.name for one in self.loaded if not one.unloaded}
        ready = {one.adapter.name for one in stats.adapters if one.loaded}
        going = {one.name for one in self.jobs.unloads()}
        for one in self.waiting():
            if one.name in alive - ready - going:
                assert used + SIZES[one.name] > LIMIT

    @invariant()
    def loads_are_counted_and_bounded(self):
        stats = self.store.stats()
        assert len(self.jobs.waiting) <= LOADERS
        assert sum(one.loads for one in stats.adapters) == self.begun + len(self.jobs.loads())

    def teardown(self):
        for one in self.requests:
            one.let_go.set()
        closing = self.loop.create_task(self.store.close())
        self.settle()
        # more steps than it can need: loads that nobody waits for any more end and are unloaded, too
        for _ in range(4 * (len(self.loaded) + len(self.requests) + 2 * len(SIZES))):
            if self.jobs.waiting:
                self.jobs.run(0)
            self.settle()
        assert closing.done(), "somebody waits for ever"
        closing.result()
        assert not self.requests
        assert self.store.bytes == 0
        assert all(one.unloaded == 1 for one in self.loaded)
        self.loop.close()


StoreMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestStore = StoreMachine.TestCase
