"""A search over trials whose curves are known: each runs in no time, as it would have run. Pure but for its folder.

A trial is deterministic: one that is stopped has the beginning of the curve that it has to its end. So the project's
own searchers and scheduler can be held against a grid that was trained once, as tabular benchmarks of architecture
search do (Ying et al. 2019), under as many search seeds as one likes.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from tuning.outcome import Direction, Trial
from tuning.searchers import Tpe
from tuning.space import Space
from tuning.stopping import METRIC, SHARE, CooperativeAsha, Stops, reached
from tuning.trial import best_of


@dataclass(frozen=True)
class Found:
    """What a search came to."""

    best: float
    steps: int
    """Trained, over all its trials."""
    trials: int


def asha(
    grid: Sequence[Trial], rungs: Sequence[float], reduction: int, direction: Direction, *, seed: int, concurrent: int
) -> Found:
    """Every point of the grid in a random order under asynchronous halving, `concurrent` at once, each step equally
    long. A trial's curve must hold its evaluations at the rungs."""
    order = list(grid)
    Random(seed).shuffle(order)
    with tempfile.TemporaryDirectory() as folder:
        stops = Stops(Path(folder) / "stops")
        scheduler = CooperativeAsha(rungs, reduction, direction, stops)
        waiting, running = list(enumerate(order)), []  # (when its next evaluation is, place, trial, index of it)
        now, seen = 0, {}

        def begin() -> None:
            if waiting:
                place, trial = waiting.pop(0)
                scheduler.on_trial_add(None, _tune(place))
                curve = [entry for entry in trial.curve if entry[0]]
                seen[place] = []
                heapq.heappush(running, (now + curve[0][0], place, curve, 0, trial.steps))

        for _ in range(concurrent):
            begin()
        while running:
            now, place, curve, index, steps = heapq.heappop(running)
            step, value = curve[index]
            seen[place].append((step, value))
            scheduler.on_trial_result(None, _tune(place), {SHARE: reached(step, steps), METRIC: value})
            if stops.asked(str(place)) or index + 1 == len(curve):
                begin()
            else:
                heapq.heappush(running, (now + curve[index + 1][0] - step, place, curve, index + 1, steps))
    curves = list(seen.values())
    values = [best for curve in curves if (best := best_of(curve, direction)) is not None]
    best = max(values) if direction == "max" else min(values)
    return Found(best, sum(curve[-1][0] for curve in curves), len(curves))


def tpe(
    grid: Mapping[str, Trial], space: Space, identify: Any, direction: Direction, *, count: int, seed: int,
    concurrent: int,
) -> Found:  # fmt: skip
    """`count` points of the grid, each to its end, chosen by TPE; `identify` names a point as the grid does."""
    names: dict[str, str] = {}
    searcher = Tpe(
        space, count, seed, {"metric": direction},
        allowed=lambda point: identify(point) not in names.values(),
        outcome=lambda tune_id: grid[names[tune_id]],
        begin=lambda tune_id, point: names.__setitem__(tune_id, identify(point)),
    )  # fmt: skip
    running: list[tuple[int, str]] = []
    now = number = 0
    while True:
        while len(running) < concurrent:
            tune_id = str(number)
            if searcher.suggest(tune_id) == searcher.FINISHED:
                break
            heapq.heappush(running, (now + grid[names[tune_id]].trained_steps, tune_id))
            number += 1
        if not running:
            break
        now, tune_id = heapq.heappop(running)
        searcher.on_trial_complete(tune_id)
    tried = [grid[name] for name in names.values()]
    values = [trial.metric for trial in tried if trial.metric is not None]
    return Found(
        max(values) if direction == "max" else min(values), sum(trial.trained_steps for trial in tried), len(tried)
    )


def _tune(place: int) -> Any:
    return SimpleNamespace(trial_id=str(place))
