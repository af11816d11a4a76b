"""Which of a query's nearest documents may serve as its hard negatives. Pure.

The relative margin is NV-Retriever's TopK-PercPos (Moreira et al. 2024): a document that scores nearly as high as the
query's own is more likely an unlabelled answer than a negative. The guards refuse what the pairs themselves show to be
an answer. Each rule says which candidates it refuses; a candidate counts under the first rule that does.

Axes: Q pairs, K nearest documents of each pair's query, best first; a document is a number, −1 where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Sampling = Literal["top", "random"]


@dataclass(frozen=True)
class Nearest:
    """What the search found for Q pairs."""

    documents: np.ndarray
    """(Q, K) int, best first."""
    scores: np.ndarray
    """(Q, K) cosines."""
    own: np.ndarray
    """(Q,) the pair's own document, which may or may not be among those found."""
    own_scores: np.ndarray
    """(Q,) its cosine."""

    def candidates(self) -> np.ndarray:
        """(Q, K) bool: a document that is not the pair's own."""
        return (self.documents >= 0) & (self.documents != self.own[:, None])

    def ranks(self) -> np.ndarray:
        """(Q, K) ranks from 1 with the pair's own document left out."""
        return np.cumsum(self.candidates(), axis=1)


class Answers:
    """Which documents answer which key, where a key is what pairs can share: a query, a problem, a name."""

    def __init__(self, documents: np.ndarray, keys: np.ndarray) -> None:
        """One entry a pair, (N,) both; a key of −1 is none."""
        self._base = int(keys.max(initial=-1)) + 1
        known = keys >= 0
        self._codes = np.unique(documents[known].astype(np.int64) * self._base + keys[known])

    def refuse(self, found: Nearest, keys: np.ndarray) -> np.ndarray:
        """(Q, K) bool: the document answers the key (Q,) of the pair."""
        known = ((keys >= 0) & (keys < self._base))[:, None] & (found.documents >= 0)
        if not known.any():
            return known
        wanted = found.documents.astype(np.int64) * self._base + keys[:, None]
        position = np.minimum(np.searchsorted(self._codes, wanted), len(self._codes) - 1)
        return (self._codes[position] == wanted) & known


def outside_window(found: Nearest, skip_top: int, depth: int) -> np.ndarray:
    """(Q, K) bool: ranked among the first `skip_top`, or after `depth`."""
    ranks = found.ranks()
    return (ranks <= skip_top) | (ranks > depth)


def highest_allowed(own_scores: np.ndarray, margin: float) -> np.ndarray:
    """(Q,) the highest score of a negative: own − (1 − margin)·|own|.

    For a positive score that is margin × own. For a negative one margin × own would lie above it; this stays below.
    """
    return own_scores - (1 - margin) * np.abs(own_scores)


def above_margin(found: Nearest, margin: float) -> np.ndarray:
    """(Q, K) bool: scores higher than the margin under the pair's own document allows."""
    return found.scores > highest_allowed(found.own_scores, margin)[:, None]


def sort_out(found: Nearest, rules: Mapping[str, np.ndarray]) -> tuple[np.ndarray, dict[str, int]]:
    """(Q, K) bool of what no rule refuses, and how many candidates each rule was the first to refuse."""
    left, counts = found.candidates(), {}
    for name, refused in rules.items():
        counts[name] = int(np.count_nonzero(left & refused))
        left = left & ~refused
    return left, counts


def preference(positions: Sequence[int], sampling: Sampling, seed: int, row: int) -> list[int]:
    """The order in which a pair takes its candidates: the best first, or shuffled by seed and row of the pair."""
    if sampling == "top":
        return list(positions)
    return [positions[i] for i in np.random.default_rng((seed, row)).permutation(len(positions))]


def choose(order: Iterable[int], wanted: int, copy: Callable[[int], bool]) -> tuple[list[int], int]:
    """The first `wanted` candidates that are no `copy` of the pair's own document, and how many copies were passed.

    Fewer where there are no more; nothing is put in their place.
    """
    chosen: list[int] = []
    copies = 0
    for position in order:
        if len(chosen) == wanted:
            break
        if copy(position):
            copies += 1
        else:
            chosen.append(position)
    return sorted(chosen), copies
