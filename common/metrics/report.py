"""From values per query to the numbers of a report."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common.metrics.bootstrap import Interval, intervals


def summarise(per_query: Mapping[str, np.ndarray], seed: int) -> dict[str, Interval]:
    """Metric → mean and 95 % interval; every array is (N,) over the same queries, else ValueError."""
    if not per_query:
        return {}
    shapes = {metric: np.shape(values) for metric, values in per_query.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"metrics over different queries: {shapes}")
    return dict(zip(per_query, intervals(np.stack(list(per_query.values()), axis=1), seed=seed), strict=True))


def compare(system: Mapping[str, np.ndarray], baseline: Mapping[str, np.ndarray], seed: int) -> dict[str, Interval]:
    """Metric → paired difference `system` − `baseline` with its 95 % interval, for the metrics that both have."""
    common = [metric for metric in system if metric in baseline]
    if bad := [metric for metric in common if np.shape(system[metric]) != np.shape(baseline[metric])]:
        raise ValueError(f"{bad[0]}: the two systems did not answer the same queries")
    return summarise({metric: system[metric] - baseline[metric] for metric in common}, seed)


def to_json(summary: Mapping[str, Interval]) -> dict[str, dict[str, float]]:
    """What stands under `metrics.SYSTEM` in a result file."""
    return {metric: interval.to_json() for metric, interval in summary.items()}
