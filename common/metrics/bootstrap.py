"""How far a mean over queries would move with other queries of the same kind: the percentile bootstrap.

Queries are drawn with replacement, as many as there are; the interval is cut from the resampled means (Efron and
Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95
Seed = int | Sequence[int]
_BLOCK = 4_000_000  # drawn indices at a time: bounds the memory to a hundred megabytes or so


@dataclass(frozen=True)
class Interval:
    """A figure over queries and its bootstrap interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """`value`, `low` and `high`, as result files hold them."""
        return {"value": self.value, "low": self.low, "high": self.high}


def drawn_means(values: np.ndarray, seed: Seed, *, resamples: int = RESAMPLES) -> np.ndarray:
    """(1 + R, M) from (N, M): the means of the columns, then those of R resamples of the N queries.

    The columns share their resamples, so a sum, difference or ratio of columns can be taken row by row and keeps what
    makes a query hard for both: intervals of differences come out paired. Raises ValueError where there is no query or
    a value is not finite.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or not len(values):
        raise ValueError(f"need at least one query and two axes (queries, metrics), got shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("a value is NaN or infinite")
    n, rng = len(values), np.random.default_rng(seed)
    means, step = [values.mean(axis=0)[None]], max(1, _BLOCK // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(n, size=(rows, n)) + n * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
        means.append(times.astype(np.float64) @ values / n)
    return np.concatenate(means)


def interval(drawn: np.ndarray, *, level: float = LEVEL) -> Interval:
    """From (1 + R,), as a column of `drawn_means` or something worked out of such columns."""
    tail = (1 - level) / 2
    low, high = np.quantile(drawn[1:], [tail, 1 - tail])
    return Interval(float(drawn[0]), float(low), float(high))


def mean_interval(values: np.ndarray, *, seed: Seed, resamples: int = RESAMPLES, level: float = LEVEL) -> Interval:
    """The interval of the mean of `values` (N,)."""
    return interval(drawn_means(np.asarray(values)[:, None], seed, resamples=resamples)[:, 0], level=level)
