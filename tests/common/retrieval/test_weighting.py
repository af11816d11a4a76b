"""Fusion with weights by hand, its two forms against each other, and what the choice of weights goes by."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.metrics.ranking import Pool, evaluate_block
from common.retrieval.fusion import fuse
from common.retrieval.weighting import EQUAL, METRIC, RANK_CONSTANTS, WEIGHTS, Fusion, apply, apply_lists, choose

FUSIONS = [EQUAL, Fusion(0.3, 0.7, k=10), Fusion(0, 1), Fusion(0.3, 0.7, "scores", floor=0.1), Fusion(0, 1, "scores")]


def matrices(queries=12, documents=15, seed=0):
    """BM25-like scores with many zeros, and cosines."""
    rng = np.random.default_rng(seed)
    words = rng.gamma(2, 3, (queries, documents)) * (rng.random((queries, documents)) < 0.4)
    return words.astype(np.float32), rng.uniform(-0.1, 0.7, (queries, documents)).astype(np.float32)


def judged(right):
    """Queries, pool and judgements where query i is answered by column right[i]."""
    names = [f"q{i}" for i in range(len(right))]
    return names, {name: {f"d{column}": 1} for name, column in zip(names, right, strict=True)}


def pool(documents):
    return Pool.of([f"d{n}" for n in range(documents)])


def raised(scores, right, by):
    """The scores with those of the right answers raised."""
    better = scores.copy()
    better[np.arange(len(right)), right] += by
    return better


def test_scores_by_hand():
    fusion = Fusion(0.25, 0.75, "scores", floor=0.1)
    got = apply(fusion, np.array([[8.0, 0.0, 2.0]]), np.array([[0.3, 0.5, 0.1]]))
    np.testing.assert_allclose(got, [[0.25 + 0.75 / 2, 0.75, 0.25 / 4]])


def test_without_any_choice_it_is_reciprocal_rank_fusion_as_published():
    words, cosines = matrices()
    np.testing.assert_allclose(2 * apply(EQUAL, words, cosines), fuse([words, cosines]))


def test_rank_fusion_takes_weights_and_constant():
    words, cosines = matrices()
    expected = fuse([words, cosines], weights=[0.3, 0.7], k=10)
    np.testing.assert_allclose(apply(Fusion(0.3, 0.7, k=10), words, cosines), expected)


def test_a_query_without_a_known_word_is_ranked_by_the_vectors_alone():
    cosines = matrices()[1][:1]
    got = apply(Fusion(0.9, 0.1, "scores"), np.zeros_like(cosines), cosines)
    np.testing.assert_array_equal(np.argsort(-got), np.argsort(-cosines))


def test_cosines_below_the_floor_keep_their_order():
    got = apply(Fusion(0, 1, "scores", floor=0.9), np.zeros((1, 3)), np.array([[0.2, 0.8, 0.5]]))
    np.testing.assert_allclose(got, [[0, 1, 0.5]])


def test_equal_scores_everywhere_say_nothing():
    assert not apply(Fusion(0.5, 0.5, "scores"), np.zeros((2, 3)), np.zeros((2, 3))).any()


@pytest.mark.parametrize("fusion", FUSIONS, ids=str)
def test_minus_infinity_is_not_in_the_ranking(fusion):
    words, cosines = np.array([[4.0, 2.0, -np.inf]]), np.array([[-np.inf, 0.2, 0.4]])
    shared = apply_lists(fusion, [("a", 4.0), ("b", 2.0)], [("b", 0.2), ("c", 0.4)])
    np.testing.assert_allclose(apply(fusion, words, cosines), [[dict(shared)[name] for name in "abc"]])


@pytest.mark.parametrize("fusion", FUSIONS, ids=str)
@given(data=st.data())
def test_complete_lists_in_any_order_give_what_the_matrices_give(fusion, data):
    count = data.draw(st.integers(1, 8))
    score = st.integers(-5, 50).map(lambda value: value / 50)  # so that ties occur
    rows = [np.array(data.draw(st.lists(score, min_size=count, max_size=count))) for _ in range(2)]
    lists = [data.draw(st.permutations(list(enumerate(row.tolist())))) for row in rows]
    got = apply_lists(fusion, *lists)
    assert [score for _, score in got] == sorted((score for _, score in got), reverse=True)
    np.testing.assert_allclose([dict(got)[n] for n in range(count)], apply(fusion, *(r[None] for r in rows))[0])


@given(st.integers(0, 1000), st.integers(1, 14))
def test_a_cut_list_leaves_the_scores_of_what_both_lists_hold(seed, depth):
    words, cosines = (matrix[0] for matrix in matrices(1, seed=seed))
    fusion = Fusion(0.4, 0.6, "scores", floor=0.1)
    whole = apply(fusion, words[None], cosines[None])[0]
    tops = [np.argsort(-row)[:depth] for row in (words, cosines)]
    got = dict(
        apply_lists(fusion, *([(n, row[n]) for n in top] for row, top in zip((words, cosines), tops, strict=True)))
    )
    assert set(got) == set(tops[0]) | set(tops[1])
    if cosines.max() > fusion.floor:
        for document in set(tops[0]) & set(tops[1]):
            assert got[document] == pytest.approx(whole[document])
    candidates = sorted(got)  # with the scores looked up that the lists lack
    looked_up = ([(document, row[document]) for document in candidates] for row in (words, cosines))
    if cosines.max() > fusion.floor:
        assert dict(apply_lists(fusion, *looked_up)) == pytest.approx({n: whole[n] for n in candidates})


def test_lists_keep_the_order_met_where_equal_and_may_be_empty():
    assert [name for name, _ in apply_lists(EQUAL, [("x", 2.0), ("y", 1.0)], [("y", 2.0), ("x", 1.0)])] == ["x", "y"]
    for fusion in FUSIONS:
        assert apply_lists(fusion, [], []) == []
        assert [name for name, _ in apply_lists(fusion, [], [("a", 0.3), ("b", 0.5)])] == ["b", "a"]


def test_where_words_mislead_they_get_next_to_nothing():
    rng = np.random.default_rng(1)
    right = rng.integers(0, 40, 200)
    words, cosines = matrices(200, 40)
    queries, qrels = judged(right)
    # the words point somewhere else for certain, the vectors mostly to the answer
    got = choose(raised(words, (right + 1) % 40, 40), raised(cosines, right, 0.45), queries, pool(40), qrels)
    assert got.lexical <= 0.1


def test_where_vectors_say_nothing_the_words_get_most():
    right = np.random.default_rng(1).integers(0, 40, 200)
    words, cosines = matrices(200, 40)
    queries, qrels = judged(right)
    got = choose(raised(words, right, 8), raised(cosines, (right + 1) % 40, 0.7), queries, pool(40), qrels)
    assert got.lexical == max(WEIGHTS)


def test_where_every_setting_is_as_good_words_count_for_nothing():
    right = np.arange(15)
    words, cosines = matrices(15, 15)
    queries, qrels = judged(right)
    got = choose(raised(words, right, 100), raised(cosines, right, 1), queries, pool(15), qrels)
    assert (got.lexical, got.dense) == (0, 1)


def test_a_single_query_moves_nothing():
    words, cosines = matrices(1)
    queries, qrels = judged([int(np.argmax(cosines[0]))])
    assert choose(words, cosines, queries, pool(15), qrels).lexical == 0


@given(st.integers(0, 1000))
def test_what_is_chosen_is_within_one_standard_error_of_the_best_and_nothing_nearer_to_dense_is(seed):
    right = np.random.default_rng(seed).integers(0, 15, 30)
    words, cosines = matrices(30, 15, seed)
    words, cosines = raised(words, right, 4), raised(cosines, right, 0.2)
    queries, qrels = judged(right)
    got = choose(words, cosines, queries, pool(15), qrels)
    kinds = [Fusion(method="scores", floor=got.floor), *(Fusion(k=k) for k in RANK_CONSTANTS)]
    if got.method == "rrf":
        kinds[0] = Fusion(method="scores", floor=float(cosines.mean(dtype=np.float64)))
    values = {
        setting: evaluate_block(apply(setting, words, cosines), queries, pool(15), qrels)[METRIC]
        for kind in kinds
        for weight in WEIGHTS
        for setting in [Fusion(weight, 1 - weight, kind.method, kind.k, kind.floor)]
    }
    best = max(values.values(), key=np.mean)
    lost = {s: (best - v).mean() - np.std(best - v, ddof=1) / np.sqrt(30) for s, v in values.items()}
    assert lost[got] <= 0
    for setting, value in values.items():
        nearer = round(got.lexical - setting.lexical, 9)
        if lost[setting] <= 0:
            assert nearer < 0 or (nearer == 0 and value.mean() <= values[got].mean())


def test_scores_are_joined_where_they_tell_how_sure_a_ranking_is_in_a_narrow_band_of_cosines_too():
    rng, right = np.random.default_rng(1), np.arange(200) % 40
    words, cosines = rng.uniform(4, 6, (200, 40)), rng.uniform(0.28, 0.3, (200, 40))
    sure = rng.random(200) < 0.5  # of the words; where they are not, the vectors are
    words[np.flatnonzero(sure), right[sure]] = 30
    cosines[np.flatnonzero(~sure), right[~sure]] = 0.9
    queries, qrels = judged(right)
    narrow = 0.9 + cosines / 20
    wide, got = (choose(words, found, queries, pool(40), qrels) for found in (cosines, narrow))
    assert wide.method == "scores"
    assert (got.method, got.lexical) == (wide.method, wide.lexical)
    assert (wide.floor, got.floor) == (pytest.approx(cosines.mean()), pytest.approx(narrow.mean()))


def test_what_the_queries_cannot_tell_apart_goes_the_way_that_is_asked_for():
    right = np.arange(15)
    words, cosines = matrices(15, 15)
    queries, qrels = judged(right)
    legs = raised(words, right, 100), raised(cosines, right, 1)
    assert [choose(*legs, queries, pool(15), qrels, towards=weight).lexical for weight in (0, 0.3)] == [0, 0.3]


def test_it_is_plain_data():
    fusion = Fusion(0.3, 0.7, "scores", floor=0.1)
    assert Fusion(**json.loads(json.dumps(asdict(fusion)))) == fusion


@pytest.mark.parametrize("wrong", [{"lexical": 0.6}, {"lexical": -0.5, "dense": 1.5}, {"method": "sum"}])
def test_what_is_no_fusion_is_refused(wrong):
    with pytest.raises(ValueError, match=r"weights must|the method is"):
        Fusion(**wrong)


def test_differing_shapes_nan_and_repeated_documents_are_refused():
    for fusion in FUSIONS:
        with pytest.raises(ValueError, match="one shape"):
            apply(fusion, np.zeros((1, 2)), np.zeros((1, 3)))
        with pytest.raises(ValueError, match="NaN"):
            apply(fusion, np.array([[np.nan, 1.0]]), np.zeros((1, 2)))
        with pytest.raises(ValueError, match="twice"):
            apply_lists(fusion, [("a", 1.0), ("a", 2.0)], [])
    with pytest.raises(ValueError, match="at least one query"):
        choose(np.zeros((0, 2)), np.zeros((0, 2)), [], pool(2), {})
