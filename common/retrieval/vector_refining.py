"""The vectors beside an index that holds them compressed: what it finds by its codes is ranked again by these.

They are read for each query, a few hundred at a time, and come from wherever a function takes them: the array or the
store that an index is built from, and a mapped file once it is saved. The file serves rather than the store because a
reader's generation stays whole in it while a build deletes texts, and a row is one read where the store looks through
all rows between the candidates.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from common.retrieval.dense import unit

Take = Callable[[np.ndarray], np.ndarray]
"""From rising ids (N,) to their vectors (N, H), float16 or float32."""


class FullVectors:
    """Vectors under ids in half precision; H dimensions."""

    def __init__(self, take: Take, dimension: int) -> None:
        """`take` gives half-precision unit rows of all ids but those that `add` brings, for as long as this is used."""
        self._take = take
        self._ids, self._rows = np.empty(0, dtype=np.int64), np.empty((0, dimension), dtype=np.float16)

    def add(self, ids: np.ndarray, rows: np.ndarray) -> None:
        """Keep unit rows (N, H) in memory under N ids that were not added before, or were removed."""
        ids, rows = np.concatenate([self._ids, ids]), np.concatenate([self._rows, rows.astype(np.float16)])
        order = np.argsort(ids)
        self._ids, self._rows = ids[order], rows[order]

    def remove(self, ids: np.ndarray) -> None:
        """Forget what was added under these ids; those that `take` gives are just not asked for any more."""
        kept = ~np.isin(self._ids, ids)
        self._ids, self._rows = self._ids[kept], self._rows[kept]

    def take(self, ids: np.ndarray) -> np.ndarray:
        """(N, H) float16 unit rows of (N,) rising ids."""
        found = np.empty((len(ids), self._rows.shape[1]), dtype=np.float16)
        added = np.isin(ids, self._ids)
        found[added] = self._rows[np.searchsorted(self._ids, ids[added])]
        if not added.all():
            found[~added] = self._take(ids[~added])
        return found

    def best(self, queries: np.ndarray, candidates: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Cosines (Q, K) float32 and ids (Q, K) of the best among each query's candidates (Q, C), best first.

        Queries (Q, H) are unit rows; −1 is no candidate. Fewer candidates than K leave −inf and −1 at the end.
        """
        cosines, ids = np.full((len(queries), k), -np.inf, dtype=np.float32), np.full((len(queries), k), -1)
        for at, (query, row) in enumerate(zip(queries, candidates, strict=True)):
            here = np.sort(row[row >= 0])
            # not `@`, which starts BLAS' threads for a product of microseconds
            scores = np.einsum("ch,h->c", self.take(here).astype(np.float32), query)
            order = np.argsort(-scores, kind="stable")[:k]
            cosines[at, : len(order)], ids[at, : len(order)] = scores[order], here[order]
        return cosines, ids


def taker(ids: np.ndarray, vectors: np.ndarray) -> Take:
    """A function that takes vectors (N, H) of an array, which may be mapped from disk, by their ids (N,)."""
    if (np.diff(ids) > 0).all():
        return lambda wanted: vectors[np.searchsorted(ids, wanted)]
    order = np.argsort(ids)
    return lambda wanted: vectors[order[np.searchsorted(ids, wanted, sorter=order)]]


def halves(take: Take) -> Take:
    """`take` with float16 unit rows, as a file holds them: an index answers alike before and after it is saved."""
    return lambda wanted: unit(take(wanted)).astype(np.float16)
