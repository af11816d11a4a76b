"""Search by cosine similarity among millions of vectors: exact up to a number of them, an inverted file beyond.

`vector_rules` decides the layout. What a query finds is compared in the stored precision and nothing is ranked twice;
`benchmarks/vector_index.py` measures what approximation and storage lose. Searches may run side by side, but not beside
`add` or `remove`.

Axes: Q queries, N vectors, H their dimension, K nearest.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

import faiss
import numpy as np

from common.config import validate
from common.errors import UserError
from common.retrieval.dense import unit
from common.retrieval.vector_rules import TRAINED_ON, VectorSettings
from common.runs import whole_file

BLOCK = 32_768  # vectors in memory as float32 at a time: 50 MB at 384 dimensions
RANGES_FROM = 100_000  # vectors to find each dimension's range with, for int8 without lists
DENSE_IDS = 8  # up to this many times N, the largest id still allows a filter of one bit an id
CODES = {"float32": "Flat", "float16": "SQfp16", "int8": "SQ8"}
FORMAT = 1
DIGEST = 4  # bytes of a checksum
CHUNK = 1 << 24  # bytes read at a time while summing
REMEDY = "build the index again, it is made from the vectors"

untyped: Any = faiss  # its type hints lack the parameters of a search, selectors of bits, and callbacks
Take = Callable[[np.ndarray], np.ndarray]
"""From ids (N,) to their vectors (N, H), float16 or float32."""


class VectorIndex:
    """Vectors under ids, compared by cosine; made by `build` or `load`."""

    def __init__(self, index: faiss.Index, ids: np.ndarray, built: int, settings: VectorSettings) -> None:
        """`ids` (N,) are those in `index`, in any order; `built` is the number of vectors it was laid out for."""
        self._index, self._ids, self._built, self.settings = index, np.sort(ids), built, settings
        self._ivf = faiss.try_extract_index_ivf(index)

    @classmethod
    def build(cls, ids: np.ndarray, vectors: np.ndarray | Take, settings: VectorSettings) -> VectorIndex:
        """An index of N unit vectors under N ids, which are unique and not negative.

        `vectors` is an array (N, H), which may be mapped from disk, or a function that gives the vectors of the ids it
        is handed. Both are read in blocks and twice in part: a sample is what the lists are found with. Raises
        ValueError on ids that come twice or are negative, on other counts, and on vectors with NaN or infinity.
        """
        ids = _checked_ids(ids)
        if isinstance(vectors, np.ndarray) and vectors.shape[:1] != ids.shape:
            raise ValueError(f"{len(ids)} ids for {len(vectors)} vectors")
        lists = settings.lists(len(ids))
        ranges = RANGES_FROM if settings.storage == "int8" else 1  # one vector tells the dimension
        sample = unit(_take(vectors, ids, _sample(len(ids), TRAINED_ON * lists or ranges)))
        code = CODES[settings.storage]
        index = faiss.index_factory(
            sample.shape[1], f"IVF{lists},{code}" if lists else f"IDMap,{code}", faiss.METRIC_INNER_PRODUCT
        )
        if len(sample):
            index.train(sample)
        del sample
        for positions in _blocks(len(ids)):
            index.add_with_ids(unit(_take(vectors, ids, positions)), ids[positions])
        return cls(index, ids, len(ids), settings)

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
        """The method for reports: `exact, float16` or `IVF4000, 48 probes, int8`."""
        if self._ivf is None:
            return f"exact, {self.settings.storage}"
        lists = self._ivf.nlist
        return f"IVF{lists}, {self.settings.probed(lists)} probes, {self.settings.storage}"

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """Add (N, H) vectors under N new ids; raises ValueError on another dimension or count, or a known id.

        Lists, and the ranges of int8, stay those that `build` found (of an empty index: that the first call finds).
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
        self._ids = np.union1d(self._ids, ids)

    def remove(self, ids: np.ndarray) -> int:
        """Forget these ids; returns how many were there."""
        gone = np.intersect1d(np.asarray(ids, dtype=np.int64), self._ids)
        if len(gone):
            self._index.remove_ids(faiss.IDSelectorBatch(gone))
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
        scores[:, :found], ids[:, :found] = self._search(rows, found, selector, members / len(self))
        if self._ivf is not None and (short := ids[:, found - 1] < 0).any():
            scores[short, :found], ids[short, :found] = self._search(rows[short], found, selector, 0.0)
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
        head = {"format": FORMAT, "built": self._built, "settings": self.settings.model_dump(mode="json")}
        try:
            with whole_file(file) as out:
                summed = _Summed(out)
                summed.write(json.dumps(head).encode() + b"\n")
                faiss.write_index(self._index, untyped.PyCallbackIOWriter(summed.write))
                out.write(summed.digest())
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"cannot write the vector index {file}: {error}", "free space, or name another file"
            ) from error

    @classmethod
    def load(cls, file: Path) -> VectorIndex:
        """Read what `save` wrote; raises `UserError` naming the file where it is missing, torn or something else."""
        try:
            with file.open("rb") as source:
                _check_whole(source, file)
                head = json.loads(source.readline())
                if head["format"] != FORMAT:
                    raise UserError(f"{file} is a vector index of format {head['format']}, not {FORMAT}", REMEDY)
                index = faiss.read_index(untyped.PyCallbackIOReader(source.read))
        except OSError as error:
            raise UserError(f"cannot read the vector index {file}: {error.strerror}", REMEDY) from error
        return cls(index, _ids_in(index), head["built"], validate(VectorSettings, head["settings"]))


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


class _Summed:
    """A file that is written through a checksum."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._sum = file, 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._sum = zlib.crc32(data, self._sum)

    def digest(self) -> bytes:
        return self._sum.to_bytes(DIGEST)


def _check_whole(source: IO[bytes], file: Path) -> None:
    """Raise `UserError` where the last bytes are not the checksum of those before; then go back to the start.

    FAISS would read a damaged file into an index that answers wrongly, or ask for memory without end.
    """
    left, found = source.seek(0, os.SEEK_END) - DIGEST, 0
    empty = left <= 0
    source.seek(0)
    while left > 0:
        data = source.read(min(left, CHUNK))
        found, left = zlib.crc32(data, found), left - len(data)
    if empty or found.to_bytes(DIGEST) != source.read(DIGEST):
        raise UserError(f"the vector index {file} is torn, or no vector index", REMEDY)
    source.seek(0)


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
