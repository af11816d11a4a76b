"""Whole groups (modules, repositories) into train, dev and test: nothing of a group is in two splits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

TRAIN, DEV, TEST = "train", "dev", "test"
SLACK = 1.1
LARGEST = 0.5


def split_groups(sizes: Mapping[str, int], *, dev_share: float, test_share: float, seed: int = 0) -> dict[str, str]:
    """The split of each group, about `test_share` and `dev_share` of the summed sizes held out.

    Groups are taken in the order of a seeded hash of their name and fill test, then dev; the rest is train. A group
    larger than half a held-out split goes to train, so that no single group decides the score. With few groups a
    held-out split can therefore stay empty: the caller has to look.
    """
    if min(dev_share, test_share) < 0 or dev_share + test_share >= 1:
        raise ValueError(f"shares must not be negative and leave something to train on: {dev_share}, {test_share}")
    total = sum(sizes.values())
    targets = {TEST: test_share * total, DEV: dev_share * total}
    filled = {TEST: 0, DEV: 0}
    assignment: dict[str, str] = {}
    for group in sorted(sizes, key=lambda name: (seeded_hash(seed, name), name)):
        size = sizes[group]
        assignment[group] = TRAIN
        for split, target in targets.items():
            open_ = filled[split] < target and size <= LARGEST * target
            if open_ and filled[split] + size <= SLACK * target:
                assignment[group] = split
                filled[split] += size
                break
    return assignment


def seeded_hash(seed: int, name: str) -> str:
    """A hash that is the same in every process and on every machine."""
    return hashlib.sha256(f"{seed}\0{name}".encode()).hexdigest()
