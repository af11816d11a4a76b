import random

import pytest

from jobs.training.packing import level, plan_bucketed, plan_packed

LENGTHS = [random.Random(0).randint(1, 90) for _ in range(60)]


@pytest.mark.parametrize("plan", [plan_packed, plan_bucketed])
def test_every_example_is_in_one_pass(plan):
    passes = plan(LENGTHS, budget=128)
    assert sorted(row for micro in passes for row in micro.rows) == list(range(len(LENGTHS)))


def test_packed_rows_stay_within_the_budget_and_are_few():
    passes = plan_packed(LENGTHS, budget=128)
    assert all(sum(LENGTHS[row] for row in micro.rows) <= 128 for micro in passes)
    least = -(-sum(LENGTHS) // 128)
    assert least <= len(passes) <= 11 / 9 * least + 1


def test_shapes_are_multiples():
    assert {micro.length % 32 for micro in plan_packed(LENGTHS, budget=128)} == {0}
    assert all(micro.length >= sum(LENGTHS[row] for row in micro.rows) for micro in plan_packed(LENGTHS, budget=100))


def test_what_exceeds_the_budget_runs_alone():
    passes = plan_packed([10, 300, 20], budget=64)
    assert [micro.rows for micro in passes if 1 in micro.rows] == [(1,)]


def test_nothing_to_plan():
    assert plan_packed([], budget=64) == []
    assert level([[], plan_packed([5], budget=64)]) == 1
    assert level([]) == 0
