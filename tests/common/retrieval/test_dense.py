"""Exact search by cosine against plain numpy."""

import numpy as np
import pytest

from common.retrieval.dense import DenseIndex, unit

RNG = np.random.default_rng(0)
DOCUMENTS, QUERIES = RNG.normal(size=(50, 8)), RNG.normal(size=(6, 8))


def cosines():
    return QUERIES @ DOCUMENTS.T / np.outer(np.linalg.norm(QUERIES, axis=1), np.linalg.norm(DOCUMENTS, axis=1))


@pytest.fixture
def index():
    made = DenseIndex(8)
    made.add(1000 + np.arange(50), DOCUMENTS)
    return made


def test_top_is_what_sorting_all_cosines_gives(index):
    ids, scores = index.top(QUERIES, 5)
    order = np.argsort(-cosines(), axis=1)[:, :5]
    np.testing.assert_array_equal(ids, 1000 + order)
    np.testing.assert_allclose(scores, np.take_along_axis(cosines(), order, axis=1), atol=1e-6)


def test_length_of_vectors_does_not_matter(index):
    np.testing.assert_array_equal(index.top(QUERIES * 1e-3, 9)[0], index.top(QUERIES * 1e20, 9)[0])


def test_more_asked_than_there_is(index):
    assert index.top(QUERIES, 500)[0].shape == (6, 50)
    ids, scores = DenseIndex(8).top(QUERIES, 5)
    assert ids.shape == scores.shape == (6, 0)
    assert index.top(QUERIES, 0)[0].shape == (6, 0)


def test_removed_is_found_no_more_and_its_id_is_free(index):
    best = index.top(QUERIES[:1], 1)[0][0, 0]
    assert index.remove([best, 5]) == 1
    assert len(index) == 49
    assert best not in index.top(QUERIES[:1], 49)[0]
    index.add([best], QUERIES[:1])
    assert index.top(QUERIES[:1], 1)[0][0, 0] == best


def test_equal_vectors_come_by_rising_id():
    index = DenseIndex(2)
    index.add([7, 3, 5], np.ones((3, 2)))
    assert index.top(np.ones((1, 2)), 3)[0].tolist() == [[3, 5, 7]]


@pytest.mark.parametrize("call", ["add", "top"])
def test_wrong_dimension_is_refused_with_both_numbers(index, call):
    with pytest.raises(ValueError, match="4 dimensions where 8"):
        index.add([1], np.ones((1, 4))) if call == "add" else index.top(np.ones((1, 4)), 1)


def test_known_repeated_and_missing_ids_are_refused(index):
    for ids in ([1000, 1], [1, 1]):
        with pytest.raises(ValueError, match="already, or comes twice"):
            index.add(ids, np.ones((2, 8)))
    with pytest.raises(ValueError, match="1 ids for 2 vectors"):
        index.add([1], np.ones((2, 8)))
    assert len(index) == 50


def test_unit_rows_zero_rows_and_bad_rows():
    given = np.array([[3.0, 4.0], [0.0, 0.0], [1e30, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(unit(given), [[0.6, 0.8], [0, 0], [1, 0]], rtol=1e-6)
    assert given[0, 0] == 3  # the caller's array is left alone
    with pytest.raises(ValueError, match="NaN"):
        unit(np.array([[np.nan, 1.0]]))
    with pytest.raises(ValueError, match="two axes"):
        unit(np.ones(3))
