"""What the parts of a server tell each other: adapters, requests and answers as plain data. No torch, no ray."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Task = Literal["search", "generation"]


@dataclass(frozen=True)
class Place:
    """Where an adapter's files come from: a folder, or a version in a registry."""

    folder: Path | None = None
    registry: str | None = None
    """Address of the MLflow registry; the version is the adapter's own."""


@dataclass(frozen=True)
class Adapter:
    """An adapter that can be asked for, and what an answer says of it."""

    name: str
    version: str | None
    aliases: tuple[str, ...]
    digest: str
    place: Place
    base: str
    """Name of the base it was trained on."""
    base_digest: str
    task: Task
    language: str
    method: str
    run_id: str | None = None
    scores: Mapping[str, Any] = field(default_factory=dict, compare=False)
    mtime: float = 0.0
    """When it was registered or written, in seconds since 1970."""

    def __str__(self) -> str:
        return self.name + (f"@{self.version}" if self.version else "")

    def told(self) -> dict[str, str | None]:
        """What every answer carries of it."""
        return {"name": self.name, "version": self.version, "digest": self.digest}


@dataclass(frozen=True)
class Limits:
    """How an answer is drawn, for one request."""

    max_tokens: int
    temperature: float
    top_p: float
    stop: tuple[str, ...]
    seed: int
    n: int = 1
    logprobs: int | None = None
    """Most probable tokens told beside each one; None = no log probabilities."""


@dataclass(frozen=True)
class TokenLogprob:
    """A token that was chosen, with the log probability under the model's own distribution (temperature 1)."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Piece:
    """Part of an answer."""

    index: int
    """Which of the n answers."""
    text: str
    tokens: int
    """How many tokens it took, silent ones included."""
    logprobs: tuple[TokenLogprob, ...] = ()
    finish: Literal["stop", "length"] | None = None
    """Set on the last piece of an answer."""


class ServingError(Exception):
    """An answer that is an error, in OpenAI's shape; it travels from a replica to the client."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None, kind: str | None = None,
        retry_after: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.kind = kind or ("invalid_request_error" if status < 500 and status != 429 else "server_error")
        self.retry_after = retry_after

    def __reduce__(self):  # Ray pickles it between processes
        return _rebuilt, (self.status, self.message, self.param, self.code, self.kind, self.retry_after)


def _rebuilt(
    status: int, message: str, param: str | None, code: str | None, kind: str, retry_after: float | None
) -> ServingError:
    return ServingError(status, message, param=param, code=code, kind=kind, retry_after=retry_after)
