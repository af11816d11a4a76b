"""Schedulers of Ray Tune that stop a trial by asking it to.

Tune stops a trial by ending its process. A Ray Train run inside it then leaves its placement group behind, and the CPUs
stay reserved (ray-project/ray#54305). Here the wish to stop becomes a flag that the trial finds when its report
returns; its training loop ends by itself and gives everything back.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, PopulationBasedTraining, TrialScheduler

from tuning.outcome import Direction, Trial
from tuning.space import Space

METRIC, SHARE = "metric", "share"
"""What a trial reports: the metric, and how much of its run is done in percent."""
UNTIL = "until"
"""What halving adds to a point: the share of a run at which the trial ends for now."""


def reached(step: int, steps: int) -> float:
    """The share in percent, never below the mark that a step was rounded from: round(marks · steps) may be."""
    return min(100.0, 100 * (step + 0.5) / steps + 1e-9)


class Stops:
    """Flags in a folder that driver and trials share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def ask(self, trial_id: str) -> None:
        """Ask a trial to stop."""
        (self._folder / trial_id).touch()

    def asked(self, trial_id: str) -> bool:
        """Whether it was asked."""
        return (self._folder / trial_id).exists()


class CooperativeAsha(FIFOScheduler):
    """Asynchronous successive halving (Li et al. 2018) whose stops are requests."""

    def __init__(self, rungs: Iterable[float], reduction: int, direction: Direction, stops: Stops) -> None:
        """`rungs`: shares of a run; the first one and `reduction` decide the others."""
        super().__init__()
        first = min(rungs)
        self._asha = AsyncHyperBandScheduler(
            time_attr=SHARE, metric=METRIC, mode=direction, max_t=100, grace_period=100 * first,
            reduction_factor=reduction, stop_last_trials=False,
        )  # fmt: skip
        self._stops = stops

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """They are set already."""
        return True

    def know(self, trials: Iterable[Trial]) -> None:
        """Fill the rungs with trials of an earlier submission or sweep."""
        for trial in trials:
            stand_in: Any = _StandIn(trial.id)
            self._asha.on_trial_add(None, stand_in)
            for step, value in trial.curve:
                if step:
                    report = {SHARE: reached(step, trial.steps), METRIC: value}
                    self._asha.on_trial_result(None, stand_in, report)

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """A trial begins."""
        self._asha.on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Ask it to stop where ASHA would; it goes on reporting nothing and returns."""
        if self._asha.on_trial_result(tune_controller, trial, result) == TrialScheduler.STOP:
            self._stops.ask(trial.trial_id)
        return TrialScheduler.CONTINUE


class _StandIn:
    """All that ASHA looks at in a trial."""

    def __init__(self, trial_id: str) -> None:
        self.trial_id = trial_id


class Population(PopulationBasedTraining):
    """PBT over the axes of a space (Jaderberg et al. 2017), all members compared at the same steps. They return from
    Ray Train before they report (tuning.member), so that one that is ended has nothing reserved.

    Ray's own starts all members at once, exchanges on a member's last report too, and waits for ever where the last
    one that it waits for ends instead of reporting.
    """

    def __init__(self, space: Space, interval: float, concurrent: int) -> None:
        """`interval`: share of a run between two exchanges; `concurrent`: members that train at once."""
        super().__init__(
            time_attr=SHARE,
            perturbation_interval=100 * interval,
            hyperparam_mutations={key: _mutation(axis) for key, axis in space.axes.items()},
            synch=True,
            quantile_fraction=0.25,
        )
        self._concurrent = concurrent

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """A new member waits for its turn; a pending one would be started at once."""
        super().on_trial_add(tune_controller, trial)
        trial.status = trial.PAUSED  # Tune files it by its status after this

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Nothing follows a member's last report but its end."""
        if result[SHARE] >= 100:
            return TrialScheduler.CONTINUE
        return super().on_trial_result(tune_controller, trial, result)

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """The member that is furthest behind."""
        living = [trial for trial in tune_controller.get_trials() if not trial.is_finished()]
        if sum(trial.status != trial.PAUSED for trial in living) >= self._concurrent:
            return None
        chosen = super().choose_trial_to_run(tune_controller)
        if chosen is None and living and all(trial.status == trial.PAUSED for trial in living):
            # all have reported, and whoever was still awaited has ended
            super().on_trial_result(tune_controller, living[0], self._trial_state[living[0]].last_result)
            chosen = super().choose_trial_to_run(tune_controller)
            return chosen or min(living, key=lambda trial: self._trial_state[trial].last_train_time)
        return chosen


def _mutation(axis: Any) -> Any:
    from ray import tune

    if axis.values:
        return list(axis.values)
    return tune.loguniform(axis.low, axis.high) if axis.log else tune.uniform(axis.low, axis.high)
