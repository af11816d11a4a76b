"""The `model` of a request: `BASE`, `BASE:ADAPTER`, `BASE:ADAPTER@VERSION`, `BASE:ADAPTER@ALIAS` or `BASE:auto`. Pure.

A base's own name may hold slashes (`microsoft/unixcoder-base`); an adapter's name never holds `:` or `@`.
"""

from __future__ import annotations

from dataclasses import dataclass

from serving.records import ServingError

AUTO = "auto"


@dataclass(frozen=True)
class ModelName:
    """A parsed name; without adapter it is the bare base."""

    base: str
    adapter: str | None = None
    which: str | None = None
    """A version (digits) or an alias; None = the alias `production` where there is one, else the newest version."""

    @property
    def auto(self) -> bool:
        """Whether the adapter is picked by the query."""
        return self.adapter == AUTO

    def __str__(self) -> str:
        return self.base + (f":{self.adapter}" if self.adapter else "") + (f"@{self.which}" if self.which else "")


def parse_model(name: str) -> ModelName:
    """Read a request's `model`; raises `ServingError` (400) for what is no name."""
    base, colon, adapter = name.partition(":")
    adapter, at, which = adapter.partition("@")
    if not base or (colon and not adapter) or (at and not which) or ":" in adapter + which or "@" in which + base:
        raise ServingError(
            400, f"{name!r} is no model: write BASE, BASE:ADAPTER, BASE:ADAPTER@VERSION or BASE:auto", param="model"
        )
    if adapter == AUTO and which:
        raise ServingError(400, f"{name!r}: auto has no version", param="model")
    return ModelName(base, adapter or None, which or None)
