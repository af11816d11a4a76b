"""Vectors of many texts, in files of a few thousand that are written as a whole: an interrupted run goes on after the
last one. Half precision on disk: cosines move by less than 0.001.

A shard's name carries a digest of model and texts, so vectors of other texts or another model are never taken for
these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.progress import progress
from common.retrieval.dense import unit

SHARD = 4096  # texts in a file


@dataclass(frozen=True)
class VectorShards:
    """Vectors of N texts in a folder, N/4096 files."""

    folder: Path
    model: str
    """Digest of what a vector depends on besides its text."""
    texts: np.ndarray
    """(N,) uint64 hashes of the texts."""

    def missing(self) -> list[int]:
        """Numbers of the shards that nobody has written yet."""
        return [number for number in range(-(-len(self.texts) // SHARD)) if not self._file(number).exists()]

    def fill(self, encode: Callable[[range], np.ndarray], label: str) -> None:
        """Write what is missing; `encode` gives the vectors (n, H) of the texts with these numbers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with progress(len(self.texts), label, "text") as bar:
            missing = set(self.missing())
            for number in range(-(-len(self.texts) // SHARD)):
                rows = self._rows(number)
                if number in missing:
                    draft = self.folder / ".draft.npy"
                    np.save(draft, encode(rows).astype(np.float16))
                    draft.replace(self._file(number))
                bar.update(len(rows))

    def take(self, texts: np.ndarray) -> np.ndarray:
        """(n, H) float32 unit vectors of the texts with these numbers; a shard is mapped only while it is read."""
        texts = np.asarray(texts)
        shards = texts // SHARD
        order = np.argsort(shards, kind="stable")
        found: np.ndarray | None = None
        for part in np.split(order, np.flatnonzero(np.diff(shards[order])) + 1):
            number = int(shards[part[0]])
            stored = np.load(self._file(number), mmap_mode="r")
            if found is None:
                found = np.empty((len(texts), stored.shape[1]), dtype=np.float32)
            found[part] = stored[texts[part] - number * SHARD]
        assert found is not None, "at least one text"
        return unit(found)

    def _rows(self, number: int) -> range:
        return range(number * SHARD, min((number + 1) * SHARD, len(self.texts)))

    def _file(self, number: int) -> Path:
        rows = self._rows(number)
        texts = np.ascontiguousarray(self.texts[rows.start : rows.stop], dtype="<u8").tobytes()
        key = hashlib.sha256(self.model.encode() + texts).hexdigest()
        return self.folder / f"{number:06d}-{key[:16]}.npy"
