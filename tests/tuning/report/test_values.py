import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.report.sweeps import sweep, trial
from tuning.report import values


@pytest.mark.parametrize(
    ("function", "given", "expected"),
    [
        (values.metric_text, None, "–"),
        (values.metric_text, math.nan, "–"),
        (values.metric_text, 0.5, "0.5000"),
        (values.metric_text, -0.00012, "-1.20e-04"),
        (values.metric_text, 0, "0.0000"),
        (values.metric_text, 45.678, "45.68"),
        (values.metric_text, 12345.6, "12,346"),
        (values.parameters_text, 1_179_648, "1.18 M"),
        (values.parameters_text, 18_432, "0.0184 M"),
        (values.parameters_text, 1_200_000_000, "1,200 M"),
        (values.memory_text, 2_345_000_000, "2.35 GB"),
        (values.memory_text, None, "–"),
        (values.seconds_text, 6.04, "6.0 s"),
        (values.seconds_text, 5400.0, "5,400 s (1.5 h)"),
        (values.text, None, "none"),
        (values.text, True, "true"),
        (values.text, 1e-5, "1e-05"),
        (values.text, 0.000123456, "0.0001235"),
        (values.text, ["query", "value"], "query, value"),
        (values.text, (), "none"),
    ],
)
def test_figures_have_their_units(function, given, expected):
    assert function(given) == expected


def test_short_names_are_ambiguous_nowhere():
    assert values.short_names(["peft.rank", "training.learning_rate", "refine.learning_rate", "model"]) == {
        "peft.rank": "rank",
        "training.learning_rate": "training.learning_rate",
        "refine.learning_rate": "refine.learning_rate",
        "model": "model",
    }


def test_numbers_ascend_and_other_values_stay_as_they_came():
    trials = [trial({"rank": rank, "method": method}) for rank, method in ((16, "lora"), (8, "dora"), (16.0, "lora"))]
    assert values.distinct(trials, "rank") == [8, 16]
    assert values.distinct(trials, "method") == ["lora", "dora"]
    assert values.varying_keys([trial({"a": 1, "b": 1}), trial({"a": True})]) == ["a"]


@given(st.lists(st.tuples(st.none() | st.integers(-2, 2), st.integers(0, 3))), st.sampled_from(["max", "min"]))
def test_the_first_is_the_best_that_the_sweep_knows(figures, direction):
    trials = [trial({"n": i}, metric=m, trained_steps=s) for i, (m, s) in enumerate(figures)]
    order = values.ranked(trials, direction)
    best = sweep(*trials, direction=direction).best()
    assert sorted(map(id, order)) == sorted(map(id, trials))
    if best is None:
        assert order == trials
    else:
        assert (order[0].metric, order[0].trained_steps) == (best.metric, best.trained_steps)
        scored = [one.metric for one in order if one.metric is not None]
        assert scored == sorted(scored, reverse=direction == "max")
        assert all(one.metric is None for one in order[len(scored) :])


def test_the_share_is_of_the_grid_or_of_the_trials_that_were_wanted():
    trials = [trial(steps=100), trial(status="stopped", steps=100), trial(status="refused", steps=800)]
    assert values.trained_share(sweep(*trials, grid_steps=500)) == "125 of the grid's 500 steps (25%)"
    assert values.trained_share(sweep(*trials)) == "125 of the trials' 200 steps (62%)"
    assert values.trained_share(sweep(trial(status="refused"))) is None
    assert values.status_counts(trials) == "1 finished, 1 stopped, 1 refused"
