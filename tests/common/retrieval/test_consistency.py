"""Ranks and thresholds of the consistency filter."""

import numpy as np

from common.retrieval.consistency import own_ranks, ranks_too_low, scores_too_low
from common.retrieval.negatives import Nearest


def ranks(documents, scores, own, own_score, depth=10):
    block = Nearest(np.array([documents]), np.array([scores]), np.array([own]), np.array([own_score]))
    return own_ranks(block, depth).tolist()[0]


def test_the_rank_counts_documents_that_score_higher():
    assert ranks([4, 0, 7], [0.9, 0.8, 0.7], own=0, own_score=0.8) == 2
    assert ranks([0, 4], [0.9, 0.8], own=0, own_score=0.9) == 1


def test_equal_scores_do_not_push_it_back():
    assert ranks([4, 5, 0], [0.8, 0.8, 0.8], own=0, own_score=0.8 - 1e-8) == 1


def test_places_that_hold_no_document_do_not_count():
    assert ranks([0, -1], [0.2, -np.inf], own=0, own_score=0.2) == 1


def test_what_was_not_found_ranks_after_the_depth():
    assert ranks([4, 5, 6, 7], [0.9, 0.8, 0.7, 0.6], own=0, own_score=0.1, depth=3) == 4


def test_top_and_threshold_are_asked_apart_and_none_asks_nothing():
    assert ranks_too_low(np.array([1, 2, 3]), 2).tolist() == [False, False, True]
    assert not ranks_too_low(np.array([1, 99]), None).any()
    assert scores_too_low(np.array([0.71, 0.7, -0.2]), 0.7).tolist() == [False, True, True]
    assert not scores_too_low(np.array([-1.0]), None).any()
