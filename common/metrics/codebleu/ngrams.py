"""The two lexical parts: BLEU over white-space tokens, and its recall with keywords weighing five times as much.

BLEU as in Papineni et al. 2002, with the numerator of an order without a match at 0.1 (method 1 of Chen and Cherry
2014). Everything a corpus figure needs of a pair is a few sums, counted here; `statistics.py` makes figures of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set

ORDERS = (1, 2, 3, 4)
PLAIN_WEIGHT = 0.2
"""A token that is no keyword; a keyword weighs 1."""

Tokens = Sequence[str]


def tokens_of(text: str) -> list[str]:
    """What stands between white space, as both implementations have it: `f(a,` is one token."""
    return text.split()


def precision_counts(prediction: Tokens, references: Sequence[Tokens]) -> tuple[list[float], list[float]]:
    """Per order: n-grams of the prediction found in a reference (each as often as it has them), and all of them.

    An order that the prediction is too short for counts as one n-gram without a match, in each pair.
    """
    found, total = [], []
    for order in ORDERS:
        counts = _grams(prediction, order)
        allowed: Counter[Tokens] = Counter()
        for reference in references:
            allowed |= _grams(reference, order)
        found.append(float((counts & allowed).total()))
        total.append(float(max(1, counts.total())))
    return found, total


def recall_counts(
    prediction: Tokens, references: Sequence[Tokens], keywords: Set[str]
) -> tuple[list[float], list[float]]:
    """Per order: n-grams of the references found in the prediction, and all of them, over all references.

    Single tokens count with their weight: 1 for a keyword, else 0.2 (Ren et al. 2020, section 3.2); longer n-grams
    count alike.
    """
    found, total = [0.0] * len(ORDERS), [0.0] * len(ORDERS)
    for row, order in enumerate(ORDERS):
        counts = _grams(prediction, order)
        for reference in references:
            wanted = _grams(reference, order)
            common = wanted & counts
            if order == 1:
                found[row] += _weight(common, keywords)
                total[row] += max(1.0, _weight(wanted, keywords))
            else:
                found[row] += common.total()
                total[row] += max(1, wanted.total())
    return found, total


def closest_length(length: int, references: Sequence[int]) -> int:
    """Of the references' lengths the one nearest to the prediction's, the shorter of two."""
    return min(references, key=lambda one: (abs(one - length), one))


def _grams(tokens: Tokens, order: int) -> Counter[Tokens]:
    return Counter(tuple(tokens[start : start + order]) for start in range(len(tokens) - order + 1))


def _weight(counts: Counter[Tokens], keywords: Set[str]) -> float:
    in_keywords = sum(count for gram, count in counts.items() if gram[0] in keywords)
    return in_keywords + PLAIN_WEIGHT * (counts.total() - in_keywords)
