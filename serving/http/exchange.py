"""One request as the routes see it: what it may use and cost, and what its answer says of itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request

from serving.http.backend import Backend, Chosen
from serving.http.keys import ApiKey
from serving.http.settings import HttpSettings
from serving.names import ModelName, parse_model
from serving.records import ServingError

STATE = "exchange"
"""Key of the exchange in an ASGI scope's state."""


@dataclass
class Exchange:
    """A request and what has been learnt while it is answered."""

    backend: Backend
    settings: HttpSettings
    exposition: Callable[[], Awaitable[bytes]]
    """The figures of /metrics."""
    key: ApiKey | None
    """None where nobody needs a key."""
    start: float
    """Seconds on the loop's clock."""
    deadline: float
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    """Left when the answer has been sent, or its client has gone."""
    asked: ModelName | None = None
    chosen: Chosen | None = None
    first_token: float | None = None
    """When it came, on the loop's clock."""
    tokens: dict[str, int] = field(default_factory=dict)
    """By kind: prompt, completion."""
    failed: int | None = None
    """Status of an error that came after the answer's head."""

    def model(self, name: str, param: str = "model") -> ModelName:
        """The model that a request names. Raises `ServingError`: 400 for what is no name, 403 where the key does not
        permit it."""
        parsed = parse_model(name)
        if self.key is not None and not self.key.may_permit(parsed):
            raise _forbidden(str(parsed), param)
        if param == "model":
            self.asked = parsed
        return parsed

    def check(self, chosen: Chosen) -> None:
        """Raises `ServingError` (403) where the key does not permit what an answer would be of."""
        name, version = label(chosen), (chosen.adapter or {}).get("version")
        if self.key is not None and not self.key.permits(name, version):
            raise _forbidden(name, "model")

    def answered(self, chosen: Chosen) -> dict[str, str]:
        """The headers of an answer by that model. Raises `ServingError` (403)."""
        self.check(chosen)
        self.chosen = chosen
        if chosen.adapter is None:
            return {}
        name, version = chosen.adapter["name"] or "", chosen.adapter.get("version")
        told = quote(name, safe=" /:+") + (f"@{version}" if version else "")  # headers are Latin-1
        return {"x-adapter": told, "x-adapter-digest": chosen.adapter["digest"] or ""}

    def check_query(self, query: str, param: str) -> None:
        """Raises `ServingError` (400) for a query that is longer than the server takes."""
        if len(query) > (most := self.settings.max_query_chars):
            raise ServingError(400, f"{param} has {len(query):,} characters; the limit is {most:,}", param=param)

    def check_top(self, asked: int, param: str) -> None:
        """Raises `ServingError` (400) where more results are asked for than the server gives."""
        if asked > (most := self.settings.max_top_k):
            raise ServingError(400, f"{param} is {asked}; the limit is {most}", param=param)

    def spent(self, **tokens: int) -> None:
        """Count tokens by kind."""
        for kind, number in tokens.items():
            self.tokens[kind] = self.tokens.get(kind, 0) + number


def label(chosen: Chosen) -> str:
    """`BASE` or `BASE:ADAPTER`."""
    return chosen.base + (f":{chosen.adapter['name']}" if chosen.adapter else "")


def _exchange(request: Request) -> Exchange:
    return request.scope["state"][STATE]


Here = Annotated[Exchange, Depends(_exchange)]
"""The exchange, as a parameter of a route."""


def _forbidden(name: str, param: str) -> ServingError:
    return ServingError(
        403, f"this API key may not use {name!r}", param=param, code="model_not_permitted", kind="permission_error"
    )
