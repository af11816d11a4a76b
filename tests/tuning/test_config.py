import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tuning.config import Search, SweepConfig


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"points": "tpe"}, "points tpe needs search.trials"),
        ({"points": "random"}, "points random needs search.trials"),
        ({"trials": 4}, "search.trials goes with points random or tpe"),
        ({"points": "tpe", "trials": 4, "stopping": "pbt"}, "pbt changes its trials on their way"),
        ({"stopping": "pbt", "repeats": 2}, "repeats goes with trials that keep their configuration"),
        ({"points": "tpe", "trials": 4, "repeats": 2}, "repeats"),
        ({"points": "bayes"}, "'grid', 'random' or 'tpe'"),
    ],
)
def test_what_does_not_go_together_is_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        Search(**given)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"points": "tpe", "trials": 4, "stopping": "asha"},
        {"points": "random", "trials": 4, "stopping": "pbt"},
        {"stopping": "pbt"},
        {"stopping": "asha", "repeats": 3},
    ],
)
def test_what_goes_together_is_taken(given):
    assert Search(**given).model_dump().items() >= given.items()


def test_objectives_are_figures_of_a_trial():
    with pytest.raises(ValidationError, match="'speed' is none of peak_bytes, seconds, trainable_parameters"):
        SweepConfig(objectives={"speed": "min"}, search=Search(points="tpe", trials=4))


@pytest.mark.parametrize(
    "search",
    [
        Search(),
        Search(points="random", trials=4),
        Search(points="tpe", trials=4, stopping="asha"),
    ],
)
def test_objectives_steer_tpe_with_complete_trials_only(search):
    with pytest.raises(ValidationError, match="objectives steer tpe"):
        SweepConfig(objectives={"seconds": "min"}, search=search)


def test_objectives_of_tpe():
    found = SweepConfig(objectives={"seconds": "min"}, search=Search(points="tpe", trials=4))
    assert found.objectives == {"seconds": "min"}


@pytest.mark.parametrize(
    ("search", "rungs"),
    [
        ({}, ()),
        ({"stopping": "asha"}, (1 / 16, 1 / 4)),
        ({"stopping": "asha", "reduction": 2}, (1 / 16, 1 / 8, 1 / 4, 1 / 2)),
        ({"stopping": "asha", "reduction": 3, "first_rung": 1 / 9}, (1 / 9, 1 / 3)),
        ({"stopping": "asha", "first_rung": 0.5}, (0.5,)),
        ({"stopping": "pbt"}, (0.25, 0.5, 0.75)),
        ({"stopping": "pbt", "interval": 0.1}, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)),
        ({"stopping": "pbt", "interval": 0.4}, (0.4, 0.8)),
    ],
)
def test_rungs(search, rungs):
    assert Search(**search).rungs() == pytest.approx(rungs)


@given(st.integers(2, 9), st.floats(0.001, 0.999), st.sampled_from(["asha", "pbt"]))
def test_rungs_rise_and_stay_below_the_end(reduction, share, stopping):
    rungs = Search(reduction=reduction, first_rung=share, interval=share, stopping=stopping).rungs()
    assert rungs
    assert all(0 < share < 1 for share in rungs)
    assert sorted(set(rungs)) == list(rungs)
    assert rungs[0] == pytest.approx(share)
