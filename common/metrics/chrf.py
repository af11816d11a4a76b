"""chrF: the F-score of character n-grams up to six, recall weighing twice (Popović 2015), as sacrebleu computes it.

The n-grams are sacrebleu's; the score is made here from sums over items, so that it can be had of many resamples at
once. It runs from 0 to 1, where sacrebleu prints 0 to 100.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ORDERS = 6
BETA = 2
COLUMNS = 3 * ORDERS
"""Of each order: n-grams of the prediction, of the reference, common to both."""


def chrf_statistics(predictions: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """(N, COLUMNS), to be summed over the items of a corpus. Raises ValueError where the lists do not fit."""
    from sacrebleu.metrics.helpers import extract_all_char_ngrams  # a fifth of a second that --help need not take

    if len(predictions) != len(references):
        raise ValueError(f"{len(predictions)} predictions, but {len(references)} references")
    table = np.zeros((len(predictions), COLUMNS))
    for row, texts in enumerate(zip(predictions, references, strict=True)):
        ours, wanted = (extract_all_char_ngrams(text, ORDERS, False) for text in texts)
        for order in range(ORDERS):
            there = wanted[order].total()
            # an order that the reference is too short for says nothing about the prediction
            counts = (ours[order].total() if there else 0, there, (ours[order] & wanted[order]).total())
            table[row, 3 * order : 3 * order + 3] = counts
    return table


def chrf_of(sums: np.ndarray) -> np.ndarray:
    """(…,) from (…, COLUMNS): mean precision and recall over the orders that both sides have, and their F-score."""
    ours, wanted, common = (sums[..., start::3] for start in range(3))
    both = (ours > 0) & (wanted > 0)
    orders = np.maximum(both.sum(axis=-1), 1)
    precision, recall = (
        np.divide(common, total, out=np.zeros_like(sums[..., ::3]), where=both).sum(axis=-1) / orders
        for total in (ours, wanted)
    )
    weighted = BETA**2 * precision + recall
    return np.divide((1 + BETA**2) * precision * recall, weighted, out=np.zeros_like(weighted), where=weighted > 0)


def corpus_chrf(predictions: Sequence[str], references: Sequence[str]) -> float:
    """The figure of a corpus; raises ValueError for an empty one."""
    if not predictions:
        raise ValueError("chrF of no pairs")
    return float(chrf_of(chrf_statistics(predictions, references).sum(axis=0)))
