"""Whether a pair's document is among the best for its own query: CoRNStack's filter (Suresh et al. 2024). Pure.

They keep a pair whose document ranks in the top 2 and scores over 0.7 with their model. Cosines of another model lie
elsewhere, ranks do not, so the rank alone is what carries over.
"""

from __future__ import annotations

import numpy as np

from common.retrieval.negatives import Nearest

EQUAL = 1e-6  # cosines that differ by less are one: two texts that are cut to the same tokens have one vector


def own_ranks(found: Nearest, depth: int) -> np.ndarray:
    """(Q,) rank of each pair's own document, from 1; `depth` + 1 where `depth` others and more score higher.

    A lower bound where the search was approximate.
    """
    higher = found.candidates() & (found.scores > found.own_scores[:, None] + EQUAL)
    return np.minimum(higher.sum(axis=1), depth) + 1


def ranks_too_low(ranks: np.ndarray, top: int | None) -> np.ndarray:
    """(Q,) bool: the document is not among the first `top` for its query; None refuses nothing."""
    return np.zeros(len(ranks), dtype=bool) if top is None else ranks > top


def scores_too_low(scores: np.ndarray, min_score: float | None) -> np.ndarray:
    """(Q,) bool: the document does not score over `min_score`; None refuses nothing."""
    return np.zeros(len(scores), dtype=bool) if min_score is None else scores <= min_score
