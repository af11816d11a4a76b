"""From the figures of replicas to gauges for /metrics. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serving.catalogue import Catalogue
from serving.http.backend import Gauge

_ENGINE = "Figure of an engine, by base and replica"
_STORE = {
    "bytes": "Bytes that an adapter takes in a replica; 0 unless loaded",
    "refs": "Requests that have an adapter, or wait for it",
    "hits": "Requests that found an adapter loaded",
    "misses": "Requests that waited for an adapter to load",
    "evictions": "How often an adapter left for another",
    "failures": "Loads of an adapter that failed",
}


def gauges_of(stats: Sequence[tuple[str, int, dict[str, Any]]], catalogue: Catalogue) -> list[Gauge]:
    """`stats`: (base, replica, what the replica's `stats` gave)."""
    gauges = []
    for base, replica, told in stats:
        labels = {"base": base, "task": told["task"], "replica": str(replica)}
        for name, value in told["engine"].items():
            gauges.append(Gauge(f"engine_{name}", _ENGINE, float(value), labels))
        store = told["store"]
        gauges.append(Gauge("store_bytes", "Bytes of loaded adapters", float(store.bytes), labels))
        gauges.append(
            Gauge("store_limit_bytes", "Bytes that loaded adapters may take", float(store.limit_bytes), labels)
        )
        for one in store.adapters:
            of_adapter = {**labels, "adapter": one.adapter.name, "digest": one.adapter.digest[:12]}
            for name, description in _STORE.items():
                gauges.append(Gauge(f"adapter_{name}", description, float(getattr(one, name)), of_adapter))
    for source, since in catalogue.away.items():
        gauges.append(Gauge("source_away_since", "When a source of adapters was lost, in seconds since 1970", since,
                            {"source": source}))  # fmt: skip
    return gauges
