"""Ray Tune at work: a sweep's trials with their searcher, scheduler and bounds."""

from __future__ import annotations

import math
import os
import random
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # before ray.tune is there: the new one prints boxes at verbose=0 too

import numpy as np
import ray
import ray.tune
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search.basic_variant import BasicVariantGenerator

from jobs.training.gate import Gate
from tuning.config import SweepConfig
from tuning.member import name_of, run_member
from tuning.outcome import Trial
from tuning.plan import earlier, refuse
from tuning.progress import Progress
from tuning.searchers import Halving, Listed, Tpe
from tuning.setup import Setup, outcome_of, told
from tuning.space import Point, Space
from tuning.stopping import UNTIL, CooperativeAsha, Population, Stops
from tuning.tasks import TASKS
from tuning.trial import run_point

_RETRIES = 2
"""Times that a trial whose process died, with its node for one, begins again: it goes on from its checkpoint."""


_OF_A_TRIAL = {"memory": 1 << 20}
"""What Tune reserves for a trial itself: hardly anything, since its Ray Train run reserves what its workers take. It
must be something, and a part of a CPU would leave the workers' own not whole."""


def drive(config: SweepConfig, setup: Setup, space: Space, points: Sequence[Point] | None) -> list[Trial]:
    """Run all trials that have not ended yet, on the connected cluster; returns all of the sweep.

    `points`: those of a grid or a random choice; None where TPE chooses.
    """
    known = earlier(config, setup)
    shared = TASKS[config.job].share(setup.config(next(iter(space.corners()))), setup.folder)
    if shared is not None:
        setup = replace(setup, shared=[ray.put(shared)])  # in a list Ray passes the reference on, not its content
    return _Drive(config, setup, space, known).run(points)


def reserved(patience: float = 30.0) -> float:
    """CPUs that are still reserved; looks until there are none, or the patience (seconds) is over."""
    until = time.monotonic() + patience
    while True:
        held = ray.cluster_resources().get("CPU", 0.0) - ray.available_resources().get("CPU", 0.0)
        if held <= 0 or time.monotonic() > until:
            return max(0.0, held)
        time.sleep(0.2)


def concurrent(config: SweepConfig) -> int:
    """Trials that the cluster holds at once."""
    if config.search.concurrent:
        return config.search.concurrent
    has, one = ray.cluster_resources(), config.cluster
    places = [has.get("CPU", 0.0) / (one.num_workers * one.cpus_per_worker)]
    gpus = one.num_workers * one.gpus_per_worker
    if one.use_gpu or (one.use_gpu is None and has.get("GPU", 0.0) >= gpus):
        places.append(has.get("GPU", 0.0) / gpus)
    return max(1, math.floor(min(places) + 1e-9))


def _folder_name(trial: Any) -> str:
    """Of a trial in Tune's own storage: what TensorBoard calls it."""
    name = re.sub(r"[^\w.=+-]+", "_", told(trial.config))[:80]
    return f"{name}_{trial.trial_id}"


def _far_enough(trial: Trial, config: dict[str, Any]) -> bool:
    """Whether a trial has come to where its round of halving ends."""
    return trial.trained_steps >= max(1, round(trial.steps * config[UNTIL])) if UNTIL in config else True


