"""Exact match: is the reference among what a model wrote first?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def folded(text: str) -> str:
    """The text with every run of white space as one space, and none at the ends: layout does not count, also where
    Python's meaning depends on it (Weyssow et al., arXiv 2308.10462)."""
    return " ".join(text.split())


def exact_match_at_k(references: Sequence[str], candidates: Sequence[Sequence[str]], k: int) -> np.ndarray:
    """(N,) 1.0 where the reference is among the first k candidates after folding, else 0.0.

    Raises ValueError where the lists do not fit or an item has fewer than k candidates: it would be measured on fewer
    tries than the name says.
    """
    if len(references) != len(candidates):
        raise ValueError(f"{len(references)} references, but candidates for {len(candidates)}")
    if k < 1 or any(len(tries) < k for tries in candidates):
        raise ValueError(f"exact match at {k} needs {max(k, 1)} candidates for every item")
    hits = [
        folded(reference) in {folded(candidate) for candidate in tries[:k]}
        for reference, tries in zip(references, candidates, strict=True)
    ]
    return np.array(hits, dtype=np.float64)
