"""How an index of vectors is laid out for so many of them, and when that no longer fits. Pure.

An inverted file (IVF) keeps the vectors in lists, one around each of the centres that k-means found, and a query looks
into the lists whose centres are closest to it. Below a number of vectors, comparing all is fast enough and misses none.

Product quantisation (PQ) cuts a vector, less its list's centre, into pieces and keeps of each the number of the nearest
of 256 codewords. What a query finds by these codes is ranked again by the vectors themselves, which stay on disk.
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from common.config import Config
from common.errors import ConfigError

Storage = Literal["float32", "float16", "int8", "pq"]
"""What a dimension of a stored vector takes: 4, 2, 1 or a quarter of a byte."""

LISTS_PER_ROOT = 4  # lists per √N: a query then compares about as many centres as vectors
TRAINED_ON = 40  # vectors per list to find the centres with; FAISS warns below 39
PROBES_OF_ONE, PROBES_POWER = 22, 0.15  # see `rule_probes`
PIECE = 4  # dimensions that share a codeword of pq
CODEWORDS = 256  # of each piece: one byte
GROWTH = 2  # from so many times the vectors it was laid out for, or so small a part of them, an index is stale


class VectorSettings(Config):
    """How vectors are stored and searched."""

    storage: Storage = "float16"
    """Numbers that vectors are stored in: float32; float16, half of it; or int8, a quarter, which misses about one in a
    hundred of the ten nearest (each dimension's range in 256 steps). pq, an eighth of float16, needs a dimension that
    is a multiple of 4; it begins above `exact_up_to`, and float16 serves below. It ranks what it found once more by
    float16 vectors, which it reads from the index' file: the file is larger than with float16."""
    exact_up_to: int = Field(200_000, ge=0)
    """Vectors up to which a query is compared with every one; beyond, with those in the lists closest to it."""
    probes: int | None = Field(None, ge=1)
    """Lists that a query looks into; more find more and take longer. Default: by the number of lists."""
    refine: int = Field(8, ge=1)
    """With pq, how many times the vectors asked for are ranked again; more find more and are more reads of the disk.
    Recall@10 among 200,000: 0.777 with 1, 0.990 with 4, 0.994 with 8, which is what float16 has with as many probes."""

    def lists(self, count: int) -> int:
        """Lists for so many vectors; 0 = exact."""
        lists = min(round(LISTS_PER_ROOT * math.sqrt(count)), count // TRAINED_ON)
        fewest = CODEWORDS if self.storage == "pq" else 2  # with fewer vectors, codewords could not be found either
        return lists if lists >= fewest and count > self.exact_up_to else 0

    def stored(self, lists: int) -> Storage:
        """The storage with so many lists: float16 where pq has none."""
        return "float16" if self.storage == "pq" and not lists else self.storage

    def pieces(self, dimension: int) -> int:
        """Into how many pieces (sub-quantisers) pq cuts a vector; raises `ConfigError` where they would be unequal."""
        if dimension % PIECE:
            raise ConfigError(
                f"vectors of {dimension} dimensions cannot be stored as pq, which takes them {PIECE} at a time",
                "store them as int8, or keep a multiple of 4 with `dimensions`",
            )
        return dimension // PIECE

    def probed(self, lists: int, share: float = 1.0) -> int:
        """Of so many lists, how many a query looks into where a filter lets `share` (0 to 1) of all vectors through.

        As many more as the filter is narrow, so that a query is compared with as many vectors as without one; where
        that is no fewer than the filter lets through, every list.
        """
        wanted = self.probes or rule_probes(lists)
        return lists if wanted >= share * lists else math.ceil(wanted / share)

    def outgrown(self, built: int, count: int) -> bool:
        """Whether an index laid out for `built` vectors should be built again for the `count` that it holds now.

        Upwards the limit of the exact search counts at once; downwards with a margin, so that an index at the limit
        is not built again and again.
        """
        if not self.lists(built):
            return self.lists(count) > 0 or (self.storage == "int8" and count > GROWTH * built)
        return count > GROWTH * built or GROWTH * count < built


EXACT = VectorSettings(storage="float32", exact_up_to=2**62)
"""Every vector compared in single precision, however many there are."""


def rule_probes(lists: int) -> int:
    """Lists to look into for a recall@10 above 0.99 in float16.

    A power law through what `benchmarks/vector_index.py` needs for 0.99: 30 of 77 lists, 45 of 894, 58 of 4,000; and a
    quarter more, which 3,000 real embeddings needed beyond as many made ones.
    """
    return round(PROBES_OF_ONE * lists**PROBES_POWER)
