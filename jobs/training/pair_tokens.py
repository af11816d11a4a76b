"""Token ids of pairs and of a dev split, made once for the runs of a sweep and shared through Ray's object store.

A single run tokenises one step ahead while the model works (jobs.training.batches), and so needs none of this. Arrays
in the object store are mapped and not copied: all runs on a node share one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from common.corpora.beir import RetrievalSet
from common.corpora.pair_store import PairStore
from common.models.encoder import Kind

Tokenize = Callable[[Sequence[str], Kind], list[list[int]]]
_AT_ONCE = 4096


@dataclass(frozen=True)
class Ragged:
    """Rows of differing length."""

    flat: np.ndarray
    """(T,) int32, all rows after each other."""
    starts: np.ndarray
    """(N + 1,) int64, where each begins."""

    @classmethod
    def of(cls, rows: Iterable[Sequence[int]]) -> Ragged:
        """Rows as they come, held as arrays."""
        parts = [np.asarray(row, np.int32) for row in rows]
        starts = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        return cls(np.concatenate(parts) if parts else np.empty(0, np.int32), starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def rows(self, wanted: Iterable[int]) -> list[list[int]]:
        """These rows."""
        return [self.flat[self.starts[row] : self.starts[row + 1]].tolist() for row in wanted]


@dataclass(frozen=True)
class PairTokens:
    """Everything a contrastive run tokenises, hard negatives left out: which of them a step has depends on its seed."""

    queries: Ragged
    """Of each training pair."""
    documents: Ragged
    """Of each training pair."""
    dev: Ragged
    """The dev split's queries, then its documents."""


def tokenise(store: PairStore, dev: RetrievalSet, tokenize: Tokenize) -> PairTokens:
    """Tokenise pairs and dev split once."""

    def column(name: str, kind: Kind) -> Ragged:
        starts = range(0, len(store), _AT_ONCE)
        blocks = (store.read(range(start, min(start + _AT_ONCE, len(store)))) for start in starts)
        return Ragged.of(row for block in blocks for row in tokenize([getattr(pair, name) for pair in block], kind))

    return PairTokens(column("query", "query"), column("document", "document"), Ragged.of(dev_ids(dev, tokenize)))


def dev_ids(dev: RetrievalSet, tokenize: Tokenize) -> list[list[int]]:
    """The dev split's queries, then its documents."""
    texts = [document.content() for document in dev.documents.values()]
    return tokenize(list(dev.queries.values()), "query") + tokenize(texts, "document")
