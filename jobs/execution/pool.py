"""Judging over a Ray cluster: one actor a CPU, each with sandboxes of its own.

The driver is one loop over events: work has come, an actor is there, a unit is over, an actor hands back. An actor has
two units at most, so that it does not wait for the driver; an actor that runs dry gets what others have not begun.
Work is pulled by a thread, one piece at a time and only while little is waiting: it may come from a model that is
still writing.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pydantic import Field

from common.config import Config
from common.corpora.problems.record import CodeProblem
from common.errors import UserError
from jobs.execution.actor import CONTROL, Actor, ActorRecord, Judge
from jobs.execution.backlog import Backlog, Item, Unit
from jobs.execution.shelf import Shelf
from jobs.execution.verdicts import Verdict
from jobs.ray_session import ClusterConfig

log = logging.getLogger(__name__)
UNDER_WAY = 2  # units that an actor has at a time
AHEAD = 2.0  # units waiting for each actor, beyond which no more work is pulled
WAITING_BYTES = 256 << 20  # of tests, beyond which no more work is pulled
OVERTIME = 2.0  # times its intended length after which a unit hands back what it has not begun
ACTOR_DIED = "its actor died"  # how the error of a candidate begins that was given up
GOODBYE = 2.0  # seconds for actors to end their sandboxes
LOST_STARTS = 5  # actors in a row that die before they have started


class PoolConfig(Config):
    """Where candidates are run."""

    address: str | None = None
    """Ray address (`auto`, HOST:PORT, ray://…); none = RAY_ADDRESS, or a local cluster for this run."""
    num_workers: int | None = Field(None, ge=1)
    """Actors that run candidates, one CPU each; none = one for each CPU that is free when the job begins."""
    unit_seconds: float = Field(0.3, gt=0)
    """What an actor gets at a time is about so long. Longer: fewer messages for the driver."""
    attempts: int = Field(3, ge=1)
    """Times that an actor may die over a candidate before the candidate counts as killed."""

    @property
    def session(self) -> ClusterConfig:
        """For `jobs.ray_session.connected`."""
        return ClusterConfig(address=self.address, num_workers=self.num_workers or 1, use_gpu=False)


@dataclass(frozen=True)
class Work:
    """Items of one problem."""

    problem: CodeProblem
    items: tuple[Item, ...]


@dataclass(eq=False)
class _Worker:
    """An actor as the driver sees it."""

    handle: Any
    units: deque[Unit] = field(default_factory=deque)
    ready: bool = False
    asked: bool = False
    """It is being asked to hand back."""

    def unbegun(self) -> int:
        """Items that it may be able to hand back."""
        return sum(len(unit.items) - (not place) for place, unit in enumerate(self.units) if not unit.settled)


Event = Callable[[], Iterable[Verdict]]


class Pool:
    """Runs work on the cluster that this process is connected to; `make` makes an evaluator in each actor."""

    def __init__(
        self, config: PoolConfig, make: Callable[[], Judge], on_start: Callable[[ActorRecord], None] | None = None
    ) -> None:
        self._config, self._make, self._on_start = config, make, on_start
        self._backlog = Backlog(config.unit_seconds, config.attempts)
        self._shelf = Shelf()
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._workers: set[_Worker] = set()
        self._starting = self._lost_starts = 0
        self._hungry: tuple[dict[_Worker, None], ...] = tuple({} for _ in range(UNDER_WAY))

    def run(self, work: Iterable[Work]) -> Generator[Verdict]:
        """The verdicts as they come, exactly one for each item; close the generator to end the actors.

        Where the iterator raises, what it had given before is judged first. Raises `UserError` where no sandbox can be
        made on a node, or actors die one after the other before they have started.
        """
        import ray

        free = int(ray.available_resources().get("CPU", 0))
        self._limit = self._config.num_workers or max(1, free)
        self._remote = ray.remote(num_cpus=1, max_restarts=0, concurrency_groups={CONTROL: 1})(Actor)
        source = _Source(work, self._events, self._arrived)
        try:
            while True:
                self._dispatch()
                if source.over and not self._backlog.open:
                    break
                little = self._backlog.seconds < AHEAD * self._config.unit_seconds * self._limit
                if little and self._shelf.bytes < WAITING_BYTES:
                    source.pull()
                yield from self._events.get()()
            if source.error:
                raise source.error
        finally:
            source.stop()
            self._end()

    def _arrived(self, work: Work) -> Iterable[Verdict]:
        new = self._backlog.add(work.items)
        self._shelf.add(work.problem, len(new))
        return ()

    def _dispatch(self) -> None:
        """Give out units, idle actors first; where nothing is left, ask those that have too much; start actors."""
        for depth, hungry in enumerate(self._hungry):
            for worker in list(hungry) if self._backlog.waiting else ():
                if depth and worker.units[0].alone:
                    continue
                unit = self._backlog.take(self._limit, idle=not depth)
                if unit is None:
                    break
                self._give(worker, unit)
        if not self._backlog.waiting:
            self._ask_for_work()
        while self._backlog.waiting > self._starting and len(self._workers) < self._limit:
            self._start()

    def _give(self, worker: _Worker, unit: Unit) -> None:
        worker.units.append(unit)
        self._file(worker)
        names = dict.fromkeys(item.problem_id for item in unit.items)
        problems = {name: self._shelf.payload(name) for name in names}
        seconds = OVERTIME * self._config.unit_seconds
        self._call(worker.handle.run, unit.number, list(unit.items), problems, seconds,
                   then=partial(self._ended, worker, unit))  # fmt: skip

    def _file(self, worker: _Worker) -> None:
        """Put an actor where `_dispatch` looks for those with that many units."""
        for depth, hungry in enumerate(self._hungry):
            hungry.pop(worker, None)
            if worker.ready and len(worker.units) == depth:
                hungry[worker] = None

    def _call(self, method: Any, *given: Any, then: Callable[[Future[Any]], Iterable[Verdict]]) -> None:
        """Call an actor; `then` becomes an event when it has answered or died."""
        future = method.remote(*given).future()
        future.add_done_callback(lambda done: self._events.put(partial(then, done)))

    def _start(self) -> None:
        worker = _Worker(self._remote.remote(self._make))
        self._workers.add(worker)
        self._starting += 1
        self._call(worker.handle.start, then=partial(self._started, worker))

    def _started(self, worker: _Worker, future: Future[ActorRecord]) -> Iterable[Verdict]:
        self._starting -= 1
        if error := future.exception():
            cause = getattr(error, "cause", None)
            if isinstance(cause, Exception):
                raise cause
            self._workers.discard(worker)
            self._lost_starts += 1
            if self._lost_starts >= LOST_STARTS:
                reason = str(error).splitlines()[0]
                raise UserError(f"{LOST_STARTS} actors in a row died before they had started ({reason})",
                                "Ray's logs of the nodes say why; lack of memory is the usual reason")  # fmt: skip
            return ()
        self._lost_starts = 0
        worker.ready = True
        self._file(worker)
        if self._on_start:
            self._on_start(future.result())
        return ()

    def _ended(self, worker: _Worker, unit: Unit, future: Future[Any]) -> Iterable[Verdict]:
        if worker not in self._workers:  # it died, and all that it had was dealt with then
            return ()
        if error := future.exception():
            return self._bury(worker, error)
        worker.units.remove(unit)
        self._file(worker)
        results: Sequence[tuple[Verdict, float]] = future.result()
        self._backlog.put_back(unit.items[len(results) :])
        verdicts = []
        for item, (verdict, seconds) in zip(unit.items, results, strict=False):
            if self._backlog.finished(item, seconds):
                self._shelf.release(item.problem_id)
                verdicts.append(verdict)
        return verdicts

    def _bury(self, worker: _Worker, error: BaseException) -> Iterable[Verdict]:
        """The first unit of an actor that died is suspect; of the others nothing was begun."""
        import ray

        died = isinstance(error, ray.exceptions.RayActorError)
        if not died:  # what an evaluator raises is no fault of its candidate alone: begin with a new one
            ray.kill(worker.handle)
        self._workers.discard(worker)
        worker.ready = False
        self._file(worker)
        suspect, *others = worker.units
        for unit in reversed(others):
            self._backlog.put_back(unit.items)
        reason = str(error).strip().splitlines()[0 if died else -1]
        log.warning("an actor was lost over %s: %s", _names(suspect.items), reason)
        return [self._killed(item, reason) for item in self._backlog.crashed(suspect)]

    def _killed(self, item: Item, reason: str) -> Verdict:
        log.warning("%s: given up after %d actors", _names([item]), self._config.attempts)
        status = "killed" if item.mode == "strict" else -1
        results = (status,) * self._shelf.tests(item.problem_id)
        self._shelf.release(item.problem_id)
        error = f"{ACTOR_DIED} {self._config.attempts} times: {reason}"
        return Verdict(item.problem_id, item.sample, item.mode, results, False, "killed", error[:500], 0.0, 0.0, 0)

    def _ask_for_work(self) -> None:
        """For each idle actor, ask the one that has most left to hand back what it has not begun."""
        asked = sum(worker.asked for worker in self._workers) if self._hungry[0] else 0
        for _ in range(len(self._hungry[0]) - asked):
            rich = max((w for w in self._workers if not w.asked), key=_Worker.unbegun, default=None)
            if rich is None or rich.unbegun() < 1:
                return
            rich.asked = True
            for unit in rich.units:
                unit.settled = True
            self._call(
                rich.handle.give_back.options(concurrency_group=CONTROL), [unit.number for unit in rich.units],
                then=partial(self._handed_back, rich),
            )  # fmt: skip

    def _handed_back(self, worker: _Worker, future: Future[dict[int, int]]) -> Iterable[Verdict]:
        worker.asked = False
        if worker not in self._workers or future.exception():  # it died; the event of its unit deals with it
            return ()
        for unit in reversed(worker.units):  # one that came after the question is not in the answer
            kept = future.result().get(unit.number, len(unit.items))
            self._backlog.put_back(unit.items[kept:])
            del unit.items[kept:]
        return ()

    def _end(self) -> None:
        """End all actors; those that are soon done with a candidate end their sandboxes first."""
        import ray

        ended = []
        for worker in self._workers:
            if worker.ready:
                numbers = [unit.number for unit in worker.units]
                worker.handle.give_back.options(concurrency_group=CONTROL).remote(numbers)
                ended.append(worker.handle.close.remote())
        if ended:
            ray.wait(ended, num_returns=len(ended), timeout=GOODBYE)
        for worker in self._workers:
            ray.kill(worker.handle)
        self._workers.clear()


class _Source:
    """Pulls work in a thread of its own, one piece for each `pull`."""

    def __init__(
        self, work: Iterable[Work], events: queue.SimpleQueue[Event], arrived: Callable[[Work], Iterable[Verdict]]
    ) -> None:
        self._work, self._events, self._arrived = work, events, arrived
        self._wanted = threading.Semaphore(0)
        self._pulling = self._stopped = False
        self.over = False
        self.error: BaseException | None = None
        threading.Thread(target=self._pull, name="work", daemon=True).start()

    def pull(self) -> None:
        """Ask for one more piece, unless that is being fetched."""
        if not (self._pulling or self.over):
            self._pulling = True
            self._wanted.release()

    def stop(self) -> None:
        """No more; a piece that is being made is not waited for."""
        self._stopped = True
        self._wanted.release()

    def _pull(self) -> None:
        error: BaseException | None = None
        try:
            for work in self._asked():
                self._events.put(partial(self._came, work))
        except BaseException as raised:
            error = raised
        self._events.put(partial(self._ended, error))

    def _asked(self) -> Iterable[Work]:
        pieces = iter(self._work)
        while self._wanted.acquire() and not self._stopped:
            try:
                yield next(pieces)
            except StopIteration:
                return
        if isinstance(pieces, Generator):
            pieces.close()

    def _came(self, work: Work) -> Iterable[Verdict]:
        self._pulling = False
        return self._arrived(work)

    def _ended(self, error: BaseException | None) -> Iterable[Verdict]:
        self.over, self.error = True, error
        return ()


def _names(items: Sequence[Item]) -> str:
    if not items:
        return "nothing"
    first = items[0]
    return f"problem {first.problem_id}, sample {first.sample}" + f" and {len(items) - 1} more" * (len(items) > 1)
