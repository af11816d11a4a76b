import itertools
import logging
import subprocess
import sys

import optuna
import pytest

from tests.tuning.report.sweeps import realistic, trial
from tuning.report.importance import comparable, importance

GRID = list(itertools.product((8, 16, 32), (1e-4, 1e-3, 1e-2)))


def grid(metric):
    return [
        trial({"peft.rank": rank, "training.learning_rate": rate}, metric=metric(rank, rate)) for rank, rate in GRID
    ]


@pytest.mark.parametrize("direction", ["max", "min"])
def test_the_key_that_the_metric_follows_explains_it(direction):
    shares = importance(grid(lambda rank, rate: rank / 100 + rate / 1000), direction)
    assert list(shares) == ["peft.rank", "training.learning_rate"]
    assert shares["peft.rank"] > 0.9
    assert sum(shares.values()) == pytest.approx(1)


def test_a_value_counts_the_same_however_far_from_the_next():
    """Laid out by size, 1e-4 and 1e-3 would be a tenth of the axis, and what is between them nothing."""
    shares = importance(grid(lambda rank, rate: (0.4 if rate > 2e-4 else 0.3) + (rank == 32) / 20), "max")
    assert shares["training.learning_rate"] > 2 * shares["peft.rank"]


def test_the_ends_of_a_range_count_as_much_as_its_middle():
    repeated = 10 * grid(lambda rank, rate: (rank == 8) + (rate == 1e-3))  # the forest draws trials: few are noise
    assert importance(repeated, "max")["peft.rank"] == pytest.approx(0.5, abs=0.03)


def test_it_is_the_same_each_time():
    trials = realistic()
    assert importance(trials, "max") == importance(trials, "max")


def test_keys_that_do_not_apply_leave_the_difference_to_the_method():
    trials = [trial({"peft.method": "lora", "peft.rank": rank}, metric=0.40 + rank / 1e4) for rank in (8, 16, 32)]
    trials += [trial({"peft.method": "ia3", "training.seed": seed}, metric=0.30 + seed / 1e4) for seed in range(3)]
    shares = importance(trials, "max")
    assert set(shares) == {"peft.method", "peft.rank", "training.seed"}
    assert shares["peft.method"] > 0.7


@pytest.mark.parametrize(
    "values", [[("a", "b"), ("a",)], [True, False], [None, 4], [{"x": 1}, {"x": 2}], [1, "1"], [float("inf"), 1.0]]
)
def test_values_of_any_kind(values):
    trials = [trial({"key": values[i % 2]}, metric=i % 2 + i / 100) for i in range(6)]
    assert importance(trials, "max") == {"key": pytest.approx(1)}


def test_stopped_trials_and_other_lengths_do_not_count():
    whole = [trial({"rank": rank}, metric=rank / 10) for rank in range(5)]
    stopped = [trial({"rank": rank}, metric=0.0, status="stopped") for rank in range(5, 12)]
    longer = [trial({"rank": 20}, metric=9.0, steps=200)]
    assert comparable([*stopped, *longer, *whole]) == whole
    assert importance([*stopped, *longer, *whole], "max") == importance(whole, "max")


@pytest.mark.parametrize(
    "trials",
    [
        [],
        grid(lambda rank, rate: rate)[:3],
        [trial({"rank": 8, "alpha": 16}, metric=i / 10) for i in range(6)],
        [trial({"rank": rank}, metric=0.5) for rank in range(6)],
        [trial({"rank": rank}, metric=None) for rank in range(6)],
    ],
    ids=["none", "three", "one value a key", "one metric", "no metric"],
)
def test_too_little_says_nothing(trials):
    assert importance(trials, "max") == {}


def test_optuna_says_nothing_and_is_left_as_talkative_as_it_was(monkeypatch):
    said = []
    monkeypatch.setattr(logging.Logger, "callHandlers", lambda logger, record: said.append(record.getMessage()))
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.INFO)
    try:
        assert importance(grid(lambda rank, rate: rank), "max")
        assert optuna.logging.get_verbosity() == optuna.logging.INFO
    finally:
        optuna.logging.set_verbosity(before)
    assert said == []


def test_the_heavy_libraries_wait_until_they_are_needed():
    script = (
        "import sys, tuning.outcome; print('rich' in sys.modules, end=' ');"
        "import tuning.report, tuning.report.importance, tuning.report.pareto, tuning.report.terminal;"
        "print([name for name in ('plotly', 'optuna') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False []\n"
