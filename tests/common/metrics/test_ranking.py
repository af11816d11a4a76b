"""The ranking metrics against trec_eval (through pytrec_eval), and the cases it leaves open."""

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from common.metrics.ranking import CODE2CODE_METRICS, METRICS, Pool, evaluate_block, evaluate_run

TREC = {"mrr": "recip_rank", "ndcg@10": "ndcg_cut_10"} | {f"recall@{k}": f"recall_{k}" for k in (1, 5, 10)}
# ids whose order as text differs from their order as numbers, and letters of one to four bytes in UTF-8
IDS = [f"d{i}" for i in range(14)] + ["D2", "é", "z", "￮", "😀"]
# few values, so that ties are common; the last three are equal in single precision only
SCORES = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 2.0, -3.5, 1.0 + 1e-9, 16777216.0, 16777217.0, 1e39]),
    st.floats(-1e6, 1e6, allow_nan=False),
)


def trec_eval(run, qrels):
    found = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank", "ndcg_cut.10", "recall.1,5,10"}).evaluate(run)
    return {query: {metric: values[TREC[metric]] for metric in METRICS} for query, values in found.items()}


@st.composite
def graded_pools(draw):
    pool = draw(st.lists(st.sampled_from(IDS), min_size=1, unique=True))
    scores = draw(st.lists(SCORES, min_size=len(pool), max_size=len(pool)))
    qrels = draw(st.dictionaries(st.sampled_from(IDS), st.integers(-1, 3), min_size=1))
    qrels[draw(st.sampled_from(IDS))] = draw(st.integers(1, 3))
    return pool, scores, qrels


@settings(max_examples=400, deadline=None)
@given(graded_pools())
def test_equals_trec_eval_ties_and_single_precision_included(case):
    pool, scores, grades = case
    run, qrels = {"q": dict(zip(pool, scores, strict=True))}, {"q": grades}
    expected = trec_eval(run, qrels)["q"]
    by_matrix = evaluate_block(np.array([scores]), ["q"], Pool.of(pool), qrels)
    by_run = evaluate_run(run, ["q"], qrels)
    for metric in METRICS:
        assert by_matrix[metric][0] == pytest.approx(expected[metric], abs=1e-9), metric
        assert by_run[metric][0] == by_matrix[metric][0], metric


