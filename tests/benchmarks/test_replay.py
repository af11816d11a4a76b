"""A replayed search beside what is known of its grid."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmarks import replay
from tests.tuning.setups import trial
from tuning.config import Search
from tuning.space import Axis, Space

ASHA = {"stopping": "asha", "reduction": 3, "first_rung": 1 / 9}
finals = st.lists(st.integers(0, 100), min_size=1, max_size=12, unique=True)
STEPS = 90


def grown(place, final):
    """A trial whose curve grows towards its final value, so that every rung ranks as the end does."""
    curve = ((0, 0.0), *((mark, final * mark / STEPS) for mark in (10, 30, 90)))
    return trial(place, {"rate": place}, metric=float(final), curve=curve, steps=STEPS, trained_steps=STEPS)


def search(values, direction="max", concurrent=2, **how):
    grid = [grown(place, value) for place, value in enumerate(values)]
    space = Space({"rate": Axis(values=tuple(range(len(values))))})
    return replay.search(grid, space, Search(**how), direction, concurrent)


@given(finals, st.integers(0, 5), st.integers(1, 4))
def test_asha_finds_the_best_where_curves_do_not_cross(values, seed, concurrent):
    found = search(values, concurrent=concurrent, seed=seed, **ASHA)
    assert found.best == max(values)
    assert found.trials == len(values)
    assert 90 <= found.steps <= 90 * len(values)


@given(finals, st.integers(0, 5), st.integers(1, 4))
def test_halving_finds_the_best_with_the_steps_that_its_rounds_take(values, seed, concurrent):
    found = search(values, concurrent=concurrent, seed=seed, **{**ASHA, "stopping": "halving"})
    assert found.best == max(values) and found.trials == len(values)
    second = -(-len(values) // 3)
    assert found.steps == 10 * len(values) + 20 * second + 60 * -(-second // 3)


def test_asha_saves_steps():
    assert min(search(range(12), seed=seed, **ASHA).steps for seed in range(5)) < 0.6 * 12 * STEPS


@given(finals, st.integers(1, 12), st.integers(0, 5), st.integers(1, 3))
def test_tpe_tries_as_many_points_as_it_may_and_none_twice(values, count, seed, concurrent):
    found = search(values, concurrent=concurrent, points="tpe", trials=count, seed=seed)
    assert found.trials == min(count, len(values))
    assert found.steps == STEPS * found.trials
    assert found.best == max(values) or found.trials < len(values)


@given(finals, st.integers(1, 12), st.integers(0, 3))
def test_a_part_of_the_grid_under_asha_costs_no_more_than_its_points(values, count, seed):
    for points in ("random", "tpe"):
        found = search(values, points=points, trials=count, seed=seed, **ASHA)
        assert found.trials == min(count, len(values))
        assert 10 * found.trials <= found.steps <= STEPS * found.trials


def test_a_lower_loss_is_better():
    assert search((-3, -1, -2), "min", **ASHA).best == -3
    assert search((-3, -1, -2), "min", points="tpe", trials=3).best == -3