class _Drive:
    """One submission."""

    def __init__(self, config: SweepConfig, setup: Setup, space: Space, known: Sequence[Trial]) -> None:
        self._config, self._setup, self._space, self._known = config, setup, space, known
        self._own = [trial for trial in known if outcome_of(setup.place(trial.id))]
        self._ended = {trial.id for trial in self._own}  # a failed one is not among them, and is tried again
        self._stops = Stops(setup.folder / "stops")
        self._names: dict[str, str] = {}  # Tune's id of each trial to ours, in the order of their beginning
        self._refused: dict[str, Trial] = {}

    def run(self, points: Sequence[Point] | None) -> list[Trial]:
        """All trials, once those that are to run have ended."""
        pbt = self._config.search.stopping == "pbt"
        if points is None:
            done = {trial.id: trial for trial in self._own}
        elif pbt:  # its members depend on each other: all are there, or all go on
            done = {trial.id: trial for trial in self._own}
            points = [] if len(done) == len(points) else points
        else:
            by_id = {self._setup.identify(point): point for point in points}
            done = {trial.id: trial for trial in self._known if trial.id in by_id}
            if self._config.search.stopping == "halving":  # a known one may go on to the next rung
                points = [point for name, point in by_id.items() if name in done or self._allowed(point)]
                points = [] if self._halving(points).finished else points
            else:
                points = [point for name, point in by_id.items() if name not in done and self._allowed(point)]
        if points or (points is None and self._left() > 0):
            done |= self._tune(points, pbt)
        return [*done.values(), *self._refused.values()]

    def _tune(self, points: Sequence[Point] | None, pbt: bool) -> dict[str, Trial]:
        """Run these points, or those that TPE chooses; returns how each ended."""
        folder = self._setup.folder / "tune"
        attempt = f"attempt-{len(list(folder.glob('attempt-*'))) + 1}"
        total = len(points) if points is not None else self._left()
        rounds = len(self._config.search.rungs()) + 1 if self._config.search.stopping == "halving" else 1
        tuner = ray.tune.Tuner(
            ray.tune.with_resources(
                ray.tune.with_parameters(run_member if pbt else run_point, setup=self._setup), _OF_A_TRIAL
            ),
            param_space={key: ray.tune.choice([None]) for key in self._space.axes} if pbt else None,
            tune_config=ray.tune.TuneConfig(
                metric="metric", mode=self._setup.direction, num_samples=total * rounds,
                scheduler=self._scheduler(), search_alg=self._searcher(points),
                max_concurrent_trials=None if pbt else concurrent(self._config), reuse_actors=False,
                trial_dirname_creator=_folder_name,
            ),
            run_config=ray.tune.RunConfig(
                name=attempt, storage_path=str(folder), verbose=0,
                failure_config=ray.tune.FailureConfig(max_failures=_RETRIES),
                callbacks=[Progress(self._setup, self._own, total)],
            ),
        )  # fmt: skip
        results = tuner.fit()
        for gate in (self._setup.folder / "trials").glob("*/gate*"):
            Gate(gate).release()
        ended: dict[str, Trial] = {}
        for result in results:
            name = name_of(result.path) if pbt else self._setup.identify(result.config or {})
            found = outcome_of(self._setup.place(name))
            if found and found.status == "stopped" and not _far_enough(found, result.config or {}):
                found = None  # of an earlier round of halving
            if found is None and result.error is None:
                raise KeyboardInterrupt  # Tune takes Ctrl-C for itself, and returns what there is
            ended[name] = found or self._broken(name, result)
        order = list(self._names.values())
        return dict(sorted(ended.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))

    def _scheduler(self) -> Any:
        search = self._config.search
        if search.stopping == "asha":
            asha = CooperativeAsha(search.rungs(), search.reduction, self._setup.direction, self._stops)
            asha.know(self._known)
            return asha
        if search.stopping == "pbt":
            random.seed(search.seed)  # Ray's PBT has no seed of its own: it draws from the global generators
            np.random.seed(search.seed)
            return Population(self._space, search.interval, concurrent(self._config))
        return FIFOScheduler()

    def _searcher(self, points: Sequence[Point] | None) -> Any:
        search = self._config.search
        if search.stopping == "pbt":
            assert points is not None
            return BasicVariantGenerator([dict(point) for point in points])
        if search.stopping == "halving":
            assert points is not None
            return self._halving(points)
        if points is not None:
            return Listed(points, self._begin)
        return Tpe(
            self._space,
            self._left(),
            search.seed + len(self._own),
            {"metric": self._setup.direction, **self._config.objectives},
            allowed=self._allowed,
            outcome=lambda tune_id: outcome_of(self._setup.place(self._names[tune_id])),
            begin=self._begin,
            first=self._unfinished(),
            known=self._known,
        )

    def _halving(self, points: Sequence[Point]) -> Halving:
        search, known = self._config.search, {trial.id: trial for trial in self._known}

        def outcome(point: Point) -> Trial | None:
            name = self._setup.identify(point)
            return outcome_of(self._setup.place(name)) or known.get(name)

        marks = (*search.rungs(), 1.0)
        return Halving(points, marks, search.reduction, self._setup.direction, begin=self._begin, outcome=outcome)

    def _left(self) -> int:
        """Points that TPE may still try."""
        return (self._config.search.trials or 0) - len(self._own)

    def _begin(self, tune_id: str, point: Point) -> None:
        self._names[tune_id] = self._setup.identify(point)

    def _allowed(self, point: Point) -> bool:
        """Whether a point is new and keeps the limits; a refusal is noted."""
        name = self._setup.identify(point)
        if name in self._names.values() or name in self._ended or name in self._refused:
            return False
        if trial := refuse(self._config, self._setup, point):
            self._refused[name] = trial
        return trial is None

    def _unfinished(self) -> list[Point]:
        """Points of an earlier submission that had begun, or failed."""
        places = [self._setup.place(place.name) for place in sorted((self._setup.folder / "trials").glob("*"))]
        return [point for place in places if place.name not in self._ended and (point := self._setup.point_of(place))]

    def _broken(self, name: str, result: Any) -> Trial:
        """A trial whose process failed again and again."""
        last = result.metrics or {}
        lines = str(result.error).strip().splitlines()
        return Trial(
            id=name, config={key: value for key, value in (result.config or {}).items() if key in self._setup.swept},
            status="failed", reason=lines[-1] if lines else "its process ended without a word",
            steps=int(last.get("steps", 0)), trained_steps=int(last.get("step", 0)),
        )  # fmt: skip
