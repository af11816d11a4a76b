from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common.models.batching import Chunk, padding_share, plan_chunks, split_evenly

LENGTHS = st.lists(st.integers(0, 400), max_size=60)
BUDGET = st.integers(1, 3000)
MULTIPLE = st.sampled_from([1, 8, 16, 64])


@given(LENGTHS, BUDGET, MULTIPLE)
def test_every_row_is_in_exactly_one_chunk(lengths, budget, multiple):
    chunks = plan_chunks(lengths, budget=budget, multiple=multiple)
    assert sorted(row for chunk in chunks for row in chunk.rows) == list(range(len(lengths)))
    assert all(chunk.rows for chunk in chunks)


@given(LENGTHS, BUDGET, MULTIPLE)
def test_the_budget_holds_unless_one_row_is_longer(lengths, budget, multiple):
    for chunk in plan_chunks(lengths, budget=budget, multiple=multiple):
        assert len(chunk.rows) * chunk.length <= budget or len(chunk.rows) == 1


@given(LENGTHS, BUDGET, MULTIPLE)
def test_a_length_is_the_smallest_multiple_that_holds_its_rows(lengths, budget, multiple):
    for chunk in plan_chunks(lengths, budget=budget, multiple=multiple):
        longest = max(lengths[row] for row in chunk.rows)
        assert chunk.length % multiple == 0
        assert chunk.length - multiple < max(1, longest) <= chunk.length


@given(LENGTHS, BUDGET, MULTIPLE)
def test_chunks_are_full_and_go_from_long_to_short(lengths, budget, multiple):
    chunks = plan_chunks(lengths, budget=budget, multiple=multiple)
    for chunk in chunks[:-1]:
        assert (len(chunk.rows) + 1) * chunk.length > budget
    order = [row for chunk in chunks for row in chunk.rows]
    assert all((-lengths[a], a) < (-lengths[b], b) for a, b in pairwise(order)), "equal rows keep their order"


def test_a_plan_by_hand():
    assert plan_chunks([5, 40, 16, 17, 1], budget=64) == [
        Chunk((1,), 48),
        Chunk((3, 2), 32),
        Chunk((0, 4), 16),
    ]
    assert plan_chunks([], budget=64) == []
    assert plan_chunks([0], budget=64) == [Chunk((0,), 16)], "the model cannot run over no token at all"


def test_padding_share_by_hand():
    chunks = [Chunk((1,), 48), Chunk((3, 2), 32), Chunk((0, 4), 16)]
    assert padding_share([5, 40, 16, 17, 1], chunks) == pytest.approx(1 - 79 / 144)
    assert padding_share([16, 16], [Chunk((0, 1), 16)]) == 0
    assert padding_share([], []) == 0


@given(LENGTHS.filter(any), MULTIPLE)
def test_sorted_chunks_pad_no_more_than_one_big_rectangle(lengths, multiple):
    everything = padding_share(lengths, plan_chunks(lengths, budget=10**9, multiple=multiple))
    assert 0 <= padding_share(lengths, plan_chunks(lengths, budget=512, multiple=multiple)) <= everything + 1e-12


@given(LENGTHS, st.integers(1, 6))
def test_every_row_goes_to_one_worker(lengths, parts):
    shares = split_evenly(lengths, parts)
    assert len(shares) == parts
    assert sorted(row for share in shares for row in share) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 6))
@example([100] + 8 * [1], 4)
def test_row_counts_stay_within_one_of_each_other(lengths, parts):
    counts = [len(share) for share in split_evenly(lengths, parts)]
    assert max(counts) - min(counts) <= 1


@given(st.lists(st.integers(1, 400), min_size=1, max_size=40), st.integers(1, 5))
def test_loads_differ_by_one_text_at_most(lengths, parts):
    loads = [sum(lengths[row] for row in share) for share in split_evenly(lengths, parts)]
    assert max(loads) - min(loads) <= max(lengths)


def test_equal_rows_are_dealt_in_turn():
    assert split_evenly([7] * 5, 2) == [[0, 2, 4], [1, 3]]
    assert split_evenly([1, 9, 8, 2], 2) == [[1, 0], [2, 3]]
    assert split_evenly([3, 2, 1], 1) == [[0, 1, 2]]
