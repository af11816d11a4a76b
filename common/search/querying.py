"""From a query to its searcher and its vector: picks the adapter, and keeps what it has loaded for the next query."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.errors import UserError
from common.retrieval.filters import Filters
from common.retrieval.routing import route
from common.retrieval.searcher import Searcher
from common.retrieval.space import Origin, Space
from common.retrieval.store import Store
from common.search.embedder import BASE, Embedder, of_space

if TYPE_CHECKING:
    from common.models.encoder import Encoder

AUTO = "auto"


class Queries:
    """The searchers and encoders of one index."""

    def __init__(self, folder: Path, adapter_folder: Path | None = None) -> None:
        """`adapter_folder`: where the adapter is, if not where it was when the index was built."""
        self._folder, self._adapter_folder = folder, adapter_folder
        with closing(Store.open(folder)) as store:
            self._spaces: Mapping[int, tuple[Space, Origin]] = {
                number: (space, store.origin(number)) for number, space in store.spaces().items()
            }
        self._searchers: dict[str, Searcher] = {}
        self._encoders: dict[str, tuple[Embedder, Encoder]] = {}

    def close(self) -> None:
        """Let go of the index."""
        for searcher in self._searchers.values():
            searcher.close()

    def searcher(self, query: str, adapter: str, filters: Filters, file: str | None) -> tuple[Searcher, str]:
        """The searcher for a query, and what was picked and why. `adapter`: a name, a digest's beginning, `base`, or
        `auto`. Raises `UserError` where it is not in the index."""
        name, why = adapter, "as asked"
        if adapter == AUTO:
            name, why = self._routed(query, filters, file)
        if name not in self._searchers:
            self._searchers[name] = Searcher(self._folder, name or None)
        found = self._searchers[name]
        return found, f"{found.space.name()}: {why}"

    def vector(self, searcher: Searcher, query: str) -> np.ndarray:
        """(H,) of a query in the searcher's space."""
        key = searcher.space.digest()
        if key not in self._encoders:
            origin = next(origin for space, origin in self._spaces.values() if space.digest() == key)
            made = of_space(searcher.space, origin, self._adapter_folder)
            self._encoders[key] = made, made.load()
        made, encoder = self._encoders[key]
        return made.query(encoder, query)

    def _routed(self, query: str, filters: Filters, file: str | None) -> tuple[str, str]:
        if len(self._spaces) == 1:
            return "", "the only one of the index"
        adapters = {
            origin.language: space.adapter_digest for space, origin in self._spaces.values() if space.adapter_digest
        }
        asked = filters.languages[0] if len(filters.languages) == 1 else None
        found = route(query, adapters, language=asked, path=file)
        if found.adapter is None and all(space.adapter_digest for space, _ in self._spaces.values()):
            raise UserError(
                f"no adapter of the index is for this query: {found.reason}",
                "say which with --adapter, or index the base as well",
            )
        return found.adapter or BASE, found.reason
