"""Unit vectors: their dot products are cosines."""

from __future__ import annotations

import numpy as np


def unit(vectors: np.ndarray) -> np.ndarray:
    """(N, H) float32 rows of length 1, a new array; a zero row stays zero. Raises ValueError on NaN and infinity."""
    vectors = np.asarray(vectors, dtype=np.float32, order="C")
    if vectors.ndim != 2:
        raise ValueError(f"vectors must have two axes (rows, dimension), got shape {vectors.shape}")
    if not np.isfinite(vectors).all():
        raise ValueError("a vector holds NaN or infinity")
    lengths = np.sqrt(np.einsum("nh,nh->n", vectors, vectors, dtype=np.float64))[:, None]  # float32 squares overflow
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0, casting="same_kind")
