"""Prometheus figures of the HTTP layer, by endpoint and by model; labels hold only models that exist.

A label costs memory for ever, and a request may name what it likes: so a model is a label once an answer was of it, or
once the backend lists it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Histogram, Summary, generate_latest
from prometheus_client import Gauge as PrometheusGauge

from serving.http.backend import Backend, Gauge
from serving.http.exchange import Exchange, label
from serving.records import ServingError

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
PREFIX = "codeadapters_"


class Meters:
    """The figures of one process."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._known: set[str] = set()
        self.registry = CollectorRegistry()
        self.in_flight = PrometheusGauge(
            PREFIX + "http_in_flight", "Requests that are being answered", registry=self.registry
        )
        self._requests = Counter(
            PREFIX + "http_requests", "Answered requests; status 499: the client left",
            ("endpoint", "model", "status"), registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            PREFIX + "http_seconds", "From the head of a request to the end of its answer",
            ("endpoint",), buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._first = Histogram(
            PREFIX + "http_first_token_seconds", "From the head of a request to the first token of its answer",
            ("endpoint",), buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._by_model = Summary(
            PREFIX + "model_seconds", "As http_seconds, of answers by a model", ("model",), registry=self.registry
        )
        self._tokens = Counter(
            PREFIX + "tokens", "Tokens read (prompt) and written (completion)", ("model", "kind"),
            registry=self.registry,
        )  # fmt: skip

    async def count(self, endpoint: str, exchange: Exchange, status: int, seconds: float) -> None:
        """Enter a request that is over."""
        model = await self._model(exchange, status)
        self._requests.labels(endpoint, model, str(status)).inc()
        self._seconds.labels(endpoint).observe(seconds)
        if exchange.first_token is not None:
            self._first.labels(endpoint).observe(exchange.first_token - exchange.start)
        if exchange.chosen is not None:
            self._by_model.labels(model).observe(seconds)
        for kind, number in exchange.tokens.items():
            self._tokens.labels(model, kind).inc(number)

    def exposition(self, gauges: Sequence[Gauge]) -> bytes:
        """All of it as Prometheus reads it, with the backend's gauges."""
        own = CollectorRegistry()
        made: dict[str, PrometheusGauge] = {}
        for one in gauges:
            if one.name not in made:
                made[one.name] = PrometheusGauge(PREFIX + one.name, one.description, tuple(one.labels), registry=own)
            (made[one.name].labels(**one.labels) if one.labels else made[one.name]).set(one.value)
        return generate_latest(self.registry) + generate_latest(own)

    async def _model(self, exchange: Exchange, status: int) -> str:
        if exchange.chosen is not None:
            name = label(exchange.chosen)
            self._known.add(name)
            return name
        asked = exchange.asked
        if asked is None or asked.auto:
            return ""
        name = asked.base + (f":{asked.adapter}" if asked.adapter else "")
        if name not in self._known and status >= 500:  # a damaged adapter may fail before it has ever answered
            with suppress(ServingError):
                self._known |= {card.id.partition("@")[0] for card in await self._backend.models()}
        return name if name in self._known else ""
