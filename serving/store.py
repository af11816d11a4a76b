"""Adapters in a replica's memory: counted while in use, loaded side by side, the longest unused leave.

What loading and unloading mean is the engine's; this is the order in which they happen. By digest: two digests of one
name are two entries, so that requests for the old one drain while the new one serves. All methods run in one event
loop, and nothing is awaited between looking at the table and changing it; only `load` and `unload` run in threads.

An entry's life: wait for a turn to load → load → wait for room → ready → unused → unloaded. It is loaded before
others leave, so a load that fails costs nobody an adapter, and memory exceeds the limit by those that are on their
way in or out: as many as may load side by side.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from common.errors import UserError
from serving.records import Adapter, ServingError
from serving.store_stats import AdapterStats, StoreStats, Tally

log = logging.getLogger(__name__)

CODE = "adapter_unavailable"


class Loaded(Protocol):
    """What `load` gives."""

    @property
    def bytes(self) -> int:
        """Memory that it takes; the same as long as it is loaded."""


T = TypeVar("T", bound=Loaded)


@dataclass
class _Entry(Generic[T]):
    adapter: Adapter
    refs: int = 0  # counted from the first wait on: between ready and its waiters' turn nobody may evict it
    loaded: T | None = None
    size: int = 0
    error: ServingError | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def idle(self) -> bool:
        return self.loaded is not None and not self.refs


class AdapterStore(Generic[T]):
    """The adapters of one replica, by digest."""

    def __init__(
        self,
        load: Callable[[Adapter], T],
        unload: Callable[[T], None],
        *,
        limit_bytes: int,
        loaders: int = 4,
        wait_s: float = 30.0,
        remember_s: float = 10.0,
        pool: Executor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`load` and `unload` may block: they run in `pool`, by default threads of the store's own.

        `limit_bytes`: of all that are ready. `loaders`: loads side by side. `wait_s`: how long a request waits for a
        turn and for room, loading apart. `remember_s`: how long a failed load is not tried again, by `clock`.
        """
        self._load, self._unload, self._limit, self._loaders = load, unload, limit_bytes, loaders
        self._wait_s, self._remember_s, self._clock = wait_s, remember_s, clock
        self._pool = pool or ThreadPoolExecutor(loaders, thread_name_prefix="adapter")
        self._entries: dict[str, _Entry[T]] = {}  # of those that are idle, the longest unused first
        self._failed: dict[str, tuple[float, ServingError]] = {}
        self._tallies: dict[str, Tally] = {}
        self._turns = asyncio.Semaphore(loaders)
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def bytes(self) -> int:
        """Of the adapters that are ready; at most the limit."""
        return sum(entry.size for entry in self._entries.values())

    @asynccontextmanager
    async def hold(self, adapter: Adapter) -> AsyncIterator[T]:
        """The adapter, loaded, which stays so within the block.

        Raises `ServingError` (503, `adapter_unavailable`) where it cannot be loaded, or for want of room or of a turn
        to load after `wait_s`. One that is cancelled while it waits takes nothing from others who wait.
        """
        entry = self._entry(adapter)
        entry.refs += 1
        try:
            await entry.ready.wait()
            if entry.error is not None:
                raise copy.copy(entry.error)  # each waiter's traceback is its own
            assert entry.loaded is not None
            yield entry.loaded
        finally:
            self._release(entry)

    async def preload(self, adapters: Sequence[Adapter]) -> list[tuple[Adapter, ServingError]]:
        """Load them, the most important first, until it is full; returns those that were not, and why.

        Full is where another of the largest size so far would displace one.
        """
        left: list[tuple[Adapter, ServingError]] = []
        queue = iter(adapters)

        async def loader() -> None:
            for adapter in queue:
                if adapter.digest not in self._entries and not self._likely_fits():
                    left.append((adapter, self._unavailable(adapter, "the store is full", None)))
                    continue
                try:
                    async with self.hold(adapter):
                        pass
                except ServingError as error:
                    left.append((adapter, error))

        await asyncio.gather(*(loader() for _ in range(self._loaders)))
        return left

    def stats(self) -> StoreStats:
        """Counts and sizes as they are now."""
        adapters = []
        for digest, tally in self._tallies.items():
            entry = self._entries.get(digest)
            refs, ready = (entry.refs, entry.loaded is not None) if entry else (0, False)
            adapters.append(AdapterStats(loaded=ready, bytes=entry.size if entry else 0, refs=refs, **vars(tally)))
        loading = sum(entry.loaded is None for entry in self._entries.values())
        return StoreStats(self._limit, self.bytes, loading, tuple(adapters))

    async def close(self) -> None:
        """Refuse new requests, serve those that wait, and unload each adapter once it is unused; returns after that."""
        self._closed = True
        while self._entries:
            if idle := [entry for entry in self._entries.values() if entry.idle]:
                await self._put_out(self._take(idle))
            else:
                await self._change()
        await asyncio.gather(*self._tasks)
        self._pool.shutdown(wait=False)

    def _entry(self, adapter: Adapter) -> _Entry[T]:
        """The entry of an adapter, for a request that comes now; a new one begins to load."""
        if self._closed:
            raise self._unavailable(adapter, "the server is stopping", self._wait_s)
        if known := self._failed.get(adapter.digest):
            until, error = known
            if (left := until - self._clock()) > 0:
                again = copy.copy(error)
                again.retry_after = left
                raise again
            del self._failed[adapter.digest]
        tally = self._tallies.setdefault(adapter.digest, Tally(adapter))
        entry = self._entries.get(adapter.digest)
        if entry is not None and entry.loaded is not None:
            tally.hits += 1
            return entry
        tally.misses += 1
        if entry is None:
            entry = self._entries[adapter.digest] = _Entry(adapter)
            task = asyncio.create_task(self._bring(entry))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return entry

    def _release(self, entry: _Entry[T]) -> None:
        entry.refs -= 1
        digest = entry.adapter.digest
        if self._entries.get(digest) is entry:
            self._entries[digest] = self._entries.pop(digest)  # to the end: the last used
        self._changed.set()

    async def _bring(self, entry: _Entry[T]) -> None:
        """Make an entry ready, or give it an error; those that wait are told of either."""
        until = asyncio.get_running_loop().time() + self._wait_s
        try:
            async with asyncio.timeout_at(until):
                await self._turns.acquire()
        except TimeoutError:
            self._give_up(entry, "other adapters are being loaded", self._wait_s)
            return
        try:
            await self._load_and_admit(entry, until)
        finally:
            self._turns.release()

    async def _load_and_admit(self, entry: _Entry[T], until: float) -> None:
        if not entry.refs:  # all have gone while it waited for its turn
            self._give_up(entry, "nobody waits for it", None)
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._tallies[entry.adapter.digest].loads += 1
        try:
            loaded, size = await loop.run_in_executor(self._pool, self._measured, entry.adapter)
        except Exception as error:
            self._fail(entry, _reason(error))
            log.warning(
                "adapter %s: %s", entry.adapter, error, exc_info=not isinstance(error, (UserError, ServingError))
            )
            return
        out = await self._admit(entry, loaded, size, until + loop.time() - began)
        if out:
            await self._put_out(out)

    async def _admit(self, entry: _Entry[T], loaded: T, size: int, until: float) -> list[T]:
        """Make it ready once there is room; returns what must be unloaded, itself where there was none."""
        if size > self._limit:
            self._fail(entry, f"it takes {size:,} bytes, and all together may take {self._limit:,}")
            return [loaded]
        while (idle := self._victims(size)) is None:
            if not entry.refs:
                self._give_up(entry, "nobody waits for it", None)
                return [loaded]
            try:
                async with asyncio.timeout_at(until):
                    await self._change()
            except TimeoutError:
                self._give_up(entry, "the adapters in use leave no room for it", self._wait_s)
                return [loaded]
        for victim in idle:
            self._tallies[victim.adapter.digest].evictions += 1
        out = self._take(idle)
        entry.loaded, entry.size = loaded, size
        entry.ready.set()
        self._changed.set()
        return out

    def _victims(self, size: int) -> list[_Entry[T]] | None:
        """The longest unused entries that must leave before `size` bytes fit; None where not even all would do."""
        over = self.bytes + size - self._limit
        victims = []
        for entry in self._entries.values():
            if over <= 0:
                break
            if entry.idle:
                victims.append(entry)
                over -= entry.size
        return victims if over <= 0 else None

    def _likely_fits(self) -> bool:
        largest = max((entry.size for entry in self._entries.values()), default=0)
        coming = 1 + sum(entry.loaded is None for entry in self._entries.values())
        return self.bytes + coming * largest <= self._limit

    def _take(self, idle: Sequence[_Entry[T]]) -> list[T]:
        """Take entries out of the table, so that nobody can get them any more; returns what they held."""
        for entry in idle:
            del self._entries[entry.adapter.digest]
        return [entry.loaded for entry in idle if entry.loaded is not None]

    def _measured(self, adapter: Adapter) -> tuple[T, int]:
        loaded = self._load(adapter)
        return loaded, loaded.bytes

    async def _put_out(self, out: Sequence[T]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, self._unload_all, out)

    def _unload_all(self, out: Sequence[T]) -> None:
        for loaded in out:
            try:
                self._unload(loaded)
            except Exception:  # it has left the table: all that is lost is its memory
                log.exception("an adapter could not be unloaded")

    async def _change(self) -> None:
        """Wait until something was released, became ready or failed."""
        self._changed.clear()
        await self._changed.wait()

    def _fail(self, entry: _Entry[T], reason: str) -> None:
        """As `_give_up`, and remembered: the fault is the adapter's."""
        now = self._clock()
        self._failed = {digest: known for digest, known in self._failed.items() if known[0] > now}
        self._give_up(entry, f"it cannot be loaded: {reason}", self._remember_s)
        assert entry.error is not None
        self._failed[entry.adapter.digest] = now + self._remember_s, entry.error
        self._tallies[entry.adapter.digest].failures += 1

    def _give_up(self, entry: _Entry[T], reason: str, retry_after: float | None) -> None:
        del self._entries[entry.adapter.digest]
        entry.error = self._unavailable(entry.adapter, reason, retry_after)
        entry.ready.set()
        self._changed.set()

    def _unavailable(self, adapter: Adapter, reason: str, retry_after: float | None) -> ServingError:
        return ServingError(
            503, f"the adapter {adapter} is not available: {reason}", param="model", code=CODE, retry_after=retry_after
        )


def _reason(error: Exception) -> str:
    """What a client may know of it: our own errors are written for people, others may say anything."""
    return error.message if isinstance(error, (UserError, ServingError)) else type(error).__name__
