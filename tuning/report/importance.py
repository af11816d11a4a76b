"""Which swept keys the metric depends on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median_low
from typing import Any

from tuning.outcome import Direction, Trial
from tuning.report.values import distinct, is_number, same, scored, text, varying_keys

FEWEST = 4
"""Comparable trials below which a share of the variance says nothing."""


def comparable(trials: Sequence[Trial]) -> list[Trial]:
    """The finished trials with a metric that were trained to the same last step: the one most of them reached."""
    finished = scored(trial for trial in trials if trial.status == "finished")
    if not finished:
        return []
    reached = Counter(trial.trained_steps for trial in finished)
    last = max(reached, key=lambda step: (reached[step], step))
    return [trial for trial in finished if trial.trained_steps == last]


def importance(trials: Sequence[Trial], direction: Direction) -> dict[str, float]:
    """Swept key → share of the metric's variance that it alone explains (fANOVA's main effects, scaled to sum to 1).

    Only `comparable` trials count. Those that the scheduler stopped are left out: their metric is of fewer steps, so
    that the step would pass for an effect of the configuration. Under asha the shares therefore describe the survivors.

    Each value of a number counts the same, however far it is from the next: a grid's values are meant as steps. A key
    that does not apply to a trial stands at its middle value there, so that the difference between methods is laid on
    the method. Empty with fewer than four comparable trials, where no key varies among them, or the metric does not.
    """
    found = comparable(trials)
    keys = varying_keys(found)
    if len(found) < FEWEST or not keys or len({trial.metric for trial in found}) == 1:
        return {}
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    columns = {key: _column(found, key) for key in keys}
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # a line for each new study
    try:
        study = optuna.create_study(direction="maximize" if direction == "max" else "minimize")
        distributions = {key: distribution for key, (distribution, _) in columns.items()}
        for row, trial in enumerate(found):
            params = {key: values[row] for key, (_, values) in columns.items()}
            study.add_trial(optuna.create_trial(params=params, distributions=distributions, value=trial.metric))
        shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    finally:
        optuna.logging.set_verbosity(verbosity)
    return {key: float(share) for key, share in shares.items()}


def _column(trials: Sequence[Trial], key: str) -> tuple[Any, list[Any]]:
    """A key as optuna sees it: its distribution, and its value in each trial."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    values = distinct(trials, key)
    places = [next((i for i, v in enumerate(values) if same(v, trial.config[key])), 0) if key in trial.config else None
              for trial in trials]  # fmt: skip
    middle = median_low([place for place in places if place is not None])
    filled = [middle if place is None else place for place in places]
    if all(is_number(value) for value in values):
        # Half a step beyond the ends, since the evaluator weighs a value by the width that is nearest to it.
        return FloatDistribution(-0.5, len(values) - 0.5), [float(place) for place in filled]
    names = [f"{i}: {text(value)}" for i, value in enumerate(values)]
    return CategoricalDistribution(names), [names[place] for place in filled]
