"""Exact match with layout folded away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.metrics.matching import exact_match_at_k, folded


def test_white_space_is_folded():
    assert exact_match_at_k(["a = 1\n\tb = 2 "], [["\na  = 1 b = 2"]], 1).tolist() == [1]


def test_only_the_first_k_count():
    candidates = [["x", "y", "a"], ["a", "x", "y"]]
    assert exact_match_at_k(["a", "a"], candidates, 1).tolist() == [0, 1]
    assert exact_match_at_k(["a", "a"], candidates, 2).tolist() == [0, 1]
    assert exact_match_at_k(["a", "a"], candidates, 3).tolist() == [1, 1]


def test_what_differs_inside_a_token_differs():
    assert exact_match_at_k(["f(a, b)"], [["f(a,b)"]], 1).tolist() == [0]


@given(st.text())
def test_folding_twice_is_folding_once(text):
    assert folded(folded(text)) == folded(text)
    assert folded(text).split() == text.split()


def test_too_few_candidates_or_references():
    with pytest.raises(ValueError, match="needs 2 candidates"):
        exact_match_at_k(["a", "b"], [["a", "b"], ["b"]], 2)
    with pytest.raises(ValueError, match="candidates for 2"):
        exact_match_at_k(["a"], [["a"], ["b"]], 1)
    with pytest.raises(ValueError, match="exact match at 0"):
        exact_match_at_k(["a"], [["a"]], 0)
