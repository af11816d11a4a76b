"""Which models there are: bases that the replicas have told of, and the catalogue's adapters on them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from common.errors import UserError
from common.retrieval.routing import route
from serving.catalogue import Catalogue
from serving.config import ServingConfig
from serving.deployments.facts import EncoderFacts, GeneratorFacts
from serving.http.backend import Chosen, ModelCard
from serving.names import ModelName
from serving.records import Adapter, ServingError, Task
from serving.sources import Folder, Registry, Source


def catalogue_of(config: ServingConfig, bases: Mapping[str, str]) -> Catalogue:
    """The adapters of the configured registry and folders. `bases`: served name → digest."""
    sources: list[Source] = [Registry(config.registry, config.cache)] if config.registry else []
    return Catalogue([*sources, *(Folder(path) for path in config.folders)], bases)


class Directory:
    """Looks up what a request names."""

    def __init__(
        self, catalogue: Catalogue, encoders: Sequence[EncoderFacts], generators: Sequence[GeneratorFacts]
    ) -> None:
        self.catalogue = catalogue
        self.encoders = {one.name: one for one in encoders}
        self.generators = {one.name: one for one in generators}
        self._since = time.time()

    @property
    def bases(self) -> dict[str, str]:
        """Served name → digest."""
        encoders = {name: one.space.base_digest for name, one in self.encoders.items()}
        return encoders | {name: one.digest for name, one in self.generators.items()}

    def cards(self) -> list[ModelCard]:
        """All bases, each followed by its adapters, every name in its default version."""
        found = []
        for base in self.bases:
            found.append(self._card(ModelName(base), None))
            names = dict.fromkeys(adapter.name for adapter in self.catalogue.adapters(base))
            for name in (ModelName(base, each) for each in names):
                found.append(self._card(name, self.catalogue.resolve(name)))
        return found

    def card(self, name: ModelName) -> ModelCard:
        """One of them; 404 where there is none."""
        if name.auto:
            raise ServingError(404, f"{name} is no model but picks one", param="model", code="model_not_found")
        if name.adapter is None:
            self._known(name.base)
            return self._card(name, None)
        return self._card(name, self.catalogue.resolve(name))

    def choose(
        self, name: ModelName, task: Task, text: str | None, *, language: str | None = None
    ) -> tuple[Adapter | None, Chosen]:
        """The adapter for a request, None for the bare base. `text` is what `auto` goes by.

        Raises `ServingError`: 404 for what is not there, 400 for a base or an adapter of the other task.
        """
        self._known(name.base)
        serves = self.encoders if task == "search" else self.generators
        if name.base not in serves:
            able = "makes no vectors" if task == "search" else "does not write"
            raise ServingError(400, f"{name.base} {able}; those that do: {', '.join(serves) or 'none'}", param="model")
        if name.adapter is None:
            return None, Chosen(name.base, None)
        if name.auto:
            return self._routed(name, task, text or "", language)
        adapter = self.catalogue.resolve(name)
        if adapter.task != task:
            raise ServingError(400, f"{name} was trained for {adapter.task}, not for {task}", param="model")
        return adapter, Chosen(name.base, adapter.told())

    def of_digest(self, base_digest: str, digest: str) -> Adapter | None:
        """The adapter with these weights, in any version."""
        names = [base for base, own in self.bases.items() if own == base_digest]
        return next((one for base in names for one in self.catalogue.adapters(base) if one.digest == digest), None)

    def latest(self, base: str, task: Task, count: int) -> list[Adapter]:
        """The default versions of a base's adapters for a task, the latest first."""
        names = dict.fromkeys(one.name for one in self.catalogue.adapters(base) if one.task == task)
        found = [self.catalogue.resolve(ModelName(base, name)) for name in names]
        return sorted(found, key=lambda one: -one.mtime)[:count]

    def _routed(self, name: ModelName, task: Task, text: str, language: str | None) -> tuple[Adapter | None, Chosen]:
        by_language = self.catalogue.auto(name.base, task)
        try:
            found = route(text, {each: one.digest for each, one in by_language.items()}, language=language)
        except UserError as error:
            raise ServingError(400, f"{error.message}; {error.remedy}", param="language") from error
        adapter = next((one for one in by_language.values() if one.digest == found.adapter), None)
        return adapter, Chosen(name.base, adapter.told() if adapter else None, found.reason)

    def _known(self, base: str) -> None:
        if base not in self.bases:
            self.catalogue.adapters(base)  # raises with names that are near

    def _card(self, name: ModelName, adapter: Adapter | None) -> ModelCard:
        encoder, generator = self.encoders.get(name.base), self.generators.get(name.base)
        able: list[tuple[Task, object]] = [("search", encoder), ("generation", generator)]
        lengths = [encoder.space.max_length] if encoder else [generator.positions] if generator else []
        return ModelCard(
            id=str(name),
            base=name.base,
            base_digest=self.bases[name.base],
            tasks=(adapter.task,) if adapter else tuple(task for task, facts in able if facts),
            created=adapter.mtime if adapter else self._since,
            adapter=adapter,
            dimensions=encoder.space.dimensions if encoder else None,
            max_tokens=lengths[0] if lengths else None,
        )
