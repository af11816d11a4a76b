"""The nearest documents of every pair's query, kept in the run folder as they are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.progress import progress
from common.retrieval.nearest import Pool, SearchRule
from common.retrieval.negatives import Nearest
from common.runs import Result
from jobs.negatives.data import Pairs
from jobs.negatives.vectors import VectorShards

BLOCK = 8192  # queries searched together; for each block the documents are read once


@dataclass(frozen=True)
class NearestFiles:
    """FOLDER/{documents,scores,own,done}.npy: a row a pair. Mapped only while a block is read or written."""

    folder: Path
    pairs: int
    width: int
    """Documents kept of each query."""

    def create(self) -> None:
        """Make the files unless they are there; `done` comes last."""
        self.folder.mkdir(parents=True, exist_ok=True)
        wide, narrow = (self.pairs, self.width), (self.pairs,)
        for name, kind, shape in (
            ("documents", np.int32, wide), ("scores", np.float32, wide), ("own", np.float32, narrow),
            ("done", np.uint8, narrow),
        ):  # fmt: skip
            if not (self.folder / "done.npy").exists():
                np.lib.format.open_memmap(self.folder / f"{name}.npy", "w+", kind, shape).flush()

    def waiting(self) -> np.ndarray:
        """(N,) bool: the pair's query has not been searched yet."""
        return np.load(self.folder / "done.npy") == 0

    def write(self, rows: np.ndarray, found: Nearest) -> None:
        """Keep what was found for these rows; they count as done once all of it is written."""
        self._map("documents", "r+")[rows] = found.documents
        self._map("scores", "r+")[rows] = found.scores
        self._map("own", "r+")[rows] = found.own_scores
        self._map("done", "r+")[rows] = 1

    def read(self, rows: slice, own: np.ndarray) -> Nearest:
        """What was found for these rows, whose own documents are `own`."""
        documents, scores, own_scores = (
            np.array(self._map(name, "r")[rows]) for name in ("documents", "scores", "own")
        )
        return Nearest(documents.astype(np.int64), scores, own, own_scores)

    def _map(self, name: str, mode: str) -> np.ndarray:
        return np.load(self.folder / f"{name}.npy", mmap_mode=mode)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Vectors:
    """Vectors of the distinct queries and documents."""

    queries: VectorShards
    documents: VectorShards

    @classmethod
    def of(cls, pairs: Pairs, folder: Path, model: str) -> Vectors:
        """Where the vectors of these pairs belong."""
        return cls(
            VectorShards(folder / "queries", model, pairs.store.queries[pairs.query_rows]),
            VectorShards(folder / "documents", model, pairs.store.documents[pairs.document_rows]),
        )


def search(pairs: Pairs, vectors: Vectors, files: NearestFiles, rule: SearchRule, by_language: bool) -> Result:
    """Search every query that is still waiting; returns how each pool was searched, by the number of its language."""
    files.create()
    waiting, methods = files.waiting(), {}
    with progress(len(waiting), "search", "query") as bar:
        bar.update(int(np.count_nonzero(~waiting)))
        for language, members in pairs.pools(by_language):
            documents = np.unique(pairs.documents[members])
            methods[str(language)] = {"documents": len(documents), "method": rule.describe(len(documents))}
            rows = members[waiting[members]]
            if len(rows):
                _search_pool(pairs, vectors, files, Pool(documents, vectors.documents.take, rule), rows, bar.update)
    return methods


def _search_pool(
    pairs: Pairs, vectors: Vectors, files: NearestFiles, pool: Pool, rows: np.ndarray, done: Callable[[int], object]
) -> None:
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        queries, own = vectors.queries.take(pairs.queries[block]), pairs.documents[block]
        documents, scores = pool.top(queries, files.width)
        own_scores = np.einsum("qh,qh->q", queries, vectors.documents.take(own))
        files.write(block, Nearest(documents, scores, own, own_scores))
        done(len(block))
