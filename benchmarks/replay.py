"""A search over trials whose curves are known: each runs in no time, as it would have run. Pure but for its folder.

A trial is deterministic: one that is stopped has the beginning of the curve that it has to its end. So the project's
own searchers and scheduler can be held against a grid that was trained once, as tabular benchmarks of architecture
search do (Ying et al. 2019), under as many search seeds as one likes. Each step counts as equally long.
"""

from __future__ import annotations

import heapq
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from tuning.config import Search
from tuning.outcome import Direction, Trial
from tuning.searchers import Halving, Listed, Tpe
from tuning.space import Point, Space
from tuning.stopping import METRIC, SHARE, UNTIL, CooperativeAsha, Stops, reached
from tuning.trial import best_of


@dataclass(frozen=True)
class Found:
    """What a search came to."""

    best: float
    steps: int
    """Trained, over all its trials."""
    trials: int


def search(grid: Sequence[Trial], space: Space, how: Search, direction: Direction, concurrent: int) -> Found:
    """Search the points of `grid`, `concurrent` at once. Its curves must hold the evaluations at the rungs of `how`."""
    with tempfile.TemporaryDirectory() as folder:
        return _Replay(grid, space, how, direction, Path(folder)).run(concurrent)


class _Replay:
    def __init__(self, grid: Sequence[Trial], space: Space, how: Search, direction: Direction, folder: Path) -> None:
        self._grid = {named(trial.config): trial for trial in grid}
        self._direction = direction
        self._names: dict[str, str] = {}  # Tune's id of each trial to its point, in the order of their beginning
        self._until: dict[str, int] = {}  # and to the step at which it ends for now
        self._ended: dict[str, Trial] = {}  # by point
        self._stops = Stops(folder / "stops")
        self._asha = None
        if how.stopping == "asha":
            self._asha = CooperativeAsha(how.rungs(), how.reduction, direction, self._stops)
        self._searcher = self._searcher_of(how, space)
        self._running: list[tuple[int, int, str]] = []  # (when its next evaluation is, which of its curve, Tune's id)

    def run(self, concurrent: int) -> Found:
        now = 0
        while True:
            while len(self._running) < concurrent and self._begin(now):
                pass
            if not self._running:
                break
            now, index, tune_id = heapq.heappop(self._running)
            trial = self._grid[self._names[tune_id]]
            step, value = trial.curve[index]
            if self._asha:
                report = {SHARE: reached(step, trial.steps), METRIC: value}
                self._asha.on_trial_result(None, _tune(tune_id), report)
            if step >= self._until[tune_id] or self._stops.asked(tune_id):
                self._ended[self._names[tune_id]] = _until(trial, index, self._direction)
                self._searcher.on_trial_complete(tune_id)
            else:
                heapq.heappush(self._running, (now + trial.curve[index + 1][0] - step, index + 1, tune_id))
        values = [trial.metric for trial in self._ended.values() if trial.metric is not None]
        best = max(values) if self._direction == "max" else min(values)
        return Found(best, sum(trial.trained_steps for trial in self._ended.values()), len(self._ended))

    def _begin(self, now: int) -> bool:
        tune_id = str(len(self._names))
        point = self._searcher.suggest(tune_id)
        if point is None or point == Listed.FINISHED:
            return False
        trial = self._grid[self._names[tune_id]]
        before = self._ended[named(trial.config)].trained_steps if named(trial.config) in self._ended else 0
        first = next(index for index, (step, _) in enumerate(trial.curve) if step > before)
        self._until[tune_id] = max(1, round(trial.steps * point.get(UNTIL, 1.0)))
        if self._asha:
            self._asha.on_trial_add(None, _tune(tune_id))
        heapq.heappush(self._running, (now + trial.curve[first][0] - before, first, tune_id))
        return True

    def _searcher_of(self, how: Search, space: Space) -> Listed:
        def begin(tune_id: str, point: Point) -> None:
            self._names[tune_id] = named(point)

        points = [trial.config for trial in self._grid.values()]
        Random(how.seed).shuffle(points)
        if how.stopping == "halving":
            return Halving(
                points[: how.trials], (*how.rungs(), 1.0), how.reduction, self._direction, begin=begin,
                outcome=lambda point: self._ended.get(named(point)),
            )  # fmt: skip
        if how.points != "tpe":
            return Listed(points[: how.trials], begin)
        return Tpe(
            space, how.trials or 0, how.seed, {"metric": self._direction}, begin=begin,
            allowed=lambda point: named(point) in self._grid and named(point) not in self._names.values(),
            outcome=lambda tune_id: self._ended.get(self._names[tune_id]),
        )  # fmt: skip


def named(point: Point) -> str:
    """A point as a key."""
    return json.dumps(dict(point), sort_keys=True)


def _until(trial: Trial, index: int, direction: Direction) -> Trial:
    """A trial that ended after the evaluation `index` of its curve."""
    curve = trial.curve[: index + 1]
    step = curve[-1][0]
    told = {"curve": curve, "metric": best_of(curve, direction), "trained_steps": step}
    return trial.model_copy(update={**told, "status": "finished" if step == trial.steps else "stopped"})


def _tune(tune_id: str) -> Any:
    return SimpleNamespace(trial_id=tune_id)
