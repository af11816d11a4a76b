"""Each protocol against the same thing done the slow way: a pool and judgements that are really rebuilt."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.metrics.protocols import collapsed, multi_positive, strict
from common.metrics.ranking import CODE2CODE_METRICS, METRICS, Pool, evaluate_block

QUERIES = ["p", "q"]


@st.composite
def repeating_sets(draw):
    """(documents, problems, qrels, scores); copies of a text get one score, as every ranker of texts gives them."""
    ids = draw(st.lists(st.sampled_from([f"d{i}" for i in range(12)]), min_size=2, unique=True))
    documents = {document: draw(st.sampled_from("uvwxyz")) for document in ids}
    problems = {document: draw(st.sampled_from("AB")) for document in ids if draw(st.booleans())}
    qrels = {}
    for query in QUERIES:
        qrels[query] = draw(st.dictionaries(st.sampled_from(ids), st.integers(-1, 3)))
        qrels[query][draw(st.sampled_from(ids))] = draw(st.integers(1, 3))
    by_text = draw(st.lists(st.tuples(*[st.integers(0, 3)] * 6), min_size=2, max_size=2))
    scores = np.array([[row["uvwxyz".index(text)] for text in documents.values()] for row in by_text], dtype=float)
    return documents, problems, qrels, scores


def same(got, expected):
    assert tuple(got) == tuple(expected)
    for metric in expected:
        np.testing.assert_allclose(got[metric], expected[metric], atol=1e-12, err_msg=metric)


@given(repeating_sets())
def test_strict_is_what_it_always_was(case):
    documents, _, qrels, scores = case
    got = strict(list(documents), qrels).evaluate(scores, QUERIES, "linear")
    same(got, evaluate_block(scores, QUERIES, Pool.of(list(documents)), qrels))


@given(repeating_sets())
def test_collapsed_equals_a_pool_without_copies(case):
    documents, _, qrels, scores = case
    rule = collapsed(documents, qrels)
    ids = list(documents)
    kept = [i for i, d in enumerate(ids) if documents[d] not in [documents[e] for e in ids[:i]]]
    if len(kept) == len(ids):
        assert rule is None
        return
    name = {documents[ids[i]]: ids[i] for i in kept}
    merged = {
        query: {name[text]: max(g for d, g in grades.items() if documents[d] == text) for text in name
                if any(documents[d] == text for d in grades)}
        for query, grades in qrels.items()
    }  # fmt: skip
    expected = evaluate_block(scores[:, kept], QUERIES, Pool.of([ids[i] for i in kept]), merged)
    same(rule.evaluate(scores, QUERIES, "linear"), expected)


@given(repeating_sets())
def test_multi_positive_equals_judgements_written_out(case):
    documents, problems, qrels, scores = case
    rule = multi_positive(dict.fromkeys(QUERIES, "?"), documents, problems, qrels, CODE2CODE_METRICS)
    wider = {}
    for query, grades in qrels.items():
        best = {}
        for document, grade in grades.items():
            if grade > 0 and document in problems:
                best[problems[document]] = max(best.get(problems[document], 0), grade)
        wider[query] = {
            d: grades[d] if grades.get(d, 0) > 0 else best.get(problems.get(d), grades.get(d, 0)) for d in documents
        }
    new = any(grade > 0 >= qrels[query].get(d, 0) for query, grades in wider.items() for d, grade in grades.items())
    assert (rule is not None) == new
    if rule:
        pool = Pool.of(list(documents))
        same(
            rule.evaluate(scores, QUERIES, "exponential"),
            evaluate_block(scores, QUERIES, pool, wider, gain="exponential", metrics=CODE2CODE_METRICS),
        )


def test_nothing_repeats_nothing_differs():
    documents, qrels = {"a": "x", "b": "y"}, {"p": {"a": 1}}
    assert collapsed(documents, qrels) is None
    assert multi_positive({"p": "?"}, documents, {}, qrels, METRICS) is None
    assert multi_positive({"p": "?"}, documents, {"a": "1", "b": "2"}, qrels, METRICS) is None


def test_the_best_judgement_of_a_copy_counts():
    rule = collapsed({"a": "x", "b": "x", "c": "y"}, {"p": {"a": 0, "b": 2, "c": 1}})
    assert rule.qrels == {"p": {"a": 2, "c": 1}}
    assert list(rule.columns) == [0, 2]


def test_the_query_does_not_find_itself_in_its_own_pool():
    programs = {"a1": "for", "a2": "while", "b1": "sort", "b2": "quick"}
    problems = {"a1": "A", "a2": "A", "b1": "B", "b2": "B"}
    queries = {"a1": "for", "b1": "sort"}
    qrels = {"a1": {"a1": 1, "a2": 1}, "b1": {"b2": 1}}
    rule = multi_positive(queries, programs, problems, qrels, METRICS)
    scores = np.array([[9, -1, 2, 3], [0, 1, 9, 2]], dtype=np.float32)  # cosines may be negative
    before = scores.copy()
    got = rule.evaluate(scores, list(queries), "linear")
    assert list(got["mrr"]) == [1 / 3, 1], "a1 comes after b2 and b1 when it is out of its own way; b2 first"
    np.testing.assert_array_equal(scores, before)
    # as in a pool that the query is not in
    alone = evaluate_block(scores[:1, 1:], ["a1"], Pool.of(["a2", "b1", "b2"]), {"a1": {"a2": 1}})
    assert got["mrr"][0] == alone["mrr"][0]


def test_an_equal_id_with_another_text_is_an_answer():
    rule = multi_positive(
        {"7": "int f()"}, {"7": "def f", "8": "def g"}, {"7": "P", "8": "P"}, {"7": {"7": 1}}, METRICS
    )
    assert not rule.hidden
    assert rule.qrels == {"7": {"7": 1, "8": 1}}


def test_a_query_with_nothing_else_to_find_is_not_scored():
    programs, problems = {"a": "x", "b": "y", "c": "z"}, {"a": "A", "b": "B", "c": "B"}
    rule = multi_positive({"a": "x", "b": "y"}, programs, problems, {"a": {"a": 1}, "b": {"c": 1}}, METRICS)
    assert rule.unanswerable == {"a"}
    got = rule.evaluate(np.array([[3, 2, 1], [3, 2, 1.0]]), ["a", "b"], "linear")
    assert list(got["mrr"]) == [1 / 2]
    assert len(rule.evaluate(np.ones((1, 3)), ["a"], "linear")["mrr"]) == 0


def test_repeated_ids_are_refused():
    with pytest.raises(ValueError, match="more than once"):
        strict(["a", "a"], {})
