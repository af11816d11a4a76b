"""An embedder without a model: a text's vector comes from its words. For tests of what is built around one."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from common.retrieval.space import Origin, Space
from common.retrieval.tokens import tokenise

DIMENSIONS = 32
ORIGIN = Origin(model="hashed")


def space(name: str = "hashed", **more) -> Space:
    """A space whose digest goes by its name."""
    told = {"base": name, "base_digest": name * 8, "pooling": "mean", "max_length": 64, "dimensions": DIMENSIONS}
    return Space(**{**told, **more})


@dataclass(frozen=True)
class HashEmbedder:
    """As `common.search.embedder.Embedder`."""

    space: Space
    origin: Origin = ORIGIN

    def load(self):
        return None

    def encode(self, encoder, texts, kind, label=""):
        return np.stack([self._vector(text) for text in texts])

    def query(self, encoder, text):
        return self._vector(text)

    def _vector(self, text):
        vector = np.full(DIMENSIONS, 1e-3, dtype=np.float32)
        for word in tokenise(text):
            vector[zlib.crc32(f"{self.space.base}{word}".encode()) % DIMENSIONS] += 1
        return vector / np.linalg.norm(vector)


def hashed(name: str = "hashed", **more) -> HashEmbedder:
    """One, by the name of its base."""
    return HashEmbedder(space(name, **more))
