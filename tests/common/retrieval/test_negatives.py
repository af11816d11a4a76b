"""The rules that choose hard negatives, each alone and all together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from common.retrieval.negatives import (
    Answers,
    Nearest,
    above_margin,
    choose,
    highest_allowed,
    outside_window,
    preference,
    sort_out,
)

DOCUMENTS, KEYS = 12, 5


def nearest(documents, scores=None, own=(0,), own_scores=(0.8,)):
    documents = np.array([documents])
    scores = np.array([scores if scores is not None else np.linspace(0.9, 0.1, documents.shape[1])])
    return Nearest(documents, scores, np.array(own), np.array(own_scores))


@st.composite
def found(draw):
    """Blocks as a search gives them: distinct documents a row, best first, −1 at the end."""
    rows, width = draw(st.integers(1, 4)), draw(st.integers(1, 10))
    documents = np.full((rows, width), -1)
    for row in documents:
        ids = draw(st.lists(st.integers(0, DOCUMENTS - 1), unique=True, max_size=width))
        row[: len(ids)] = ids
    cosines = st.floats(-1, 1, width=32)
    scores = -np.sort(-draw(hnp.arrays(np.float32, (rows, width), elements=cosines)), axis=1)
    scores = np.where(documents < 0, -np.inf, scores)
    own = draw(hnp.arrays(np.int64, rows, elements=st.integers(0, DOCUMENTS - 1)))
    return Nearest(documents, scores, own, draw(hnp.arrays(np.float32, rows, elements=cosines)))


relations = st.lists(st.tuples(st.integers(0, DOCUMENTS - 1), st.integers(-1, KEYS - 1)), max_size=20)


def answers_of(pairs):
    documents, keys = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return Answers(documents, keys)


def test_the_own_document_is_no_candidate_and_takes_no_rank():
    block = nearest([3, 0, 5, -1])
    assert block.candidates().tolist() == [[True, False, True, False]]
    assert block.ranks().tolist() == [[1, 1, 2, 2]]


def test_the_window_leaves_out_the_first_and_the_last():
    block = nearest([7, 0, 5, 6, 4])
    assert outside_window(block, skip_top=1, depth=3).tolist() == [[True, True, False, False, True]]
    assert not outside_window(block, skip_top=0, depth=4).any()


@pytest.mark.parametrize(("own", "highest"), [(0.8, 0.76), (0.0, 0.0), (-0.2, -0.21)])
def test_the_margin_lies_below_the_own_score_whatever_its_sign(own, highest):
    assert highest_allowed(np.array([own]), 0.95)[0] == pytest.approx(highest)


def test_the_margin_is_a_share_of_the_own_score():
    block = nearest([1, 2, 3], scores=[0.77, 0.76, 0.4], own_scores=np.array([0.8]))
    assert above_margin(block, 0.95).tolist() == [[True, False, False]]
    assert not above_margin(block, 1.0).any()


def test_an_answer_of_the_key_is_refused_and_a_pair_without_a_key_refuses_nothing():
    answers = answers_of([(1, 0), (2, 1), (3, -1)])
    block = nearest([1, 2, 3, -1])
    assert answers.refuse(block, np.array([0])).tolist() == [[True, False, False, False]]
    assert answers.refuse(block, np.array([1])).tolist() == [[False, True, False, False]]
    assert not answers.refuse(block, np.array([-1])).any()


@given(found(), relations, st.data())
def test_answers_are_the_documents_of_the_pairs_with_that_key(block, pairs, data):
    keys = data.draw(hnp.arrays(np.int64, len(block.own), elements=st.integers(-1, KEYS - 1)))
    expected = [
        [(document, key) in set(pairs) and key >= 0 for document in row]
        for row, key in zip(block.documents.tolist(), keys.tolist(), strict=True)
    ]
    assert answers_of(pairs).refuse(block, keys).tolist() == expected


@given(found(), relations, st.floats(0.5, 1), st.integers(0, 3), st.integers(4, 10), st.data())
def test_what_is_left_breaks_no_rule_and_the_counts_add_up(block, pairs, margin, skip_top, depth, data):
    keys = data.draw(hnp.arrays(np.int64, len(block.own), elements=st.integers(-1, KEYS - 1)))
    rules = {
        "outside_window": outside_window(block, skip_top, depth),
        "answers": answers_of(pairs).refuse(block, keys),
        "above_margin": above_margin(block, margin),
    }
    left, counts = sort_out(block, rules)
    assert int(left.sum()) + sum(counts.values()) == int(block.candidates().sum())
    for row, column in np.argwhere(left).tolist():
        document, score = int(block.documents[row, column]), block.scores[row, column]
        assert document >= 0
        assert document != block.own[row]
        assert (document, int(keys[row])) not in set(pairs) or keys[row] < 0
        assert score <= block.own_scores[row]
        assert score <= margin * block.own_scores[row] + 1e-6 or block.own_scores[row] < 0
        others = [d for d in block.documents[row, :column].tolist() if d >= 0 and d != block.own[row]]
        assert skip_top < len(others) + 1 <= depth


def test_a_candidate_counts_under_the_first_rule_that_refuses_it():
    block = nearest([1, 2])
    everything, second = np.ones((1, 2), dtype=bool), np.array([[False, True]])
    assert sort_out(block, {"a": second, "b": everything})[1] == {"a": 1, "b": 1}


@given(st.lists(st.integers(0, 99), unique=True), st.integers(0, 9), st.integers(0, 9))
def test_the_order_is_a_seeded_shuffle_or_the_best_first(positions, seed, row):
    assert preference(positions, "top", seed, row) == positions
    shuffled = preference(positions, "random", seed, row)
    assert sorted(shuffled) == sorted(positions)
    assert preference(positions, "random", seed, row) == shuffled


def test_seed_and_pair_both_change_the_shuffle():
    one = preference(range(50), "random", 0, 0)
    assert one != preference(range(50), "random", 1, 0)
    assert one != preference(range(50), "random", 0, 1)
    assert one != list(range(50))


@given(st.lists(st.integers(0, 99), unique=True), st.integers(0, 8), st.sets(st.integers(0, 99)))
def test_the_first_that_are_no_copies_are_chosen(order, wanted, copies):
    chosen, passed = choose(order, wanted, copies.__contains__)
    good = [position for position in order if position not in copies]
    assert chosen == sorted(good[:wanted])
    assert passed <= len(copies & set(order))
    assert passed == sum(position in copies for position in order) or len(chosen) == wanted
