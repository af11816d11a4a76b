"""Near-duplicates: texts whose token shingles overlap by a Jaccard similarity of at least a threshold.

MinHash (datasketch) with locality-sensitive bands proposes, the exact similarity decides: there are no false
positives, and the bands are chosen so that a pair at the threshold is missed with a probability below one in a
million. Hashes and permutations are fixed, so the outcome is the same in every process. Signatures are arrays of about
150 bytes a text, and a text is asked for only where its signature meets another one: a million functions fit in memory
while their texts lie on disk. Allamanis 2019 ("The adverse effects of code duplication") has the reason for all this.
"""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

SHINGLE = 2  # at 1 bisect_left and bisect_right are the same, at 3 one renamed variable hides a short copy
PERMUTATIONS = 128
SEED = 1
MISSED = 1e-6
REMEMBERED = 4096  # texts whose shingles are kept while they are compared, about 10 kB each
_TOKEN = re.compile(r"\w+")
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd: Knuth's multiplicative hashing


@dataclass(frozen=True)
class Signed:
    """N texts by their signatures."""

    bands: np.ndarray
    """(N, B) uint32: near-duplicates agree in at least one of the B columns."""
    sizes: np.ndarray
    """(N,) int32: how many shingles each text has."""
    text_of: Callable[[int], str]
    """The text of a row."""
    threshold: float


def sign(texts: Sequence[str], threshold: float = 0.8) -> Signed:
    """Signatures of texts. Raises `ValueError` for a threshold outside (0, 1]."""
    if not 0 < threshold <= 1:
        raise ValueError(f"the threshold must lie in (0, 1], not {threshold}")
    from datasketch import MinHash  # brings in SciPy, which `--help` of a job should not wait for

    count, rows = banding(threshold)
    sizes = np.zeros(len(texts), dtype=np.int32)
    hashes = np.zeros((len(texts), count * rows), dtype=np.uint32)

    def shingled():
        for position, text in enumerate(texts):
            found = shingles(text)
            sizes[position] = len(found)
            yield found

    options = {"num_perm": PERMUTATIONS, "seed": SEED, "scheme": "affine32", "hashfunc": _already_hashed}
    for position, signature in enumerate(MinHash.generator(shingled(), **options)):
        hashes[position] = signature.hashvalues[: count * rows]
    mixed = np.zeros((len(texts), count), dtype=np.uint64)
    for row in range(rows):  # the rows of a band become one number
        mixed = (mixed ^ hashes[:, row::rows]) * _MIX
        mixed ^= mixed >> np.uint64(32)
    return Signed(mixed.astype(np.uint32), sizes, texts.__getitem__, threshold)


def first_of_each(signed: Signed, rows: Sequence[int] | np.ndarray) -> np.ndarray:
    """The rows to keep, in their order: none of them is a near-duplicate of one kept before it."""
    rows = np.asarray(rows, dtype=np.int64)
    bands = signed.bands[rows]
    repeated = np.column_stack([_repeated(bands[:, band]) for band in range(bands.shape[1])])
    index = _Index(signed)
    keep = np.ones(len(rows), dtype=bool)
    for position in np.flatnonzero(repeated.any(axis=1)):
        row, keys = int(rows[position]), _keys(bands[position], repeated[position])
        if index.has_near(signed, row, keys):
            keep[position] = False
        else:
            index.add(row, keys)
    return rows[keep]


def copies(
    signed: Signed, rows: Sequence[int] | np.ndarray, held_out: Signed, held_rows: Sequence[int] | np.ndarray
) -> np.ndarray:
    """Those of the rows, in their order, whose texts are near-duplicates of a held-out text."""
    rows, held_rows = np.asarray(rows, dtype=np.int64), np.asarray(held_rows, dtype=np.int64)
    bands, held_bands = signed.bands[rows], held_out.bands[held_rows]
    columns = range(bands.shape[1])
    met = np.column_stack([np.isin(held_bands[:, band], bands[:, band]) for band in columns])
    meeting = np.column_stack([np.isin(bands[:, band], held_bands[:, band]) for band in columns])
    index = _Index(held_out)
    for position in np.flatnonzero(met.any(axis=1)):
        index.add(int(held_rows[position]), _keys(held_bands[position], met[position]))
    return rows[
        [
            position
            for position in np.flatnonzero(meeting.any(axis=1))
            if index.has_near(signed, int(rows[position]), _keys(bands[position], meeting[position]))
        ]
    ]


class HeldOut:
    """Held-out texts, signed once and asked for copies as the training texts stream by."""

    def __init__(self, texts: Sequence[str], threshold: float = 0.8) -> None:
        self._signed = sign(texts, threshold)

    def copies(self, texts: Sequence[str]) -> list[int]:
        """Indices of the texts, ascending, that are near-duplicates of a held-out one."""
        signed = sign(texts, self._signed.threshold)
        return copies(signed, range(len(texts)), self._signed, range(len(self._signed.sizes))).tolist()


def shingles(text: str, size: int = SHINGLE) -> frozenset[int]:
    """32-bit hashes of all runs of `size` tokens (identifiers, words, numbers); a shorter text is one run."""
    tokens = [token.encode() for token in _TOKEN.findall(text)]
    runs = {b" ".join(tokens[start : start + size]) for start in range(max(1, len(tokens) - size + 1))}
    return frozenset(zlib.crc32(run) for run in runs)  # `hash()` would differ from process to process


def jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    """Size of the intersection over size of the union."""
    common = len(one & other)
    return common / (len(one) + len(other) - common)


class _Index:
    """Rows of signed texts by what their bands say."""

    def __init__(self, signed: Signed) -> None:
        self._signed = signed
        self._rows: dict[int, list[int]] = {}
        self._shingles = functools.lru_cache(REMEMBERED)(lambda row: shingles(signed.text_of(row)))

    def add(self, row: int, keys: list[int]) -> None:
        for key in keys:
            self._rows.setdefault(key, []).append(row)

    def has_near(self, signed: Signed, row: int, keys: list[int]) -> bool:
        """Whether the text of a row, of these or of other signed texts, has a near-duplicate here."""
        threshold, size = self._signed.threshold, int(signed.sizes[row])
        found = {other for key in keys for other in self._rows.get(key, ())}
        # Of sets of sizes a ≤ b the similarity is at most a / b: most candidates need no look at their text.
        sizes = ((other, int(self._signed.sizes[other])) for other in sorted(found))
        likely = [other for other, its in sizes if min(size, its) >= threshold * max(size, its)]
        if not likely:
            return False
        mine = self._shingles(row) if signed is self._signed else shingles(signed.text_of(row))
        return any(jaccard(mine, self._shingles(other)) >= threshold for other in likely)


def _repeated(values: np.ndarray) -> np.ndarray:
    """Which values occur more than once."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return counts[inverse] > 1


def _keys(bands: np.ndarray, wanted: np.ndarray) -> list[int]:
    """One number for a band and what it says, of the wanted bands."""
    columns = np.flatnonzero(wanted)
    return ((columns.astype(np.uint64) << np.uint64(32)) | bands[columns]).tolist()


def _already_hashed(value: int) -> int:
    return value


def banding(threshold: float) -> tuple[int, int]:
    """Bands and rows: as many rows (few false candidates) as the chance to miss a pair allows."""
    for rows in range(PERMUTATIONS // 2, 1, -1):
        bands = PERMUTATIONS // rows
        if (1 - threshold**rows) ** bands <= MISSED:
            return bands, rows
    return PERMUTATIONS, 1
