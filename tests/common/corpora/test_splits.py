import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.corpora.splits import DEV, TEST, TRAIN, split_groups

SIZES = st.dictionaries(st.text(min_size=1, max_size=4), st.integers(1, 500), max_size=30)


@given(SIZES, st.integers(0, 5))
def test_no_held_out_split_outgrows_its_share(sizes, seed):
    assignment = split_groups(sizes, dev_share=0.1, test_share=0.2, seed=seed)
    assert set(assignment) == set(sizes)
    for split, share in ((DEV, 0.1), (TEST, 0.2)):
        assert sum(sizes[group] for group in sizes if assignment[group] == split) <= 1.1 * share * sum(sizes.values())


@given(SIZES)
def test_the_order_of_the_groups_does_not_matter(sizes):
    shuffled = list(sizes.items())
    random.Random(1).shuffle(shuffled)
    once = split_groups(sizes, dev_share=0.1, test_share=0.2)
    assert split_groups(dict(shuffled), dev_share=0.1, test_share=0.2) == once


def test_many_small_groups_fill_the_shares():
    sizes = {f"module{n}": 1 + n % 7 for n in range(300)}
    assignment = split_groups(sizes, dev_share=0.08, test_share=0.12, seed=3)
    total = sum(sizes.values())
    share = {s: sum(sizes[g] for g in sizes if assignment[g] == s) / total for s in (TRAIN, DEV, TEST)}
    assert share[TEST] == pytest.approx(0.12, abs=0.015)
    assert share[DEV] == pytest.approx(0.08, abs=0.015)
    assert assignment != split_groups(sizes, dev_share=0.08, test_share=0.12, seed=4)


def test_a_huge_group_is_trained_on():
    sizes = {"huge": 1000} | {f"g{n}": 10 for n in range(100)}
    for seed in range(20):
        assert split_groups(sizes, dev_share=0.1, test_share=0.1, seed=seed)["huge"] == TRAIN


def test_no_group_makes_up_most_of_a_held_out_split():
    sizes = {"large": 80} | {f"g{n}": 10 for n in range(92)}  # the large one would fit into a share of 100
    for seed in range(50):
        assert split_groups(sizes, dev_share=0.1, test_share=0.1, seed=seed)["large"] == TRAIN


def test_impossible_shares_are_refused():
    with pytest.raises(ValueError, match="shares"):
        split_groups({"a": 1}, dev_share=0.5, test_share=0.5)
