"""Near-duplicates: texts whose token shingles overlap by a Jaccard similarity of at least a threshold.

MinHash with locality-sensitive hashing (datasketch) proposes, the exact similarity decides: there are no false
positives, and the bands are chosen so that a pair at the threshold is missed with a probability below one in a
million. Hashes and permutations are fixed, so the outcome is the same in every process. Allamanis 2019 ("The adverse
effects of code duplication") has the reason for all this.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasketch import MinHash

SHINGLE = 2  # at 1 bisect_left and bisect_right are the same, at 3 one renamed variable hides a short copy
PERMUTATIONS = 128
SEED = 1
MISSED = 1e-6
_TOKEN = re.compile(r"\w+")


def near_duplicate_groups(texts: Sequence[str], threshold: float = 0.8) -> list[tuple[int, ...]]:
    """Groups of two and more indices, ascending; the members of a group are near-duplicates of its first one."""
    index = _Index(threshold)
    groups: dict[int, list[int]] = {}
    for position, (shingles_, signature) in enumerate(_signed(texts)):
        first = index.first_match(shingles_, signature)
        if first is None:
            index.add(position, shingles_, signature)
            groups[position] = []
        else:
            groups[first].append(position)
    return [(first, *others) for first, others in groups.items() if others]


def drop_near_duplicates(texts: Sequence[str], threshold: float = 0.8) -> list[int]:
    """Indices to keep, ascending: of each group the first; no two of those kept are near-duplicates."""
    dropped = {other for group in near_duplicate_groups(texts, threshold) for other in group[1:]}
    return [position for position in range(len(texts)) if position not in dropped]


def contaminated(train_texts: Sequence[str], heldout_texts: Sequence[str], threshold: float = 0.8) -> list[int]:
    """Indices of the training texts, ascending, that are near-duplicates of a held-out text."""
    index = _Index(threshold)
    for position, (shingles_, signature) in enumerate(_signed(heldout_texts)):
        index.add(position, shingles_, signature)
    return [
        position
        for position, (shingles_, signature) in enumerate(_signed(train_texts))
        if index.first_match(shingles_, signature) is not None
    ]


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
    """Texts seen so far, to be asked for a near-duplicate."""

    def __init__(self, threshold: float) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"the threshold must lie in (0, 1], not {threshold}")
        from datasketch import MinHashLSH  # brings in SciPy, which `--help` of a job should not wait for

        self._threshold = threshold
        self._lsh = MinHashLSH(num_perm=PERMUTATIONS, params=_bands(threshold))
        self._shingles: dict[int, frozenset[int]] = {}

    def add(self, key: int, shingles_: frozenset[int], signature: MinHash) -> None:
        self._lsh.insert(key, signature)
        self._shingles[key] = shingles_

    def first_match(self, shingles_: frozenset[int], signature: MinHash) -> int | None:
        near = (key for key in self._lsh.query(signature) if self._near(shingles_, self._shingles[key]))
        return min(near, default=None)

    def _near(self, one: frozenset[int], other: frozenset[int]) -> bool:
        return jaccard(one, other) >= self._threshold


def _signed(texts: Sequence[str]) -> Iterator[tuple[frozenset[int], MinHash]]:
    from datasketch import MinHash

    sets = [shingles(text) for text in texts]
    signatures = MinHash.generator(sets, num_perm=PERMUTATIONS, seed=SEED, hashfunc=_already_hashed)
    return zip(sets, signatures, strict=True)


def _already_hashed(value: int) -> int:
    return value


def _bands(threshold: float) -> tuple[int, int]:
    """Bands and rows: as many rows (few false candidates) as the chance to miss a pair allows."""
    for rows in range(PERMUTATIONS // 2, 1, -1):
        bands = PERMUTATIONS // rows
        if (1 - threshold**rows) ** bands <= MISSED:
            return bands, rows
    return PERMUTATIONS, 1
