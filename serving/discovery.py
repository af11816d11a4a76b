"""Which bases to serve where a configuration names none: those that the adapters of its registry and folders are on."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from common.errors import ConfigError, UserError
from common.models.catalogue import lookup
from serving.config import EmbeddingConfig, GenerationConfig, ServingConfig
from serving.records import Adapter
from serving.sources import Away, Folder, Registry, Source

log = logging.getLogger(__name__)


def complete(config: ServingConfig) -> ServingConfig:
    """The configuration with bases: as it is where it has some, else those that adapters are on and that can be had.

    Without any adapter it serves the packaged base for vectors. Raises `ConfigError` for a registry or a folder that
    cannot be read, and where no adapter's base can be had.
    """
    if config.embedding or config.generation:
        return config
    adapters = list(_adapters(config))
    if not adapters:
        return config.model_copy(update={"embedding": (EmbeddingConfig(),)})
    embedding, generation, missing = [], [], []
    for base, digest, task in dict.fromkeys((one.base, one.base_digest, one.task) for one in adapters):
        if (why := _why_not(base, digest, task)) is not None:
            missing.append(f"{base}: {why}")
        elif task == "search":
            spec = lookup(base)
            embedding.append(EmbeddingConfig(model=spec.alias if spec else base))
        else:
            generation.append(GenerationConfig(model=base))
    for told in missing:
        log.warning("adapters are not served, their base cannot be had: %s", told)
    if not embedding and not generation:
        raise ConfigError(
            "no base of the registry's adapters can be had", f"name it with --embedding or --generation; {missing[0]}"
        )
    return config.model_copy(update={"embedding": tuple(embedding), "generation": tuple(generation)})


def _adapters(config: ServingConfig) -> Iterator[Adapter]:
    sources: list[Source] = [Registry(config.registry, config.cache)] if config.registry else []
    sources += map(Folder, config.folders)
    for source in sources:
        try:
            yield from source.read().adapters
        except Away as error:
            raise ConfigError(
                f"adapters cannot be read from {source.name}: {error}", "train one first, or name another registry"
            ) from error


def _why_not(base: str, digest: str, task: str) -> str | None:
    """Why a base cannot be served here; None where it can."""
    from common.models.generator import resolve_generator
    from common.models.loading import resolve

    try:
        found = resolve(base).digest if task == "search" else resolve_generator(base).digest
    except UserError as error:
        return error.message
    return None if found == digest else f"the weights here are {found[:12]}…, the adapters' {digest[:12]}…"
