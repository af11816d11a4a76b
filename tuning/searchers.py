"""Where a sweep's points come from, as Ray Tune asks for them: a list, or Optuna's TPE.

Ray's own OptunaSearch does not take earlier trials into a space with conditions, which is what resuming and warm starts
are here, so the study is asked and told directly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import optuna
from ray.tune.search import Searcher

from tuning.outcome import Direction, Trial
from tuning.space import Axis, Point, Space
from tuning.stopping import UNTIL

Allowed = Callable[[Point], bool]
Outcome = Callable[[str], Trial | None]
Begin = Callable[[str, Point], None]
_TRIES = 100


class Listed(Searcher):
    """Points one after another."""

    def __init__(self, points: Sequence[Point], begin: Begin) -> None:
        """`begin` is told Tune's id of each trial, and its point."""
        super().__init__()
        self._waiting, self._begin = list(points), begin

    def suggest(self, trial_id: str) -> Any:
        """The next point."""
        if not self._waiting:
            return Searcher.FINISHED
        point = self._waiting.pop(0)
        self._begin(trial_id, point)
        return dict(point)

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Nothing is learnt."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing: a sweep that goes on is told what is there (tuning.pipeline)."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing."""


class Halving(Listed):
    """Successive halving (Jamieson and Talwalkar 2016): all points to the first mark, the best of them to the next.

    Each round of a point is a trial of Tune, which goes on in the point's folder from where the last one ended.
    """

    def __init__(
        self, points: Sequence[Point], marks: Sequence[float], reduction: int, direction: Direction, *, begin: Begin,
        outcome: Callable[[Point], Trial | None],
    ) -> None:  # fmt: skip
        """`marks`: shares of a run at which a round ends, the last one 1. `outcome` gives what is known of a point."""
        super().__init__(points, begin)
        self._round, self._marks, self._reduction = list(points), list(marks), reduction
        self._sign, self._outcome = 1 if direction == "max" else -1, outcome
        self._running: set[str] = set()
        self._skip_known()

    @property
    def finished(self) -> bool:
        """Whether nothing is left to be trained."""
        return not self._waiting and not self._running

    def suggest(self, trial_id: str) -> Any:
        """The next point of the round, and until where; None while others of the round are still being trained."""
        if self._waiting:
            point = super().suggest(trial_id)
            self._running.add(trial_id)
            return {**point, UNTIL: self._marks[0]}
        return None if self._running else Searcher.FINISHED

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """The last one of a round begins the next."""
        self._running.discard(trial_id)
        self._skip_known()

    def _skip_known(self) -> None:
        """Go on to the first round in which a point has not come as far as its mark."""
        while True:
            self._waiting = [point for point in self._waiting if not self._reached(point)]
            if self._waiting or self._running or len(self._marks) == 1:
                return
            ranked = sorted((p for p in self._round if self._value(p) is not None), key=self._rank)
            self._round = ranked[: math.ceil(len(ranked) / self._reduction)]
            self._waiting = list(self._round)
            del self._marks[0]

    def _reached(self, point: Point) -> bool:
        trial = self._outcome(point)
        return trial is not None and trial.trained_steps >= _step(trial, self._marks[0])

    def _value(self, point: Point) -> float | None:
        """The metric at the mark of the round; None where the trial has failed, in this round or for good."""
        trial = self._outcome(point)
        if trial is None or trial.status == "failed" or not self._reached(point):
            return None
        return next((value for step, value in reversed(trial.curve) if step <= _step(trial, self._marks[0])), None)

    def _rank(self, point: Point) -> float:
        value = self._value(point)
        assert value is not None
        return -self._sign * value


def _step(trial: Trial, share: float) -> int:
    """The step of a share of a run, as the loop rounds it."""
    return max(1, round(trial.steps * share))


class Tpe(Listed):
    """Optuna's tree-structured Parzen estimator, over a space with conditions, several points at once."""

    def __init__(
        self, space: Space, count: int, seed: int, directions: Mapping[str, Direction], *, allowed: Allowed,
        outcome: Outcome, begin: Begin, first: Sequence[Point] = (), known: Iterable[Trial] = (),
    ) -> None:  # fmt: skip
        """`count` points beyond the `known` trials; `first` are points that are tried before any is chosen.

        `directions`: the metric, then further objectives by their field in `Trial`. `allowed` says whether a point
        keeps the limits. `outcome` gives a trial by Tune's id once it has ended.
        """
        super().__init__(first, begin)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space, self._left, self._allowed, self._outcome = space, count, allowed, outcome
        self._objectives = tuple(directions)[1:]
        self._study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(
                seed=seed, multivariate=True, group=True, constant_liar=True, n_startup_trials=max(4, count // 3)
            ),
            directions=["maximize" if direction == "max" else "minimize" for direction in directions.values()],
        )
        for trial in known:
            self._add(trial)
        self._asked: dict[str, optuna.Trial] = {}

    def suggest(self, trial_id: str) -> Any:
        """A point that is allowed; none any more where a hundred of TPE's and a hundred random ones are not."""
        if self._left <= 0:
            return Searcher.FINISHED
        for asked, point in self._candidates():
            if self._allowed(point):
                self._left -= 1
                self._asked[trial_id] = asked
                self._begin(trial_id, point)
                return point
            # counts as bad: told nothing, TPE would go on looking where all is refused
            self._study.tell(asked, state=optuna.trial.TrialState.PRUNED)
        return Searcher.FINISHED

    def _candidates(self) -> Iterator[tuple[optuna.Trial, dict[str, Any]]]:
        for _ in range(_TRIES):
            asked = self._study.ask()
            yield asked, dict(self._waiting.pop(0)) if self._waiting else self._draw(asked)
        for point in self._space.sample(_TRIES, self._left):
            yield self._study.ask(), dict(point)

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Learn how it went. The ask is closed and the trial added with its values, which serves resumed ones too."""
        asked = self._asked.pop(trial_id, None)
        if asked is not None:
            self._study.tell(asked, state=optuna.trial.TrialState.FAIL)
        if (trial := self._outcome(trial_id)) is not None:
            self._add(trial)

    def _draw(self, asked: optuna.Trial) -> dict[str, Any]:
        point: dict[str, Any] = {}
        for key, axis in self._space.axes.items():
            if self._space.applies(key, point):
                point[key] = _suggest(asked, key, axis)
        return point

    def _add(self, trial: Trial) -> None:
        """A stopped trial counts as pruned, with the metric of each of its evaluations. One whose values lie outside
        the space, of an earlier sweep over another, is left out."""
        objectives = [getattr(trial, name) for name in self._objectives]
        if trial.metric is None or None in objectives or trial.status not in ("finished", "stopped"):
            return
        axes = {key: self._space.axes[key] for key in trial.config if key in self._space.axes}
        if not all(_contains(axis, trial.config[key]) for key, axis in axes.items()):
            return
        stopped = trial.status == "stopped"
        self._study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.PRUNED if stopped else optuna.trial.TrialState.COMPLETE,
                values=None if stopped else [trial.metric, *objectives],
                params={key: _code(axis, trial.config[key]) for key, axis in axes.items()},
                distributions={key: _distribution(axis) for key, axis in axes.items()},
                intermediate_values=dict(trial.curve) if not self._objectives else None,
            )
        )


def _contains(axis: Axis, value: Any) -> bool:
    if axis.values:
        return any(_same(choice, value) for choice in axis.values)
    assert axis.low is not None and axis.high is not None
    return isinstance(value, int | float) and axis.low <= value <= axis.high


def _suggest(asked: optuna.Trial, key: str, axis: Axis) -> Any:
    if axis.values:
        return axis.values[asked.suggest_categorical(key, range(len(axis.values)))]
    assert axis.low is not None and axis.high is not None
    if axis.integer:
        return asked.suggest_int(key, axis.whole()[0], axis.whole()[-1], log=axis.log)
    return asked.suggest_float(key, axis.low, axis.high, log=axis.log)


def _code(axis: Axis, value: Any) -> Any:
    """What the study calls a value: choices go by their place, because Optuna takes no lists for choices."""
    if not axis.values:
        return value
    return next(place for place, choice in enumerate(axis.values) if _same(choice, value))


def _same(one: Any, other: Any) -> bool:
    """Equal, also after a journey through JSON."""
    return (
        (list(one) == list(other))
        if isinstance(one, list | tuple) and isinstance(other, list | tuple)
        else one == other
    )


def _distribution(axis: Axis) -> Any:
    if axis.values:
        return optuna.distributions.CategoricalDistribution(tuple(range(len(axis.values))))
    assert axis.low is not None and axis.high is not None
    if axis.integer:
        return optuna.distributions.IntDistribution(axis.whole()[0], axis.whole()[-1], log=axis.log)
    return optuna.distributions.FloatDistribution(axis.low, axis.high, log=axis.log)
