from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.training.recipe import Recipe
from jobs.training.sampling import Schedule, warmup_linear

SCHEDULES = st.builds(
    Schedule,
    pairs=st.integers(2, 300),
    batch=st.integers(2, 64),
    epochs=st.sampled_from([0.01, 0.5, 1, 1.5, 2, 3]),
    seed=st.integers(0, 5),
)


@given(SCHEDULES, st.integers(0, 3))
def test_each_pass_meets_every_pair_once_save_a_remainder_of_one(schedule, epoch):
    steps = range(epoch * schedule.steps_per_epoch, (epoch + 1) * schedule.steps_per_epoch)
    batches = [schedule.rows(step) for step in steps]
    met = Counter(int(row) for rows in batches for row in rows)
    assert set(met.values()) == {1}
    assert set(met) <= set(range(schedule.pairs))
    left_out = schedule.pairs - len(met)
    assert left_out == (1 if schedule.pairs % schedule.batch == 1 else 0)
    assert all(2 <= len(rows) <= schedule.batch for rows in batches)
    assert all(len(rows) == schedule.batch for rows in batches[:-1])


@given(SCHEDULES, st.integers(0, 40))
def test_a_batch_depends_on_seed_and_step_alone(schedule, step):
    again = Schedule(schedule.pairs, schedule.batch, schedule.epochs * 2, schedule.seed)
    again.rows(step + 1)
    np.testing.assert_array_equal(schedule.rows(step), again.rows(step))


def test_passes_and_seeds_have_orders_of_their_own():
    def order(seed, epoch):
        schedule = Schedule(100, 10, 3, seed)
        return tuple(row for step in range(10) for row in schedule.rows(10 * epoch + step))

    orders = {order(seed, epoch) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9
    assert tuple(range(100)) not in orders


def test_a_remainder_of_one_is_another_pair_in_each_pass():
    schedule = Schedule(11, 5, 40, 0)
    left_out = {
        (set(range(11)) - {int(row) for step in (2 * epoch, 2 * epoch + 1) for row in schedule.rows(step)}).pop()
        for epoch in range(40)
    }
    assert len(left_out) > 5


@pytest.mark.parametrize(
    ("pairs", "batch", "epochs", "per_epoch", "steps"),
    [
        (100, 10, 1, 10, 10),
        (101, 10, 1, 10, 10),
        (102, 10, 1, 11, 11),
        (100, 10, 2.5, 10, 25),
        (100, 10, 0.25, 10, 3),
        (100, 10, 0.001, 10, 1),
        (7, 128, 3, 1, 3),
        (1000, 10, 1.1, 100, 110),
    ],
)
def test_steps_by_hand(pairs, batch, epochs, per_epoch, steps):
    schedule = Schedule(pairs, batch, epochs, 0)
    assert (schedule.steps_per_epoch, schedule.steps) == (per_epoch, steps)


@given(st.integers(1, 400), st.floats(0, 0.99))
def test_the_rate_rises_to_its_peak_and_falls_to_nothing(steps, share):
    warmup = Recipe(warmup_share=share).warmup(steps)
    factors = np.array([warmup_linear(step, steps, warmup) for step in range(steps + 1)])
    peak = int(factors.argmax())
    assert factors[peak] == 1, "every run reaches the rate it names"
    assert peak <= steps * share + 1
    assert (np.diff(factors[: peak + 1]) > 0).all()
    assert (np.diff(factors[peak:]) <= 0).all()
    assert (factors[:-1] > 0).all()
    assert factors[-1] == 0


def test_the_rate_by_hand():
    assert [warmup_linear(step, 10, 4) for step in range(11)] == pytest.approx(
        [0.25, 0.5, 0.75, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0]
    )
    assert [warmup_linear(step, 4, 1) for step in range(5)] == pytest.approx([1, 1, 2 / 3, 1 / 3, 0])
    assert warmup_linear(12, 10, 4) == 0


def test_loracode_s_warm_up_is_longer_than_some_of_its_runs():
    recipe = Recipe(warmup_steps=1000)
    assert max(warmup_linear(step, 200, recipe.warmup(200)) for step in range(200)) == 0.2
