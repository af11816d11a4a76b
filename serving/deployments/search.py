"""The indexes as a Ray Serve deployment: words, vectors of the query that come in, filters, snippets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from common.errors import DataError, UserError
from common.retrieval.filters import Filters
from common.retrieval.searcher import Hit, Searcher
from common.retrieval.space import Space
from common.retrieval.store import Store
from common.search.folders import index_folder
from serving.deployments.facts import IndexFacts, IndexSpace
from serving.records import ServingError

T = TypeVar("T")


@dataclass(frozen=True)
class ToFind:
    """A search in one space of an index."""

    index: str
    space: str
    """`IndexSpace.key`."""
    query: str
    vector: np.ndarray | None
    """(H,) float32; None = by words alone."""
    words: bool
    """Whether words count; otherwise the vector alone does."""
    top: int
    filters: Filters


class SearchReplica:
    """One process with the indexes open. A build that ends meanwhile is taken up by the next search."""

    def __init__(self, indexes: Mapping[str, Path]) -> None:
        self._folders = {name: index_folder(folder) for name, folder in indexes.items()}
        self._searchers: dict[tuple[str, str], Searcher] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="search")  # a searcher serves one thread at a time
        for name, folder in self._folders.items():
            for space in _facts(name, folder).spaces:
                self._searcher(name, space.space)

    async def facts(self) -> dict[str, IndexFacts]:
        """The indexes as they are now."""
        return await self._run(lambda: {name: _facts(name, folder) for name, folder in self._folders.items()})

    async def find(self, asked: ToFind) -> list[Hit]:
        """The best units. Raises `ServingError`: 400 for an unknown language, 503 where the index is damaged or has no
        such space any more."""
        return await self._run(lambda: self._find(asked))

    def _find(self, asked: ToFind) -> list[Hit]:
        try:
            searcher = self._opened(asked)
        except UserError as error:
            raise _unavailable(asked.index, error) from error
        try:
            return searcher.search(asked.query, asked.vector, top=asked.top, filters=asked.filters, words=asked.words)
        except DataError as error:
            raise _unavailable(asked.index, error) from error
        except UserError as error:  # what the filters name is not in the index
            raise ServingError(400, f"{error.message}; {error.remedy}", param="language") from error

    def _opened(self, asked: ToFind) -> Searcher:
        searcher = self._searchers.get((asked.index, asked.space))
        if searcher is not None:
            return searcher
        spaces = {one.key: one.space for one in _facts(asked.index, self._folders[asked.index]).spaces}
        if asked.space not in spaces:
            raise ServingError(
                503, f"the index {asked.index} was built anew with other adapters: ask again", code="index_changed",
                retry_after=1.0,
            )  # fmt: skip
        return self._searcher(asked.index, spaces[asked.space])

    def _searcher(self, index: str, space: Space) -> Searcher:
        key = (index, space.digest())
        if key not in self._searchers:
            self._searchers[key] = Searcher(self._folders[index], space.adapter_digest or "base")
        return self._searchers[key]

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _unavailable(index: str, error: UserError) -> ServingError:
    return ServingError(
        503, f"the index {index} cannot be searched: {error.message}", param="index", code="index_unavailable"
    )


def _facts(name: str, folder: Path) -> IndexFacts:
    with closing(Store.open(folder)) as store:
        spaces = tuple(IndexSpace(space, store.origin(number).language) for number, space in store.spaces().items())
        languages = tuple(sorted(row[0] for row in store.query("SELECT DISTINCT language FROM files", ())))
        return IndexFacts(name, spaces, languages, store.counts()["units"])
