"""Adapters that are loaded before somebody asks for them: at the start, and where an alias moves to them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.catalogue import Changes
from serving.config import EmbeddingConfig, GenerationConfig, ServingConfig
from serving.deployments.directory import Directory
from serving.names import parse_model
from serving.records import Adapter, Task

log = logging.getLogger(__name__)
LATEST = 16
"""Adapters that are loaded at the start where the configuration names none."""


@dataclass(frozen=True)
class Handles:
    """Deployments by the name of what they serve."""

    embedding: Mapping[str, Any]
    generation: Mapping[str, Any]
    search: Any | None

    def of(self, base: EmbeddingConfig | GenerationConfig) -> Any:
        """The deployment of a base."""
        return (self.generation if isinstance(base, GenerationConfig) else self.embedding)[base.served_as]


async def preload(config: ServingConfig, handles: Handles, directory: Directory) -> None:
    """Load what the configuration names, or else the latest, as far as there is room; the rest is logged.

    Raises `ServingError` (404) for a name that is not there.
    """
    for base in _bases(config):
        if base.preload is None:
            adapters: Sequence[Adapter] = directory.latest(base.served_as, _task(base), LATEST)
        else:
            names = (parse_model(f"{base.served_as}:{adapter}") for adapter in base.preload)
            adapters = [directory.catalogue.resolve(name) for name in names]
        await _load(handles.of(base), adapters)


async def follow(config: ServingConfig, handles: Handles, directory: Directory, changes: Changes) -> None:
    """Load what an alias points at now, so that the first request for it need not wait."""
    moved = {(one.name, one.after) for one in changes.moved}
    for base in _bases(config):
        known = directory.catalogue.adapters(base.served_as)
        adapters = [one for one in known if (one.name, one.version) in moved and one.task == _task(base)]
        await _load(handles.of(base), adapters)


def tell(changes: Changes) -> None:
    """Log what is new, gone, and where aliases point now."""
    for moved in changes.moved:
        log.info("%s@%s: version %s, before %s", moved.name, moved.alias, moved.after, moved.before)
    for what, adapters in (("new", changes.added), ("gone", changes.removed)):
        for adapter in adapters:
            log.info("%s: %s (%s)", what, adapter, adapter.digest[:12])


def _bases(config: ServingConfig) -> Sequence[EmbeddingConfig | GenerationConfig]:
    return [*config.embedding, *config.generation]


def _task(base: EmbeddingConfig | GenerationConfig) -> Task:
    return "generation" if isinstance(base, GenerationConfig) else "search"


async def _load(handle: Any, adapters: Sequence[Adapter]) -> None:
    if not adapters:
        return
    for told in await handle.broadcast("preload", adapters).results_async():
        for problem in told:
            log.warning("not loaded beforehand: %s", problem)
