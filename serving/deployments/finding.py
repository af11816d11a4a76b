"""Which space of an index a search goes to, and which adapter encodes its query. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.errors import UserError
from common.retrieval.routing import route
from serving.deployments.directory import Directory
from serving.deployments.facts import EncoderFacts, IndexFacts, IndexSpace
from serving.http.backend import Chosen
from serving.names import AUTO, ModelName, parse_model
from serving.records import Adapter, ServingError

BASE = "base"


@dataclass(frozen=True)
class Target:
    """Where a query is searched."""

    space: IndexSpace
    encoder: EncoderFacts
    """The served base that encodes the query."""
    adapter: Adapter | None
    chosen: Chosen


def index_named(indexes: Mapping[str, IndexFacts], name: str | None) -> IndexFacts:
    """The index that a request means. Raises `ServingError`: 404 for none of that name, 400 where it must say which."""
    known = ", ".join(indexes) or "none"
    if name is None:
        if len(indexes) == 1:
            return next(iter(indexes.values()))
        status = 400 if indexes else 404
        raise ServingError(status, f"say which index: {known}", param="index", code="index_not_found")
    if name not in indexes:
        raise ServingError(
            404, f"there is no index {name!r}; there are: {known}", param="index", code="index_not_found"
        )
    return indexes[name]


def target(
    index: IndexFacts, directory: Directory, query: str, *, model: ModelName | None, adapter: str | None,
    languages: Sequence[str],
) -> Target:  # fmt: skip
    """The space for a query.

    `model` and `adapter` as in a request, at most one of them; with neither, and with `auto`, the query picks. Raises
    `ServingError`: 404 for a model that there is not, 400 where the index has no vectors of it, or nothing here encodes
    queries for them.
    """
    served = [one for one in index.spaces if _encoder(one, directory) is not None]
    if not served:
        names = ", ".join(one.space.name() for one in index.spaces)
        raise ServingError(
            400, f"no base that is served makes vectors like those of {index.name}: {names}", param="index"
        )
    name = model or _named(adapter, served, directory)
    within = [one for one in served if _name(one, directory) == name.base]
    if name.auto and within:
        return _routed(index, within, directory, query, languages)
    wanted, chosen = directory.choose(ModelName(name.base) if name.auto else name, "search", None)
    digest = wanted.digest if wanted else None
    for space in within:
        if space.space.adapter_digest == digest:
            return _target(space, directory, chosen)
    has = ", ".join(_label(one, directory) for one in served)
    told = f" ({digest[:12]}…)" if digest else ""
    raise ServingError(
        400, f"the index {index.name} has no vectors of {name}{told}; it has those of {has}", param="model",
        code="not_indexed",
    )  # fmt: skip


def labels(index: IndexFacts, directory: Directory) -> tuple[str, ...]:
    """The models whose vectors an index has, as requests name them; only those that are served."""
    return tuple(_label(one, directory) for one in index.spaces if _encoder(one, directory) is not None)


def _routed(
    index: IndexFacts, spaces: Sequence[IndexSpace], directory: Directory, query: str, languages: Sequence[str]
) -> Target:
    if len(spaces) == 1:
        return _target(spaces[0], directory, _chosen(spaces[0], directory, "the only one of the index"))
    adapters = {one.language: one.key for one in spaces if one.space.adapter_digest}
    try:
        found = route(query, adapters, language=languages[0] if len(languages) == 1 else None)
    except UserError as error:
        raise ServingError(400, f"{error.message}; {error.remedy}", param="language") from error
    bare = next((one for one in spaces if one.space.adapter_digest is None), None)
    space = next((one for one in spaces if one.key == found.adapter), bare)
    if space is None:
        raise ServingError(
            400, f"no adapter of the index {index.name} is for this query: {found.reason}; name one as `model`",
            param="model",
        )  # fmt: skip
    return _target(space, directory, _chosen(space, directory, found.reason))


def _named(adapter: str | None, served: Sequence[IndexSpace], directory: Directory) -> ModelName:
    bases = list(dict.fromkeys(_name(one, directory) for one in served))
    if len(bases) > 1:
        raise ServingError(400, f"the index has vectors of several bases: name one as `model`: {', '.join(bases)}",
                           param="model")  # fmt: skip
    if adapter == BASE:
        return ModelName(bases[0])
    return parse_model(f"{bases[0]}:{adapter or AUTO}")


def _target(space: IndexSpace, directory: Directory, chosen: Chosen) -> Target:
    encoder, adapter, digest = _encoder(space, directory), None, space.space.adapter_digest
    assert encoder is not None
    if digest is not None:
        adapter = directory.of_digest(space.space.base_digest, digest)
        if adapter is None:
            raise ServingError(
                503, f"the index was built with {space.space.name()}, which is in no registry or folder that is "
                "served: register it, or build the index again", code="adapter_unavailable", param="model",
            )  # fmt: skip
    return Target(space, encoder, adapter, chosen)


def _chosen(space: IndexSpace, directory: Directory, why: str) -> Chosen:
    digest = space.space.adapter_digest
    adapter = directory.of_digest(space.space.base_digest, digest) if digest else None
    told = adapter.told() if adapter else {"name": space.space.adapter, "version": None, "digest": digest}
    return Chosen(_name(space, directory), told if digest else None, why)


def _encoder(space: IndexSpace, directory: Directory) -> EncoderFacts | None:
    """The served base whose vectors can be compared with the space's."""
    own = space.space
    for one in directory.encoders.values():
        cut = {"dimensions": own.dimensions} if own.dimensions in one.cuts else {}
        if one.space.model_copy(update={"adapter_digest": own.adapter_digest, **cut}).digest() == own.digest():
            return one
    return None


def _name(space: IndexSpace, directory: Directory) -> str:
    encoder = _encoder(space, directory)
    assert encoder is not None, "only served spaces are asked"
    return encoder.name


def _label(space: IndexSpace, directory: Directory) -> str:
    """As a request names it; an adapter that is not there any more as it was called when the index was built."""
    base, digest = _name(space, directory), space.space.adapter_digest
    if digest is None:
        return base
    adapter = directory.of_digest(space.space.base_digest, digest)
    if adapter is None:
        return f"{base}:{space.space.adapter}"
    name = ModelName(base, adapter.name)
    default = directory.catalogue.resolve(name).digest == digest
    return str(name if default else ModelName(base, adapter.name, adapter.version))
