"""API keys: SHA-256 digests from a file or the environment, what each may use, and how often it may ask.

A key is a long random text, so one SHA-256 is enough: there is nothing to guess.
"""

from __future__ import annotations

import fnmatch
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from common.config import Config, read_yaml, validate
from common.errors import ConfigError
from serving.names import ModelName
from serving.records import ServingError

ENVIRONMENT = "CODEADAPTERS_API_KEYS"
"""Variable that holds the same YAML as a key file."""


class ApiKey(Config):
    """A key and its rights."""

    name: str = Field(min_length=1)
    """Whose it is; the key itself is nowhere."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """`printf %s KEY | sha256sum`."""
    adapters: tuple[str, ...] = ("*",)
    """Globs over `BASE:ADAPTER` and `BASE:ADAPTER@VERSION`, and over `BASE` for the base without an adapter."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    """None = as many as the server takes."""
    burst: int | None = Field(default=None, ge=1)
    """How many may come at once after a pause; None = those of a minute."""

    def permits(self, name: str, version: str | None = None) -> bool:
        """Whether it may use a model. `name` has no version."""
        names = [name, *([f"{name}@{version}"] if version else [])]
        return any(fnmatch.fnmatchcase(one, glob) for glob in self.adapters for one in names)

    def may_permit(self, model: ModelName) -> bool:
        """Whether it may use some version of a model; a name that is not resolved yet can be told no more."""
        if model.auto:
            return True
        name = model.base + (f":{model.adapter}" if model.adapter else "")
        return any(fnmatch.fnmatchcase(name, glob.partition("@")[0]) for glob in self.adapters)


class _Keys(Config):
    keys: tuple[ApiKey, ...]


def read_keys(file: Path | None, environ: Mapping[str, str]) -> tuple[ApiKey, ...] | None:
    """The keys of a YAML file (`keys:`, a list), else those in `CODEADAPTERS_API_KEYS`; None where neither is given.

    Raises `ConfigError` for a file that is not there or is no such list.
    """
    if file is not None:
        return validate(_Keys, read_yaml(file), source=str(file)).keys
    if ENVIRONMENT not in environ:
        return None
    try:
        loaded: Any = yaml.safe_load(environ[ENVIRONMENT])
    except yaml.YAMLError:  # its message would show the text
        loaded = None
    if not isinstance(loaded, dict):
        raise ConfigError(f"{ENVIRONMENT} does not hold a mapping with `keys`", "write it as a key file is written")
    return validate(_Keys, loaded, source=ENVIRONMENT).keys


@dataclass
class _Bucket:
    """Tokens that fill up with time; a request takes one."""

    rate: float
    """A second."""
    size: float
    level: float
    at: float

    def take(self, now: float) -> float:
        """0 where there was one, else the seconds until there is."""
        self.level = min(self.size, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return (1 - self.level) / self.rate
        self.level -= 1
        return 0.0


@dataclass
class KeyRing:
    """All keys of a server, with their buckets in this process."""

    keys: Sequence[ApiKey] | None
    clock: Callable[[], float]
    """Seconds, rising."""
    _known: dict[str, ApiKey] = field(init=False)
    _buckets: dict[str, _Bucket] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._known = {key.sha256: key for key in self.keys or ()}
        for key in self.keys or ():
            if key.requests_per_minute is not None:
                size = float(key.burst or max(1, math.ceil(key.requests_per_minute)))
                self._buckets[key.name] = _Bucket(key.requests_per_minute / 60, size, size, self.clock())

    def admit(self, authorization: str | None) -> ApiKey | None:
        """Whose request it is, None where nobody needs a key. Raises `ServingError`: 401 without a known key, 429
        beyond its rate."""
        if self.keys is None:
            return None
        scheme, _, secret = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise ServingError(401, "no API key: send it as `Authorization: Bearer KEY`", code="missing_api_key")
        key = self._known.get(hashlib.sha256(secret.strip().encode("utf-8", "surrogateescape")).hexdigest())
        if key is None:
            raise ServingError(401, "this API key is not known here", code="invalid_api_key")
        if (bucket := self._buckets.get(key.name)) and (wait := bucket.take(self.clock())) > 0:
            message = f"this key may ask {key.requests_per_minute:g} times a minute"
            raise ServingError(429, message, code="rate_limit_exceeded", kind="rate_limit_error", retry_after=wait)
        return key
