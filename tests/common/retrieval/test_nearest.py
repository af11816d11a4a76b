"""Search over vectors on disk: equal to brute force where exact, close to it where not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.retrieval import nearest
from common.retrieval.dense import unit
from common.retrieval.nearest import Pool, SearchRule

EXACT = SearchRule(exact_up_to=10**6, probes=4)


def vectors(count, dimension=8, seed=0):
    return unit(np.random.default_rng(seed).normal(size=(count, dimension)))


@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 20), st.integers(0, 5))
def test_exact_search_is_brute_force(count, k, block, seed):
    documents, queries = vectors(count, seed=seed), vectors(5, seed=seed + 100)
    members = np.random.default_rng(seed).permutation(count)[: max(1, count // 2)]
    before, nearest.BLOCK = nearest.BLOCK, block
    try:
        ids, scores = Pool(members, documents.__getitem__, EXACT).top(queries, k)
    finally:
        nearest.BLOCK = before
    every = queries @ documents[members].T
    best = np.argsort(-every, axis=1)[:, :k]
    found = min(k, len(members))
    assert ids.shape == scores.shape == (5, k)
    assert ids[:, :found].tolist() == members[best].tolist()
    assert scores[:, :found] == pytest.approx(np.take_along_axis(every, best, axis=1), abs=1e-6)
    assert (ids[:, found:] == -1).all()
    assert np.isneginf(scores[:, found:]).all()


def test_equal_documents_come_by_rising_id():
    one = np.repeat(vectors(1), 6, axis=0)
    ids, _ = Pool(np.array([5, 1, 3]), one.__getitem__, EXACT).top(one[:1], 3)
    assert ids.tolist() == [[1, 3, 5]]


def test_above_the_limit_the_search_is_approximate_and_still_good():
    documents, queries = vectors(3000, 16), vectors(40, 16, seed=1)
    members = np.arange(1000, 3000)
    rule = SearchRule(exact_up_to=1999, probes=60)
    assert (rule.lists(1999), rule.lists(2000)) == (0, 179)
    assert rule.describe(2000) == "IVF, 60 of 179 lists"
    ids, scores = Pool(members, documents.__getitem__, rule).top(queries, 10)
    exact, _ = Pool(members, documents.__getitem__, EXACT).top(queries, 10)
    shared = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(ids.tolist(), exact.tolist(), strict=True)])
    assert shared > 0.8
    assert ids.min() >= 1000
    expected = np.einsum("qh,qkh->qk", queries, documents[ids])
    assert scores == pytest.approx(expected, abs=2e-3)  # half precision in the lists
    again, _ = Pool(members, documents.__getitem__, rule).top(queries, 10)
    assert again.tolist() == ids.tolist()
