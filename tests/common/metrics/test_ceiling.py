"""The ceiling of the strict protocol against enumeration of every ranker of a small pool."""

from collections import Counter
from itertools import pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.metrics.ceiling import first_place, strict_ceiling
from common.metrics.ranking import METRICS, Pool, evaluate_block


def by_enumeration(documents, grades):
    """Best expectation over all ways to score the texts (ties between texts too), all orders of copies averaged."""
    ids, texts = list(documents), sorted(set(documents.values()))
    best = dict.fromkeys(METRICS, 0.0)
    for levels in product(range(len(texts)), repeat=len(texts)):
        score = dict(zip(texts, levels, strict=True))
        falls = [[score[documents[d]] for d in order] for order in permutations(ids)]
        orders = [o for o, fall in zip(permutations(ids), falls, strict=True) if all(a >= b for a, b in pairwise(fall))]
        scores = np.array([[-order.index(d) for d in ids] for order in orders], dtype=float)
        queries = [str(i) for i in range(len(orders))]
        got = evaluate_block(scores, queries, Pool.of(ids), dict.fromkeys(queries, grades))
        best = {metric: max(best[metric], got[metric].mean()) for metric in METRICS}
    return best


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from("xyz"), min_size=1, max_size=5),
    st.dictionaries(st.sampled_from("01234"), st.integers(1, 3), min_size=1, max_size=3),
)
def test_equals_the_best_ranker_found_by_enumeration(texts, grades):
    documents = {str(i): text for i, text in enumerate(texts)}
    expected = by_enumeration(documents, grades)
    got = strict_ceiling(documents, ["q"], {"q": grades})
    for metric in METRICS:
        assert got[metric][0] == pytest.approx(expected[metric]), metric


def test_one_relevant_among_four_copies_by_hand():
    documents = {"a": "f", "b": "f", "c": "f", "d": "f", "e": "g"}
    got = {metric: values[0] for metric, values in strict_ceiling(documents, ["q"], {"q": {"b": 1}}).items()}
    assert got["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert (got["recall@1"], got["recall@5"], got["recall@10"]) == (0.25, 1, 1)
    assert got["ndcg@10"] == pytest.approx(sum(1 / np.log2(i + 1) for i in range(1, 5)) / 4)


def test_more_copies_than_places():
    documents = {str(i): "same" for i in range(40)}
    got = {metric: values[0] for metric, values in strict_ceiling(documents, ["q"], {"q": {"7": 1}}).items()}
    assert got["mrr"] == pytest.approx(sum(1 / i for i in range(1, 41)) / 40)
    assert (got["recall@1"], got["recall@5"], got["recall@10"]) == (1 / 40, 5 / 40, 10 / 40)
    assert got["ndcg@10"] == pytest.approx(sum(1 / np.log2(i + 1) for i in range(1, 11)) / 40)


def test_distinct_documents_have_no_ceiling_below_one():
    documents = {str(i): f"text {i}" for i in range(30)}
    got = strict_ceiling(documents, ["p", "q"], {"p": {"3": 1}, "q": {"4": 2, "5": 1}})
    assert all(np.allclose(got[metric], 1) for metric in METRICS if metric != "recall@1")
    assert list(got["recall@1"]) == [1, 0.5]  # one place cannot hold two documents


def test_random_order_of_copies_reaches_the_ceiling_on_average():
    rng = np.random.default_rng(0)
    documents = {str(i): text for i, text in enumerate("aaabbc")}
    queries = [str(i) for i in range(4000)]
    qrels = {query: {"1": 1} for query in queries}
    score = np.array([ord("z") - ord(text) for text in documents.values()])
    got = evaluate_block(score + rng.random((4000, 6)) / 2, queries, Pool.of(list(documents)), qrels)["mrr"]
    assert got.mean() == pytest.approx(strict_ceiling(documents, ["0"], qrels)["mrr"][0], abs=0.02)


def test_merged_groups_never_start_better_than_the_better_of_the_two():
    sizes = [(m, r) for m in range(1, 9) for r in range(1, m + 1)]
    for (m, r), (n, s) in product(sizes, sizes):
        assert first_place(m + n, r + s) <= max(first_place(m, r), first_place(n, s)) + 1e-12


def test_first_place_by_enumeration():
    for copies in range(1, 7):
        for hits in range(1, copies + 1):
            orders = Counter(min(order[:hits]) + 1 for order in permutations(range(copies)))
            expected = sum(count / place for place, count in orders.items()) / orders.total()
            assert first_place(copies, hits) == pytest.approx(expected)


def test_query_without_a_relevant_document_is_refused():
    with pytest.raises(ValueError, match="no relevant document"):
        strict_ceiling({"a": "x"}, ["q"], {"q": {"a": 0}})
