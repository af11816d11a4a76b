"""From values per query to the figures of a report: means, differences and relative gains, each with its interval.

All figures of one set of queries come from the same resamples, so that differences are paired. Over several sets
(languages) queries are drawn within each of them: the stratified bootstrap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from common.metrics.bootstrap import RESAMPLES, Seed, drawn_means, interval
from common.metrics.ranking import PerQuery

Json = dict[str, dict[str, float]]
"""Metric → `value`, `low`, `high`: what stands under `metrics.SYSTEM` in a result file."""


@dataclass(frozen=True)
class Means:
    """System → metric → (1 + R,): the mean over the queries, then the means of R resamples of the queries."""

    table: Mapping[str, Mapping[str, np.ndarray]]
    queries: int

    @classmethod
    def of(cls, systems: Mapping[str, PerQuery], seed: Seed, *, resamples: int = RESAMPLES) -> Means:
        """From system → metric → (N,); raises ValueError unless all are over the same number of queries."""
        names = [(system, metric) for system, metrics in systems.items() for metric in metrics]
        columns = [np.asarray(systems[system][metric], dtype=np.float64) for system, metric in names]
        if len({column.shape for column in columns}) != 1:
            raise ValueError(f"metrics over different queries: {[column.shape for column in columns]}")
        values = np.stack(columns, axis=1)
        drawn = drawn_means(values, seed, resamples=resamples)
        table: dict[str, dict[str, np.ndarray]] = {system: {} for system in systems}
        for (system, metric), column in zip(names, drawn.T, strict=True):
            table[system][metric] = column
        return cls(table, len(values))

    def to_json(self) -> dict[str, Json]:
        """System → metric → mean with its interval."""
        return {system: _each(metrics) for system, metrics in self.table.items()}

    def difference(self, system: str, baseline: str) -> dict[str, np.ndarray]:
        """Metric → (1 + R,) mean(system) − mean(baseline)."""
        return {metric: found - self.table[baseline][metric] for metric, found in self.table[system].items()}

    def gain(self, system: str, baseline: str) -> dict[str, np.ndarray]:
        """Metric → (1 + R,) mean(system) / mean(baseline) − 1, for the metrics whose baseline is never zero."""
        against = self.table[baseline]
        return {m: found / against[m] - 1 for m, found in self.table[system].items() if against[m].min() > 0}


def compared(means: Means, system: str, baseline: str) -> dict[str, Json]:
    """`SYSTEM_minus_BASELINE` and `relative_gain`, as result files hold them."""
    return {
        f"{system}_minus_{baseline}": _each(means.difference(system, baseline)),
        "relative_gain": _each(means.gain(system, baseline)),
    }


def micro(parts: Sequence[Means]) -> Means:
    """Means over all queries of all parts: large parts count for more."""
    return _combine(parts, [part.queries for part in parts])


def macro(parts: Sequence[Means]) -> Means:
    """Means over the parts, each counting the same."""
    return _combine(parts, [1 for _ in parts])


def macro_compared(parts: Sequence[Means], system: str, baseline: str) -> dict[str, Json]:
    """`compared` over parts; here the relative gain is the mean of the parts' gains, not the gain of their means."""
    gains = [part.gain(system, baseline) for part in parts]
    shared = [metric for metric in gains[0] if all(metric in gain for gain in gains)]
    mean_gain = {metric: np.mean([gain[metric] for gain in gains], axis=0) for metric in shared}
    return {**compared(macro(parts), system, baseline), "relative_gain": _each(mean_gain)}


def _combine(parts: Sequence[Means], weights: Sequence[int]) -> Means:
    """Weighted means of the systems and metrics that all parts have."""
    tables = [part.table for part in parts]
    shared = {
        system: [metric for metric in metrics if all(metric in table.get(system, ()) for table in tables)]
        for system, metrics in tables[0].items()
    }
    means = {
        system: {m: np.average([table[system][m] for table in tables], axis=0, weights=weights) for m in metrics}
        for system, metrics in shared.items()
        if metrics
    }
    return Means(means, sum(part.queries for part in parts))


def _each(columns: Mapping[str, np.ndarray]) -> Json:
    return {metric: interval(column).to_json() for metric, column in columns.items()}