@settings(max_examples=200, deadline=None)
@given(graded_pools())
def test_exponential_gain_equals_ir_measures_with_those_gains(case):
    pool, scores, grades = case
    with np.errstate(over="ignore"):
        run = {"q": dict(zip(pool, map(float, np.float32(scores)), strict=True))}
    measure = ir_measures.nDCG(gains={1: 1, 2: 3, 3: 7}) @ 10
    (expected,) = (found.value for found in ir_measures.iter_calc([measure], {"q": grades}, run))
    got = evaluate_block(np.array([scores]), ["q"], Pool.of(pool), {"q": grades}, gain="exponential")
    assert got["ndcg@10"][0] == pytest.approx(expected, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(graded_pools())
def test_precision_equals_trec_eval_and_xlcost_s_mrr_its_definition(case):
    pool, scores, grades = case
    run = {"q": dict(zip(pool, scores, strict=True))}
    got = evaluate_block(np.array([scores]), ["q"], Pool.of(pool), {"q": grades}, metrics=CODE2CODE_METRICS)
    assert tuple(got) == CODE2CODE_METRICS
    expected = pytrec_eval.RelevanceEvaluator({"q": grades}, {"P.6"}).evaluate(run)["q"]["P_6"]
    assert got["precision@6"][0] == pytest.approx(expected, abs=1e-9)
    with np.errstate(over="ignore"):
        order = sorted(pool, key=lambda d: (float(np.float32(run["q"][d])), d.encode()), reverse=True)
    found = [1 / place for place, document in enumerate(order, start=1) if grades.get(document, 0) > 0]
    assert got["xlcost_mrr"][0] == pytest.approx(np.mean(found) if found else 0)


def test_xlcost_looks_at_a_hundred_places_and_forgets_what_is_not_among_them():
    ids = [f"{i:03}" for i in range(200)]
    scores = -np.arange(200.0)[None]
    qrels = {"q": {"001": 1, "099": 1, "100": 1}}
    got = evaluate_block(scores, ["q"], Pool.of(ids), qrels, metrics=["xlcost_mrr", "precision@6"])
    assert got["xlcost_mrr"][0] == pytest.approx((1 / 2 + 1 / 100) / 2)
    assert got["precision@6"][0] == pytest.approx(1 / 6)
    only_late = {"q": {"150": 1}}
    assert evaluate_block(scores, ["q"], Pool.of(ids), only_late, metrics=["xlcost_mrr"])["xlcost_mrr"][0] == 0


def test_many_queries_at_once_keep_their_order():
    rng = np.random.default_rng(0)
    ids, queries = [f"d{i}" for i in range(200)], [f"q{i}" for i in range(50)]
    scores = rng.integers(0, 20, size=(50, 200)).astype(np.float32)  # ten documents to a score
    qrels = {q: {ids[i]: int(rng.integers(1, 4)) for i in rng.choice(200, 3, replace=False)} for q in queries}
    ours = evaluate_block(scores, queries, Pool.of(ids), qrels)
    run = {q: dict(zip(ids, map(float, row), strict=True)) for q, row in zip(queries, scores, strict=True)}
    expected = trec_eval(run, qrels)
    for metric in METRICS:
        np.testing.assert_allclose(ours[metric], [expected[q][metric] for q in queries], atol=1e-9)


def test_tied_documents_stand_in_falling_order_of_their_ids():
    pool = Pool.of(["a", "c", "b"])
    ranks = [1 / evaluate_block(np.zeros((1, 3)), ["q"], pool, {"q": {d: 1}})["mrr"][0] for d in "cba"]
    assert ranks == [1, 2, 3]


def test_mrr_is_not_cut():
    ids = [f"{i:04}" for i in range(1000)]
    scores = -np.arange(1000.0)[None]
    assert evaluate_block(scores, ["q"], Pool.of(ids), {"q": {"0999": 1}})["mrr"][0] == pytest.approx(1 / 1000)


def test_exponential_gain_by_hand():
    scores, qrels = np.array([[3.0, 2.0, 1.0]]), {"q": {"a": 1, "b": 3}}
    got = evaluate_block(scores, ["q"], Pool.of(["a", "b", "c"]), qrels, gain="exponential")["ndcg@10"][0]
    assert got == pytest.approx((1 + 7 / np.log2(3)) / (7 + 1 / np.log2(3)))


def test_relevant_document_outside_the_pool_counts_as_never_found():
    got = evaluate_block(np.array([[1.0]]), ["q"], Pool.of(["a"]), {"q": {"a": 1, "gone": 1}})
    assert got["recall@10"][0] == 0.5
    assert got["mrr"][0] == 1
    assert got["ndcg@10"][0] == pytest.approx(1 / (1 + 1 / np.log2(3)))


def test_query_that_the_run_does_not_answer_scores_zero():
    got = evaluate_run({"q1": {"a": 1.0}}, ["q0", "q1"], {"q0": {"a": 1}, "q1": {"a": 1}})
    assert {metric: list(values) for metric, values in got.items()} == {metric: [0, 1] for metric in METRICS}


@pytest.mark.parametrize("grades", [{}, {"a": 0}, {"a": -1}])
def test_query_without_a_relevant_document_is_refused(grades):
    with pytest.raises(ValueError, match="'q' has no relevant document"):
        evaluate_block(np.zeros((1, 1)), ["q"], Pool.of(["a"]), {"q": grades})


def test_nan_wrong_shape_and_repeated_ids_are_refused():
    qrels = {"q": {"a": 1}}
    with pytest.raises(ValueError, match="NaN"):
        evaluate_block(np.array([[1.0, np.nan]]), ["q"], Pool.of(["a", "b"]), qrels)
    with pytest.raises(ValueError, match=r"\(1, 3\), not \(1, 2\)"):
        evaluate_block(np.zeros((1, 3)), ["q"], Pool.of(["a", "b"]), qrels)
    with pytest.raises(ValueError, match="more than once"):
        Pool.of(["a", "b", "a"])


def test_no_queries_give_empty_arrays():
    got = evaluate_block(np.zeros((0, 1)), [], Pool.of(["a"]), {})
    assert {metric: values.shape for metric, values in got.items()} == dict.fromkeys(METRICS, (0,))
    assert evaluate_run({}, [], {})["mrr"].shape == (0,)
