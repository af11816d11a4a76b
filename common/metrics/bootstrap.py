"""How far a mean over queries would move with other queries of the same kind: the percentile bootstrap.

Queries are drawn with replacement, as many as there are; the interval is cut from the resampled means (Efron and
Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95
_BLOCK = 4_000_000  # drawn indices at a time: bounds the memory to a hundred megabytes or so


@dataclass(frozen=True)
class Interval:
    """A mean over queries and its bootstrap interval."""

    mean: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """`value`, `low` and `high`, as result files hold them."""
        return {"value": self.mean, "low": self.low, "high": self.high}


def intervals(values: np.ndarray, *, seed: int, resamples: int = RESAMPLES, level: float = LEVEL) -> list[Interval]:
    """One interval per column of `values` (N queries, M metrics); the columns share their resamples.

    Raises ValueError where there is no query or a value is not finite.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or not len(values):
        raise ValueError(f"need at least one query and two axes (queries, metrics), got shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("a value is NaN or infinite")
    tail = (1 - level) / 2
    low, high = np.quantile(_resampled_means(values, seed, resamples), [tail, 1 - tail], axis=0)
    return [Interval(*map(float, three)) for three in zip(values.mean(axis=0), low, high, strict=True)]


def mean_interval(values: np.ndarray, *, seed: int, resamples: int = RESAMPLES, level: float = LEVEL) -> Interval:
    """The interval of the mean of `values` (N,)."""
    return intervals(np.asarray(values)[:, None], seed=seed, resamples=resamples, level=level)[0]


def paired_difference(
    system: np.ndarray, baseline: np.ndarray, *, seed: int, resamples: int = RESAMPLES, level: float = LEVEL
) -> Interval:
    """The interval of mean(system) − mean(baseline), both (N,) over the same queries in the same order.

    Both are resampled together, so what makes a query hard for both cancels out: the interval is narrower than the
    two separate ones suggest. Raises ValueError where the lengths differ.
    """
    system, baseline = np.asarray(system, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if system.shape != baseline.shape:
        raise ValueError(f"a paired difference needs the same queries: {system.shape} and {baseline.shape}")
    return mean_interval(system - baseline, seed=seed, resamples=resamples, level=level)


def _resampled_means(values: np.ndarray, seed: int, resamples: int) -> np.ndarray:
    """(resamples, M): how often each query was drawn, times its values."""
    n, rng = len(values), np.random.default_rng(seed)
    means, step = [], max(1, _BLOCK // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(n, size=(rows, n)) + n * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
        means.append(times.astype(np.float64) @ values / n)
    return np.concatenate(means)
