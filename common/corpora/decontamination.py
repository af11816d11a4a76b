"""Keeping what is held out out of what is trained on, while the training pairs stream by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from common.corpora.mining.neardup import HeldOut
from common.corpora.pairs import Pair
from common.corpora.search_corpus import normalised

BATCH = 1024  # pairs signed at a time


class Decontaminator:
    """Drops pairs that ask what a held-out pair asks, or whose document is nearly a held-out one's; counts both."""

    def __init__(self, held_out: Sequence[Pair], threshold: float) -> None:
        self.same_query = 0
        self.near_duplicate = 0
        self._asked = {normalised(pair.query) for pair in held_out}
        self._documents = HeldOut([pair.document for pair in held_out], threshold)

    def keep(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        """The clean pairs, in order."""
        stream = iter(pairs)
        while batch := list(islice(stream, BATCH)):
            fresh = [pair for pair in batch if normalised(pair.query) not in self._asked]
            copies = set(self._documents.copies([pair.document for pair in fresh]))
            self.same_query += len(batch) - len(fresh)
            self.near_duplicate += len(copies)
            yield from (pair for position, pair in enumerate(fresh) if position not in copies)
