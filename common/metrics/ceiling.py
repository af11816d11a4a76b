"""What the strict protocol can give at most where documents repeat.

The strict protocol accepts only the judged rows, though the same text may stand in other rows too. A ranker that
reads nothing but the text gives all copies one score, and which of them comes first is chance. Some published
figures (XLCoST, where a program recurs about four times) are therefore read against 1 when they should be read
against a half.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from common.metrics.ranking import METRICS, NDCG_CUT, RECALL_CUTS, Gain, PerQuery, Qrels, dcg, gains, relevant


def strict_ceiling(
    documents: Mapping[str, str], queries: Sequence[str], qrels: Qrels, *, gain: Gain = "linear"
) -> PerQuery:
    """Best expected value per query of any ranker that orders texts and leaves copies in random order.

    `documents` maps every id of the pool to the text as the ranker reads it: what is equal after tokenising or
    cutting must be equal here.

    One relevant document whose text occurs m times: best is to put the m copies first, and the relevant one is then
    at each of the places 1..m with probability 1/m. So MRR = (1 + 1/2 + … + 1/m) / m, recall@k = min(k, m) / m, and
    NDCG@10 = the sum over i ≤ min(m, 10) of 1 / log2(i + 1), over m.

    Several relevant documents: those of equal text form a group, r relevant among m copies. At each place of a group
    the expected relevance is r/m (the expected gain: the group's mean), and recall and DCG are sums over places with
    weights that never grow, so the groups in order of falling expectation are best (rearrangement inequality;
    groups that tie with each other only average these expectations, which cannot add). MRR starts with the group
    where the expected reciprocal place of the first relevant copy is largest. Each metric's ceiling is its own: one
    ranking need not reach all of them. Relevant documents outside the pool are out of reach and still count.

    These are expectations over the order of copies. Where ties are broken by document id, a lucky order of ids lies
    above the ceiling and an unlucky one below it. Raises ValueError for a query without a relevant document.
    """
    copies = Counter(documents.values())
    table = np.array([_best(documents, copies, relevant(qrels, query), gain) for query in queries], dtype=np.float64)
    table = table.reshape(len(queries), len(METRICS))
    return {metric: table[:, i] for i, metric in enumerate(METRICS)}


def first_place(copies: int, relevant_copies: int) -> float:
    """Expected 1/place of the first of `relevant_copies` among `copies` rows in random order."""
    total, none_yet = 0.0, 1.0
    for place in range(1, copies - relevant_copies + 2):
        hit = relevant_copies / (copies - place + 1)  # given that no earlier place held a relevant row
        total += none_yet * hit / place
        none_yet *= 1 - hit
    return total


def _best(documents: Mapping[str, str], copies: Counter[str], found: Mapping[str, int], gain: Gain) -> list[float]:
    groups: dict[str, list[int]] = {}
    for document, grade in found.items():
        if document in documents:
            groups.setdefault(documents[document], []).append(grade)
    sizes = [(copies[text], grades) for text, grades in groups.items()]
    reached = dcg(_by_place([(m, float(gains(grades, gain).sum())) for m, grades in sizes]))
    ideal = dcg(np.sort(gains(list(found.values()), gain))[::-1])
    share = _by_place([(m, float(len(grades))) for m, grades in sizes]) / len(found)
    mrr = max((first_place(m, len(grades)) for m, grades in sizes), default=0.0)
    return [mrr, reached / ideal, *(float(share[:k].sum()) for k in RECALL_CUTS)]


def _by_place(groups: Sequence[tuple[int, float]]) -> np.ndarray:
    """Expected value at the first places when groups of (size, total) stand in order of their falling mean."""
    need = max(NDCG_CUT, *RECALL_CUTS)
    falling = sorted(groups, key=lambda group: group[1] / group[0], reverse=True)
    return np.array([total / m for m, total in falling for _ in range(min(m, need))][:need], dtype=np.float64)
