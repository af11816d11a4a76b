"""Search by cosine similarity among millions of vectors: exact up to a number of them, an inverted file beyond.

`vector_rules` decides the layout. What a query finds is compared in the stored precision; only what product
quantisation finds is ranked a second time (`vector_refining`). `benchmarks/vector_index.py` measures what approximation
and storage lose. Searches may run side by side, but not beside `add` or `remove`.

Axes: Q queries, N vectors, H their dimension, K nearest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from common.config import validate
from common.retrieval import vector_file
from common.retrieval.dense import unit
from common.retrieval.vector_refining import FullVectors, Take, halves, taker
from common.retrieval.vector_rules import TRAINED_ON, VectorSettings

BLOCK = 32_768  # vectors in memory as float32 at a time: 50 MB at 384 dimensions
RANGES_FROM = 100_000  # vectors to find each dimension's range with, for int8 without lists
DENSE_IDS = 8  # up to this many times N, the largest id still allows a filter of one bit an id
# np: without sorting the codewords for a search by Hamming distance, which takes ten times as long as finding them
CODES = {"float32": "Flat", "float16": "SQfp16", "int8": "SQ8", "pq": "PQ{pieces}np"}

untyped: Any = faiss  # its type hints lack the parameters of a search, and selectors of bits


class VectorIndex:
    """Vectors under ids, compared by cosine; made by `build` or `load`."""

    def __init__(
        self, index: faiss.Index, ids: np.ndarray, built: int, settings: VectorSettings, full: FullVectors | None
    ) -> None:
        """`ids` (N,) are those in `index`, in any order; `built` is the number of vectors it was laid out for; `full`
        ranks again what `index` finds."""
        self._index, self._ids, self._built, self.settings = index, np.sort(ids), built, settings
        self._ivf, self._full = faiss.try_extract_index_ivf(index), full

    @classmethod
    def build(cls, ids: np.ndarray, vectors: np.ndarray | Take, settings: VectorSettings) -> VectorIndex:
        """An index of N unit vectors under N ids, which are unique and not negative.

        `vectors` is an array (N, H), which may be mapped from disk, or a function that gives the vectors of the ids it
        is handed. Both are read in blocks and twice in part: a sample is what the lists are found with. With pq,
        searches and `save` read them as well, until the index is loaded from its file. Raises ValueError on ids that
        come twice or are negative, on other counts, and on vectors with NaN or infinity; `ConfigError` where pq does
        not suit the dimension, however many vectors there are.
        """
        ids = _checked_ids(ids)
        if isinstance(vectors, np.ndarray) and vectors.shape[:1] != ids.shape:
            raise ValueError(f"{len(ids)} ids for {len(vectors)} vectors")
        lists = settings.lists(len(ids))
        ranges = RANGES_FROM if settings.storage == "int8" else 1  # one vector tells the dimension
        sample = unit(_take(vectors, ids, _sample(len(ids), TRAINED_ON * lists or ranges)))
        stored, dimension = settings.stored(lists), sample.shape[1]
        code = CODES[stored]
        if settings.storage == "pq":  # asked of few vectors, too: better refused now than when they have become many
            code = code.format(pieces=settings.pieces(dimension))
        index = faiss.index_factory(
            dimension, f"IVF{lists},{code}" if lists else f"IDMap,{code}", faiss.METRIC_INNER_PRODUCT
        )
        if len(sample):
            index.train(sample)
        del sample
        for positions in _blocks(len(ids)):
            index.add_with_ids(unit(_take(vectors, ids, positions)), ids[positions])
        full = None
        if stored == "pq":
            take = taker(ids, vectors) if isinstance(vectors, np.ndarray) else vectors
            full = FullVectors(halves(take), dimension)
        return cls(index, ids, len(ids), settings, full)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> np.ndarray:
        """(N,) int64, rising."""
        return self._ids

    @property
    def dimension(self) -> int:
        """H."""
        return int(self._index.d)

    @property
    def stale(self) -> bool:
        """Whether the layout no longer suits the number of vectors, so that `build` is due; see `VectorSettings`."""
        return self.settings.outgrown(self._built, len(self))

    def describe(self) -> str:
        """The method for reports: `exact, float16`, `IVF4000, 76 probes, int8`, `IVF4000, 76 probes, pq, refine 8`."""
        if self._ivf is None:
            return f"exact, {self.settings.stored(0)}"
        lists = self._ivf.nlist
        refined = f", refine {self.settings.refine}" if self._full else ""
        return f"IVF{lists}, {self.settings.probed(lists)} probes, {self.settings.storage}{refined}"

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """Add (N, H) vectors under N new ids; raises ValueError on another dimension or count, or a known id.

        Lists, the ranges of int8 and the codewords of pq stay those that `build` found (of an empty index: that the
        first call finds).
        """
        ids, rows = _checked_ids(ids), self._checked(vectors)
        if ids.shape != (len(rows),):
            raise ValueError(f"{len(ids)} ids for {len(rows)} vectors")
        if np.isin(ids, self._ids).any():  # FAISS would keep both and return both
            raise ValueError("an id is in the index already; remove it first")
        if not len(ids):
            return
        if not self._index.is_trained:  # int8 built without a vector: the ranges come from the first ones
            self._index.train(rows)
            self._built = len(rows)
        self._index.add_with_ids(rows, ids)
        if self._full:
            self._full.add(ids, rows)
        self._ids = np.union1d(self._ids, ids)

    def remove(self, ids: np.ndarray) -> int:
        """Forget these ids; returns how many were there."""
        gone = np.intersect1d(np.asarray(ids, dtype=np.int64), self._ids)
        if len(gone):
            self._index.remove_ids(faiss.IDSelectorBatch(gone))
            if self._full:
                self._full.remove(gone)
            self._ids = np.setdiff1d(self._ids, gone, assume_unique=True)
        return len(gone)

    def top(self, vectors: np.ndarray, k: int, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Ids (Q, K) int64 and cosines (Q, K) float32, best first, equal ones by rising id.

        `allowed` (any number,) int64 are the ids to search among; those that are not in the index count for nothing.
        Where there are fewer vectors than K the id is −1 and the cosine −inf, and nowhere else: with lists, a filter
        widens the search by as much as it is narrow, up to every list, and so does a query that finds less than there
        is. Hence a narrow filter is exact; the worst one, half of all vectors and those farthest from the query, had a
        recall@10 of 0.97 among 20,000. Raises ValueError on another dimension, NaN and infinity.
        """
        rows = self._checked(vectors)
        selector, members = self._selected(allowed)
        ids, scores = np.full((len(rows), k), -1, dtype=np.int64), np.full((len(rows), k), -np.inf, dtype=np.float32)
        if not (len(rows) and k and members):
            return ids, scores
        found = min(k, members)
        wanted = min(found * self.settings.refine, members) if self._full else found
        cosines, places = self._search(rows, wanted, selector, members / len(self))
        if self._ivf is not None and (short := places[:, found - 1] < 0).any():
            cosines[short], places[short] = self._search(rows[short], wanted, selector, 0.0)
        if self._full:
            cosines, places = self._full.best(rows, places, found)
        scores[:, :found], ids[:, :found] = cosines, places
        order = np.lexsort((ids, -scores), axis=1)
        return np.take_along_axis(ids, order, axis=1), np.take_along_axis(scores, order, axis=1)

    def _search(self, rows: np.ndarray, k: int, selector: Any, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Scores and ids (Q, K) among those selected, a `share` of all vectors; a share of 0 looks everywhere."""
        parameters = untyped.SearchParameters(sel=selector) if selector else None
        if self._ivf is not None:
            probes = self.settings.probed(self._ivf.nlist, share)
            parameters = untyped.SearchParametersIVF(sel=selector, nprobe=probes)
        with _threads(1) if len(rows) == 1 else nullcontext():
            return self._index.search(rows, k, params=parameters)

    def _selected(self, allowed: np.ndarray | None) -> tuple[Any, int]:
        """A selector of the allowed ids that are here, and how many; no selector without a filter."""
        if allowed is None:
            return None, len(self)
        allowed = np.asarray(allowed, dtype=np.int64)
        if len(self) and self._ids[-1] < DENSE_IDS * len(self):
            flags = np.zeros(self._ids[-1] + 1, dtype=bool)
            flags[allowed[(allowed >= 0) & (allowed < len(flags))]] = True
            bits = np.packbits(flags, bitorder="little")
            return untyped.IDSelectorBitmap(bits), int(np.count_nonzero(flags[self._ids]))
        here = np.intersect1d(allowed, self._ids)
        return faiss.IDSelectorBatch(here), len(here)

    def _checked(self, vectors: np.ndarray) -> np.ndarray:
        given = np.shape(vectors)[-1]
        if given != self.dimension:
            raise ValueError(
                f"vectors have {given} dimensions where {self.dimension} are needed: made by another model?"
            )
        return unit(vectors)

    def save(self, file: Path) -> None:
        """Write the index, so that a crash leaves the old file or the new one; raises `UserError` where it cannot."""
        full = map(self._full.take, map(self._ids.__getitem__, _blocks(len(self)))) if self._full else None
        facts = {"built": self._built, "settings": self.settings.model_dump(mode="json")}
        vector_file.write(file, facts, self._index, full, len(self))

    @classmethod
    def load(cls, file: Path) -> VectorIndex:
        """Read what `save` wrote; raises `UserError` naming the file where it is missing, torn or something else.

        Full vectors beside pq stay in the file, which is kept open: it may be replaced or deleted, but not written to.
        """
        facts, index, rows = vector_file.read(file)
        ids = np.sort(_ids_in(index))
        full = FullVectors(taker(ids, rows), index.d) if rows is not None else None
        return cls(index, ids, facts["built"], validate(VectorSettings, facts["settings"]), full)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """FAISS shares out queries, not vectors: a single one gains nothing by a second thread, and waits where that one
    shares a core with torch's, which spin after encoding the query (13 ms a search instead of 8 on two cores)."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _ids_in(index: Any) -> np.ndarray:
    """(N,) in the order of storage."""
    ivf: Any = faiss.try_extract_index_ivf(index)
    if ivf is None:
        return faiss.vector_to_array(index.id_map)
    kept = ivf.invlists
    sizes = [kept.list_size(number) for number in range(ivf.nlist)]
    ids = [faiss.rev_swig_ptr(kept.get_ids(number), size) for number, size in enumerate(sizes) if size]
    return np.concatenate([np.empty(0, dtype=np.int64), *ids])


def _checked_ids(ids: np.ndarray) -> np.ndarray:
    ids = np.asarray(ids, dtype=np.int64)
    if ids.ndim != 1 or len(np.unique(ids)) != len(ids) or ids.min(initial=0) < 0:
        raise ValueError("ids must be a list of numbers that are not negative and come once")  # −1 means none
    return ids


def _sample(count: int, wanted: int) -> np.ndarray:
    """Positions, rising; the same ones for the same numbers."""
    return np.sort(np.random.default_rng(0).choice(count, min(count, wanted), replace=False))


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))


def _take(vectors: np.ndarray | Take, ids: np.ndarray, positions: np.ndarray | slice) -> np.ndarray:
    return vectors[positions] if isinstance(vectors, np.ndarray) else vectors(ids[positions])
