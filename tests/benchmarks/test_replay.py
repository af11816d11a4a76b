"""A replayed search beside what is known of its grid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import replay
from benchmarks.sweep import ASHA
from tests.tuning.setups import trial
from tuning.space import Axis, Space

RUNGS = ASHA.rungs()
RATES = tuple(range(12))
finals = st.lists(st.integers(0, 100), min_size=1, max_size=12, unique=True)


def grown(place, final, steps=90):
    """A trial whose curve grows towards its final value, so that every rung ranks as the end does."""
    marks = [round(steps * share) for share in (*RUNGS, 1.0)]
    curve = ((0, 0.0), *((mark, final * mark / steps) for mark in marks))
    return trial(place, {"rate": place}, metric=float(final), curve=curve, steps=steps, trained_steps=steps)


@given(finals, st.integers(0, 5), st.integers(1, 4))
def test_asha_finds_the_best_where_curves_do_not_cross(values, seed, concurrent):
    grid = [grown(place, value) for place, value in enumerate(values)]
    found = replay.asha(grid, RUNGS, 3, "max", seed=seed, concurrent=concurrent)
    assert found.best == max(values)
    assert found.trials == len(values)
    assert 90 <= found.steps <= 90 * len(values)


def test_asha_saves_steps():
    grid = [grown(place, place) for place in range(12)]
    assert min(replay.asha(grid, RUNGS, 3, "max", seed=seed, concurrent=2).steps for seed in range(5)) < 0.6 * 12 * 90


@given(finals, st.integers(1, 12), st.integers(0, 5), st.integers(1, 3))
def test_tpe_tries_as_many_points_as_it_may_and_none_twice(values, count, seed, concurrent):
    grid = {str(place): grown(place, value) for place, value in enumerate(values)}
    space = Space({"rate": Axis(values=RATES[: len(values)])})
    found = replay.tpe(
        grid, space, lambda point: str(point["rate"]), "max", count=count, seed=seed, concurrent=concurrent
    )
    assert found.trials == min(count, len(values))
    assert found.steps == 90 * found.trials
    assert found.best <= max(values)
    if found.trials == len(values):
        assert found.best == max(values)


def test_a_lower_loss_is_better():
    grid = [grown(place, -value) for place, value in enumerate((3, 1, 2))]
    assert replay.asha(grid, RUNGS, 3, "min", seed=0, concurrent=1).best == -3
    by_name = {str(place): one for place, one in enumerate(grid)}
    space = Space({"rate": Axis(values=(0, 1, 2))})
    found = replay.tpe(by_name, space, lambda p: str(p["rate"]), "min", count=3, seed=0, concurrent=1)
    assert found.best == pytest.approx(-3)
