"""Which bases to serve where a configuration does not say: those of the adapters and the indexes that there are."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from common.config import validate
from common.errors import ConfigError, UserError
from common.models.catalogue import lookup
from common.models.loading import EncoderConfig
from common.retrieval.space import Origin, Space
from common.retrieval.store import Store
from common.search.folders import index_folder
from serving.config import EmbeddingConfig, GenerationConfig, ServingConfig
from serving.records import Adapter, Task
from serving.sources import Away, Folder, Registry, Source

log = logging.getLogger(__name__)


def complete(config: ServingConfig) -> ServingConfig:
    """The configuration with bases where it names none, for vectors and for writing each by itself.

    They are those that the adapters of registry and folders are on and, for vectors, those of the indexes; adapters of
    an index that are in neither are watched where they lie. A base that cannot be had here is logged. Where nothing
    else is left to serve, the packaged base for vectors is. Raises `ConfigError` for a registry, a folder or an index
    that cannot be read, and for two bases that would have the same name.
    """
    adapters = list(_adapters(config))
    spaces = [each for folder in config.search.indexes.values() for each in _spaces(folder)]
    known = {one.digest for one in adapters}
    more = {
        origin.adapter: None
        for space, origin in spaces
        if space.adapter_digest and space.adapter_digest not in known and origin.adapter and origin.adapter.is_dir()
    }
    embedding = config.embedding or tuple(_encoders(adapters, spaces).values())
    generation = config.generation or tuple(GenerationConfig(model=base) for base in _had(adapters, "generation"))
    if not embedding and not generation:
        embedding = (EmbeddingConfig(),)
    found = {"embedding": embedding, "generation": generation, "folders": (*config.folders, *more)}
    return validate(ServingConfig, {**dict(config), **found})


def _encoders(adapters: list[Adapter], spaces: list[tuple[Space, Origin]]) -> Mapping[str, EmbeddingConfig]:
    """By the digest of the base; as an index has read it, where one has."""
    found: dict[str, EmbeddingConfig] = {}
    for space, origin in spaces:
        read = EncoderConfig.model_validate(origin.encoder)
        if space.base_digest not in found and _is_here(origin.model, space.base_digest, read):
            found[space.base_digest] = EmbeddingConfig(model=_short(origin.model), encoder=read)
    for base, digest in _had(adapters, "search").items():
        found.setdefault(digest, EmbeddingConfig(model=_short(base)))
    return found


def _had(adapters: list[Adapter], task: Task) -> dict[str, str]:
    """Bases of the adapters for a task that can be had here → digest."""
    bases = dict.fromkeys((one.base, one.base_digest) for one in adapters if one.task == task)
    return {base: digest for base, digest in bases if _is_here(base, digest, None if task == "search" else "writes")}


def _is_here(base: str, digest: str, read: Any) -> bool:
    """Whether the base is on this machine with these weights; logs why not. `read`: how, or that it is one that
    writes."""
    from common.models.generator import resolve_generator
    from common.models.loading import resolve

    try:
        found = resolve_generator(base).digest if read == "writes" else resolve(base, read).digest
        why = None if found == digest else f"its weights here are {found[:12]}…, not {digest[:12]}…"
    except UserError as error:
        why = error.message
    if why:
        log.warning("adapters and indexes of %s are not served: %s", base, why)
    return why is None


def _short(base: str) -> str:
    spec = lookup(base)
    return spec.alias if spec else base


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


def _spaces(folder: Path) -> list[tuple[Space, Origin]]:
    try:
        with closing(Store.open(index_folder(folder))) as store:
            return [(space, store.origin(number)) for number, space in store.spaces().items()]
    except UserError as error:
        raise ConfigError(f"the index in {folder} cannot be opened: {error.message}", error.remedy) from error
