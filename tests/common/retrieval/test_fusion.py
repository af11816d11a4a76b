"""Reciprocal rank fusion by hand and by its properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.retrieval.fusion import fuse, fuse_lists, mean_ranks


def test_by_hand():
    got = fuse([np.array([[3.0, 2.0, 1.0]]), np.array([[10.0, 30.0, 20.0]])])
    np.testing.assert_allclose(got, [[1 / 61 + 1 / 63, 1 / 62 + 1 / 61, 1 / 63 + 1 / 62]])


def test_weights_and_k():
    got = fuse([np.array([[2.0, 1.0]]), np.array([[1.0, 2.0]])], weights=[3, 1], k=0)
    np.testing.assert_allclose(got, [[3 + 1 / 2, 3 / 2 + 1]])


def test_equal_scores_share_their_mean_rank():
    np.testing.assert_array_equal(mean_ranks(np.array([0.0, 5.0, 0.0, 7.0, 0.0])), [4, 2, 4, 1, 4])


def test_minus_infinity_is_not_in_the_ranking():
    got = fuse([np.array([[1.0, -np.inf]]), np.array([[1.0, 2.0]])])
    np.testing.assert_allclose(got, [[1 / 61 + 1 / 62, 1 / 61]])


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12), st.randoms())
def test_only_the_order_counts_and_columns_are_alike(row, random):
    scores = np.array([row])
    order = random.sample(range(len(row)), len(row))
    one = fuse([scores, -scores])
    np.testing.assert_array_equal(fuse([scores[:, order], -scores[:, order]]), one[:, order])
    ranks = -mean_ranks(scores[0])[None]
    np.testing.assert_array_equal(fuse([ranks, -ranks]), one)


def test_lists_by_hand():
    assert fuse_lists([["a", "b", "c"], ["c", "a"]]) == [
        ("a", pytest.approx(1 / 61 + 1 / 62)),
        ("c", pytest.approx(1 / 63 + 1 / 61)),
        ("b", pytest.approx(1 / 62)),
    ]


def test_lists_keep_the_order_met_where_equal():
    assert [d for d, _ in fuse_lists([["x", "y"], ["y", "x"]])] == ["x", "y"]
    assert [d for d, _ in fuse_lists([["y", "x"], ["x", "y"]])] == ["y", "x"]
    assert fuse_lists([]) == []


def test_lists_and_matrices_agree():
    scores = [np.array([[4.0, 1.0, 3.0, 2.0]]), np.array([[1.0, 9.0, 7.0, 8.0]])]
    lists = [list(np.argsort(-matrix[0])) for matrix in scores]
    got, (expected,) = dict(fuse_lists(lists, weights=[1, 2])), fuse(scores, weights=[1, 2])
    np.testing.assert_allclose([got[i] for i in range(4)], expected)


def test_differing_shapes_nan_and_wrong_weights_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        fuse([np.zeros((1, 2)), np.zeros((1, 3))])
    with pytest.raises(ValueError, match="one shape"):
        fuse([])
    with pytest.raises(ValueError, match="NaN"):
        fuse([np.array([[np.nan, 1.0]])])
    with pytest.raises(ValueError, match="1 weights for 2"):
        fuse_lists([["a"], ["b"]], weights=[1])
