"""The planner against its rules, on queues that hypothesis draws."""

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.planner import Item, Planner

LONGEST = 512
LANES = {"a": "mixed", "b": "mixed", None: "mixed", "ia3": "own"}


def items(most=40, latest=5):
    row = st.tuples(st.integers(1, LONGEST), st.sampled_from(list(LANES)), st.integers(0, latest))
    return st.lists(row, max_size=most).map(
        lambda rows: [Item(i, size, name, LANES[name], when) for i, (size, name, when) in enumerate(rows)]
    )


def planner(waiting, *, budget=1024, rows=16, **options):
    made = Planner(budget=budget, rows=rows, longest=LONGEST, **options)
    for item in waiting:
        made.add(item)
    return made


def drained(made):
    batches = []
    while batch := made.next():
        batches.append(batch)
    return batches


@given(items(), st.integers(1, 2048), st.integers(1, 20))
def test_every_row_runs_once_in_batches_within_the_limits(waiting, budget, rows):
    batches = drained(planner(waiting, budget=budget, rows=rows))
    assert Counter(item for batch in batches for item in batch.items) == Counter(waiting)
    for batch in batches:
        assert len(batch.items) <= rows
        assert {item.lane for item in batch.items} == {batch.lane}
        assert batch.length * len(batch.items) <= budget or len(batch.items) == 1
        assert max(item.length for item in batch.items) <= batch.length <= LONGEST


@given(items(), st.sampled_from([0.0, 0.25, 0.5]), st.sampled_from([0, 32]), st.sampled_from([1, 8, 16]))
def test_padding_is_bounded(waiting, waste, spare, multiple):
    for batch in drained(planner(waiting, waste=waste, spare=spare, multiple=multiple)):
        for item in batch.items:
            assert batch.length - item.length < multiple + max(spare, waste * batch.length)
        assert batch.length % multiple == 0 or batch.length == LONGEST


@given(items(), st.randoms(use_true_random=False))
def test_the_order_in_which_rows_were_added_does_not_matter(waiting, random):
    shuffled = random.sample(waiting, len(waiting))
    assert drained(planner(waiting)) == drained(planner(shuffled))


@given(items(), st.integers(1, 4))
def test_the_oldest_row_is_in_the_batch_unless_an_adapter_was_passed_over(waiting, patience):
    made, left, since = planner(waiting, patience=patience), list(waiting), {}
    flows = {item.adapter for item in waiting}
    for number in range(len(waiting)):
        batch = made.next()
        if batch is None:
            break
        oldest = min(left, key=lambda item: item.age)
        overdue = {flow for flow in flows if number - since.get(flow, 0) >= patience}
        overdue &= {item.adapter for item in left}
        ran = {item.adapter for item in batch.items}
        assert ran & overdue if overdue else oldest in batch.items
        since |= dict.fromkeys(ran, number + 1)
        left = [item for item in left if item not in batch.items]


@given(items(most=60, latest=0), st.integers(1, 3))
def test_no_adapter_waits_longer_than_patience_and_the_others_turns(waiting, patience):
    made, since, number = planner(waiting, patience=patience, rows=2), {}, 0
    while len(made):
        left = {item.adapter for item in made._items.values()}
        assert all(number - since.get(name, 0) <= patience + len(LANES) for name in left)
        number += 1
        since |= dict.fromkeys((item.adapter for item in made.next().items), number)


@given(items(most=60))
def test_rows_of_one_adapter_and_like_length_run_in_their_order(waiting):
    alike = [Item(item.id, 100, item.adapter, item.lane, item.arrival) for item in waiting]
    for name in LANES:
        ran = [item.age for batch in drained(planner(alike)) for item in batch.items if item.adapter == name]
        assert ran == sorted(ran)


@given(st.integers(1, 10), st.integers(2, 6))
def test_a_flood_of_one_adapter_takes_what_the_others_leave(others, rows):
    flood = [Item(i, 100, "flood", "mixed", 0) for i in range(1000)]
    late = [Item(2000 + i, 100, f"single {i}", "mixed", 1) for i in range(others)]
    made = planner([*flood, *late], rows=rows)
    waited = -(-others // (rows - 1))
    batches = [made.next() for _ in range(waited)]
    assert {item.adapter for batch in batches for item in batch.items} >= {item.adapter for item in late}
    for batch in batches[:-1]:
        assert sum(item.adapter == "flood" for item in batch.items) <= 1


def test_a_flood_does_not_hold_up_another_lane_for_long():
    flood = [Item(i, 100, "flood", "mixed", 0) for i in range(1000)]
    made = planner([*flood, Item(2000, 100, "ia3", "own", 1)], patience=3)
    assert [made.next().lane for _ in range(5)] == ["mixed"] * 3 + ["own", "mixed"]


def test_rows_of_like_length_are_taken_before_older_ones_of_another():
    waiting = [Item(0, 30, None, "mixed", 0), Item(1, 500, None, "mixed", 1), Item(2, 28, None, "mixed", 2)]
    first, second = drained(planner(waiting))
    assert [item.id for item in first.items] == [0, 2]
    assert [item.id for item in second.items] == [1]


def test_a_batch_is_as_long_as_lets_most_rows_join():
    waiting = [Item(0, 16, None, "mixed", 0), *(Item(i, 40, None, "mixed", 1) for i in range(1, 9))]
    (batch,) = drained(planner(waiting))
    assert batch.length == 48


def test_dropped_rows_do_not_run():
    made = planner([Item(i, 10, None, "mixed", 0) for i in range(3)])
    made.drop([1, 99])
    assert len(made) == 2
    assert [item.id for batch in drained(made) for item in batch.items] == [0, 2]
    assert made.next() is None


def test_an_item_waits_once():
    with pytest.raises(ValueError, match="waits already"):
        planner([Item(1, 10, None, "mixed", 0), Item(1, 12, "a", "mixed", 0)])


def test_time_grows_nearly_in_proportion_to_the_queue():
    def of_one_batch(count):
        waiting = [Item(i, 1 + i * 37 % LONGEST, i % 500, "mixed", i) for i in range(count)]
        best = float("inf")
        for _ in range(5):
            made = planner(waiting)
            start = time.process_time()
            made.next()
            best = min(best, time.process_time() - start)
        return best

    assert of_one_batch(10_000) < 50 * of_one_batch(1_000)  # a square would be 100 times
