"""Searching an index: both legs, their fusion, filters, and the units that have the texts found.

A searcher has one generation in memory. Hits are read in one transaction with the store's generation; where a build
has committed another one meanwhile, the searcher takes that one up and searches again, so that no answer mixes two.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import DataError, UserError
from common.retrieval import derived
from common.retrieval.filters import Filters, Places
from common.retrieval.space import Space
from common.retrieval.store import Store
from common.retrieval.weighting import Fusion, apply_lists

log = logging.getLogger(__name__)
DEPTH = 200
"""Texts that each leg hands to the fusion."""
_TRIES = 5
_KEPT_FILTERS = 64


@dataclass(frozen=True)
class Hit:
    """A unit that was found."""

    path: str
    start_line: int
    end_line: int
    symbol: str
    kind: str
    language: str
    score: float
    """What it is ranked by."""
    scores: dict[str, float]
    """Of each leg that found it: `bm25`, `dense` (a cosine), and `rerank` where there was one."""
    source: str
    """As it stands in the file."""
    text: str
    """What was indexed."""


Rerank = Callable[[str, Sequence[Hit]], Sequence[float]]
"""A cross-encoder: from a query and hits to a score for each, higher is better."""


class Searcher:
    """An opened index in one space; `search` may be called from several threads one at a time."""

    def __init__(self, folder: Path, adapter: str | None = None) -> None:
        """Open the index in `folder`.

        `adapter`: the name or the beginning of the digest of the adapter whose vectors are searched, `base` for those
        without; may be left out where the index has one space. Raises `UserError` where it is not clear or not there,
        `DataError` where a file is damaged.
        """
        self.folder = folder
        self._store = Store.open(folder)
        self._number, self.space = _choose(self._store.spaces(), adapter, folder)
        self._fusion = self._store.origin(self._number).fusion
        self._load()

    def __len__(self) -> int:
        return len(self._places.units)

    @property
    def root(self) -> Path | None:
        """The folder that paths are relative to."""
        return self._store.facts.root

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that are indexed."""
        return self._places.languages

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def search(
        self, query: str, vector: np.ndarray | None, *, top: int = 10, filters: Filters | None = None,
        fusion: Fusion | None = None, words: bool = True, rerank: Rerank | None = None,
    ) -> list[Hit]:  # fmt: skip
        """The best units, best first. `vector` (H,) is the query's in the index' space; None searches by words alone,
        and without `words` the vector does.

        `fusion`: how both legs become one, if not as the space's origin says. Units that share a text share its scores
        and stand by path. Raises `UserError` for an unknown language or kind.
        """
        filters = filters or Filters()
        for _ in range(_TRIES):
            ranked, scores = self._ranked(query if words else "", vector, filters, fusion or self._fusion, max(top, 1))
            hits = self._hits(ranked, scores, filters, top if rerank is None else DEPTH)
            if hits is not None:
                break
            self._load()
        else:
            raise UserError(f"{self.folder} is built again faster than it can be searched", "search later")
        if rerank is not None:
            judged = rerank(query, hits)
            hits = [
                Hit(**{**hit.__dict__, "score": float(score), "scores": {**hit.scores, "rerank": float(score)}})
                for hit, score in zip(hits, judged, strict=True)
            ]
            hits.sort(key=lambda hit: -hit.score)
        return hits[:top]

    def _load(self) -> None:
        """Take up the store's generation; its files are replaced where a build ends meanwhile, so try again."""
        for attempt in range(_TRIES):
            with self._store.snapshot():
                generation = self._store.generation
                self._places = Places.read(self._store)
            if generation == 0:
                raise UserError(f"the index in {self.folder} has not been built to its end", "submit the build again")
            try:
                self._words = derived.open_words(self.folder, generation)
                self._vectors = self._open_vectors(generation)
            except (DataError, FileNotFoundError):
                if self._store.generation == generation or attempt == _TRIES - 1:
                    raise
                continue
            self._generation = generation
            self._filtered: dict[Filters, tuple[np.ndarray, np.ndarray | None, np.ndarray | None]] = {}
            return

    def _open_vectors(self, generation: int) -> derived.VectorIndex:
        if derived.vectors_file(self.folder, generation, self._number).exists():
            return derived.open_vectors(self.folder, generation, self._number)
        if derived.place(self.folder, generation).exists() and self._store.generation == generation:
            raise UserError(
                f"the vectors of {self.space.name()} in {self.folder} are of an older state of its files",
                "build the index with that adapter again",
            )
        raise FileNotFoundError(derived.place(self.folder, generation))

    def _ranked(
        self, query: str, vector: np.ndarray | None, filters: Filters, fusion: Fusion, top: int
    ) -> tuple[list[tuple[int, float]], dict[int, dict[str, float]]]:
        """(text, score) best first, and each text's scores by leg."""
        _, mask, texts = self._allowed(filters)
        depth = max(DEPTH, 2 * top)
        words = self._words.top(query, depth, mask)
        near: list[tuple[int, float]] = []
        if vector is not None:
            ids, cosines = self._vectors.top(np.asarray(vector)[None], min(depth, max(len(self._vectors), 1)), texts)
            near = [(int(i), float(c)) for i, c in zip(ids[0], cosines[0], strict=True) if i >= 0]
        scores: dict[int, dict[str, float]] = {}
        for leg, found in (("bm25", words), ("dense", near)):
            for text, score in found:
                scores.setdefault(text, {})[leg] = score
        return (apply_lists(fusion, words, near) if query and vector is not None else words or near), scores

    def _allowed(self, filters: Filters) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        """The allowed units, a mask; and the texts that have one: as a mask over the words' index, and as ids, both
        None where all do."""
        if filters not in self._filtered:
            units = self._places.allowed(filters)
            if units.all():
                self._filtered[filters] = units, None, None
            else:
                texts = np.unique(self._places.texts[units])
                self._filtered[filters] = units, np.isin(self._words.ids, texts), texts
            while len(self._filtered) > _KEPT_FILTERS:
                del self._filtered[next(iter(self._filtered))]
        return self._filtered[filters]

    def _hits(
        self, ranked: list[tuple[int, float]], scores: dict[int, dict[str, float]], filters: Filters, top: int
    ) -> list[Hit] | None:
        """The units of the ranked texts; None where the store has gone on to another generation."""
        allowed, *_ = self._allowed(filters)
        chosen: list[tuple[int, int, float]] = []
        for text, score in ranked:
            units = self._places.units[(self._places.texts == text) & allowed]
            chosen += [(int(unit), text, score) for unit in units]
            if len(chosen) >= top:
                break
        with self._store.snapshot():
            if self._store.generation != self._generation:
                return None
            sql = (
                "SELECT units.path, start_line, end_line, symbol, kind, language, source, texts.text "
                "FROM units JOIN files USING (path) JOIN texts ON texts.id = units.text WHERE units.id = ?"
            )
            rows = [(*self._store.query(sql, (unit,)).fetchone(), text, score) for unit, text, score in chosen[:top]]
        return [
            Hit(path, start, end, symbol, kind, language, score, scores[text], source, content)
            for path, start, end, symbol, kind, language, source, content, text, score in rows
        ]


def _choose(spaces: dict[int, Space], adapter: str | None, folder: Path) -> tuple[int, Space]:
    """The space that is meant, with its number."""
    if not spaces:
        raise UserError(f"the index in {folder} has no vectors yet", "submit the build again")
    names = "; ".join(space.name() for space in spaces.values())
    if adapter is None:
        if len(spaces) > 1:
            raise UserError(f"the index in {folder} has vectors of several: {names}", "say which with --adapter")
        return next(iter(spaces.items()))
    found = [(number, space) for number, space in spaces.items() if _is(space, adapter)]
    if len(found) != 1:
        what = "is in doubt" if found else "is not there"
        raise UserError(
            f"{adapter!r} {what} in the index in {folder}, which has vectors of {names}", "name one of them"
        )
    return found[0]


def _is(space: Space, adapter: str) -> bool:
    if space.adapter_digest is None:
        return adapter in ("base", space.base)
    return adapter == space.adapter or (len(adapter) >= 6 and space.adapter_digest.startswith(adapter))
