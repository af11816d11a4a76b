"""The nearest documents of many queries, from vectors that stay on disk.

Exact: documents pass in blocks and FAISS keeps each query's best, so memory holds one block however many documents
there are. From a given number of documents on the search is approximate (IVF): the vectors are clustered and a query
looks into the clusters closest to it.

Axes: Q queries, D documents, K nearest, H the dimension of the vectors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import faiss
import numpy as np

BLOCK = 32_768  # documents in memory at a time: 50 MB at 384 dimensions
LISTS_PER_ROOT = 4  # clusters per √D: the lower end of what the FAISS wiki advises (4 to 16)
TRAINED_ON = 40  # documents per cluster to find the clusters with; FAISS warns below 39

Take = Callable[[np.ndarray], np.ndarray]
"""From document ids (N,) to their unit vectors (N, H) float32."""


@dataclass(frozen=True)
class SearchRule:
    """When and how to approximate."""

    exact_up_to: int
    """Documents up to which every one is compared."""
    probes: int
    """Clusters that a query looks into beyond that."""

    def lists(self, documents: int) -> int:
        """Clusters for so many documents; 0 = exact."""
        return 0 if documents <= self.exact_up_to else max(1, round(LISTS_PER_ROOT * math.sqrt(documents)))

    def describe(self, documents: int) -> str:
        """The method for so many documents, for reports."""
        lists = self.lists(documents)
        return f"IVF, {min(self.probes, lists)} of {lists:,} lists" if lists else "exact"


class Pool:
    """Documents to search among; their vectors are fetched with `take` when they are needed."""

    def __init__(self, documents: np.ndarray, take: Take, rule: SearchRule) -> None:
        self._documents = np.asarray(documents, dtype=np.int64)
        self._take = take
        lists = rule.lists(len(self._documents))
        self._index = self._clustered(lists, rule.probes) if lists else None

    def top(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids (Q, K) int64 and cosines (Q, K) float32 of unit vectors (Q, H), best first, equal ones by rising id.

        Where there are fewer documents than K the id is −1 and the cosine −inf.
        """
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        scores, ids = self._index.search(queries, k) if self._index else self._exact(queries, k)
        scores = np.where(ids < 0, -np.inf, scores).astype(np.float32)
        order = np.lexsort((ids, -scores), axis=1)
        return np.take_along_axis(ids, order, axis=1), np.take_along_axis(scores, order, axis=1)

    def _exact(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        best = faiss.ResultHeap(len(queries), k, keep_max=True)
        for start in range(0, len(self._documents), BLOCK):
            block = self._documents[start : start + BLOCK]
            scores, positions = faiss.knn(
                queries, self._take(block), min(k, len(block)), metric=faiss.METRIC_INNER_PRODUCT
            )
            best.add_result(scores, block[positions])
        best.finalize()
        return best.D, best.I

    def _clustered(self, lists: int, probes: int) -> faiss.Index:
        """Two bytes a dimension in memory (SQfp16), as on disk."""
        count = len(self._documents)
        sample = np.random.default_rng(0).choice(count, min(count, TRAINED_ON * lists), replace=False)
        vectors = self._take(self._documents[np.sort(sample)])
        index = faiss.index_factory(vectors.shape[1], f"IVF{lists},SQfp16", faiss.METRIC_INNER_PRODUCT)
        index.train(vectors)
        for start in range(0, count, BLOCK):
            block = self._documents[start : start + BLOCK]
            index.add_with_ids(self._take(block), block)
        faiss.extract_index_ivf(index).nprobe = min(probes, lists)
        return index
