"""Which adapters there are: what the sources hold, as one table that is looked up while the next one is made."""

from __future__ import annotations

import dataclasses
import difflib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from serving.names import AUTO, ModelName
from serving.records import Adapter, ServingError, Task
from serving.sources import Away, Reading, Source

log = logging.getLogger(__name__)

PRODUCTION = "production"
"""The alias that a name without version means, where there is one."""
_NEAREST = 3  # names in a message: enough to see a slip of the keys


@dataclass(frozen=True)
class Moved:
    """An alias that points elsewhere than before; None = at nothing."""

    name: str
    alias: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Changes:
    """What a refresh has found."""

    added: tuple[Adapter, ...] = ()
    removed: tuple[Adapter, ...] = ()
    moved: tuple[Moved, ...] = ()
    problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Source → a sentence for each thing wrong with it; all that stand now, new or not."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.moved)


@dataclass(frozen=True)
class _Table:
    """What is known at one time. Never changed: a refresh puts another in its place."""

    adapters: tuple[Adapter, ...] = ()
    by_name: Mapping[str, tuple[Adapter, ...]] = field(default_factory=dict)
    """Of a name, the newest first."""
    problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Catalogue:
    """The adapters of all sources, looked up by name. Lookups may run in any thread, also during a refresh.

    Of two adapters with the same name and version the earlier source's is taken; an adapter is told apart by digest,
    so that the same one in two sources is one.
    """

    def __init__(
        self, sources: Sequence[Source], bases: Mapping[str, str], *, clock: Callable[[], float] = time.time
    ) -> None:
        """`bases`: the name that a base is served under → digest of its weights, by which adapters find it.

        `clock` gives seconds since 1970.
        """
        self._sources, self._bases, self._clock = tuple(sources), dict(bases), clock
        self._readings: dict[str, Reading] = {}
        self._away: dict[str, tuple[float, str]] = {}
        self._table = _Table()
        self._refreshing = threading.Lock()

    def refresh(self) -> Changes:
        """Read all sources and return what is different. A source that is away keeps what it had."""
        with self._refreshing:
            for source in self._sources:
                try:
                    self._readings[source.name] = source.read()
                    self._away.pop(source.name, None)
                except Away as error:
                    self._away.setdefault(source.name, (self._clock(), str(error)))
            before, self._table = self._table, self._tabulated()
            self._tell(before, self._table)
            return _changes(before, self._table)

    @property
    def problems(self) -> Mapping[str, tuple[str, ...]]:
        """As in `Changes`, as of the last refresh."""
        return self._table.problems

    @property
    def away(self) -> Mapping[str, float]:
        """Sources that cannot be read → since when, in seconds since 1970."""
        return {name: since for name, (since, _) in self._away.copy().items()}

    def resolve(self, name: ModelName) -> Adapter:
        """The adapter that a name with an adapter means; the bare base and `auto` are the caller's to decide.

        A version or an alias is exact. Without one it is `production`, else the newest: the highest number, then the
        latest written; only adapters of this base count. Raises `ServingError` (404) where there is no such base,
        adapter, version or alias, and where the adapter was trained on another base.
        """
        if name.adapter is None or name.auto:
            raise ValueError(f"{name} names no single adapter")
        digest = self._base(name.base)
        table = self._table
        named = table.by_name.get(name.adapter, ())
        if not named:
            known = {one.name for one in table.adapters if one.base_digest == digest}
            raise _unknown(f"there is no adapter {name.adapter!r}", name.adapter, known, f"{name.base}:")
        meant = [one for one in named if name.which in (None, one.version)]
        meant = meant or [one for one in named if name.which in one.aliases]
        if not meant:
            known = {which for one in named for which in (one.version, *one.aliases) if which}
            raise _unknown(
                f"the adapter {name.adapter!r} has no version or alias {name.which!r}", str(name.which), known,
                f"{name.base}:{name.adapter}@", otherwise=named,
            )  # fmt: skip
        fitting = [one for one in meant if one.base_digest == digest]
        if not fitting:
            raise self._foreign(name, meant[0])
        return fitting[0] if name.which else _default(fitting)

    def adapters(self, base: str) -> tuple[Adapter, ...]:
        """All versions of all adapters for a base, by name, the newest first; 404 for a base that is not served."""
        digest = self._base(base)
        return tuple(one for one in self._table.adapters if one.base_digest == digest)

    def auto(self, base: str, task: Task) -> dict[str, Adapter]:
        """Language → the adapter for it, each name's default version.

        Of several names for a language, one in production is taken before the others, then the latest written.
        """
        named: dict[str, list[Adapter]] = {}
        for one in self.adapters(base):
            if one.task == task:
                named.setdefault(one.name, []).append(one)
        picked = sorted((_default(each) for each in named.values()), key=_rank)
        return {one.language: one for one in picked}

    def for_auto(self, base: str, task: Task) -> dict[str, str]:
        """Language → digest, as `common.retrieval.routing.route` takes them; `auto` says which adapters these are."""
        return {language: one.digest for language, one in self.auto(base, task).items()}

    def _base(self, name: str) -> str:
        if name not in self._bases:
            raise _unknown(f"there is no model {name!r}", name, self._bases, "")
        return self._bases[name]

    def _foreign(self, name: ModelName, adapter: Adapter) -> ServingError:
        serving = [served for served, digest in self._bases.items() if digest == adapter.base_digest]
        ask = dataclasses.replace(name, base=serving[0]) if serving else None
        return ServingError(
            404,
            f"the adapter {adapter} was trained on {adapter.base} ({adapter.base_digest[:12]}…), not on {name.base} "
            f"({self._bases[name.base][:12]}…); " + (f"ask for {ask}" if ask else "its base is not served here"),
            param="model",
            code="model_not_found",
        )

    def _tabulated(self) -> _Table:
        problems: dict[str, list[str]] = {}
        taken: dict[tuple[str, str | None], Adapter] = {}
        for source in self._sources:
            reading = self._readings.get(source.name, Reading((), ()))
            told = problems[source.name] = list(reading.problems)
            if source.name in self._away:
                since, reason = self._away[source.name]
                told.insert(0, f"away since {datetime.fromtimestamp(since, UTC):%Y-%m-%d %H:%M:%S} UTC: {reason}")
            for adapter in (*reading.adapters, *reading.damaged):
                key = (adapter.name, adapter.version)
                if (fault := _fault(adapter)) is not None:
                    told.append(f"{adapter}: {fault}")
                elif key not in taken:
                    taken[key] = adapter
                elif taken[key].digest == adapter.digest:
                    aliases = sorted({*taken[key].aliases, *adapter.aliases})
                    taken[key] = dataclasses.replace(taken[key], aliases=tuple(aliases))
                else:
                    told.append(
                        f"{adapter} with digest {adapter.digest[:12]}… is not served: "
                        f"{taken[key].digest[:12]}… has the same name and version"
                    )
        adapters = sorted(taken.values(), key=lambda one: (one.name, *(-part for part in _age(one))))
        by_name: dict[str, tuple[Adapter, ...]] = {}
        for one in adapters:
            by_name[one.name] = (*by_name.get(one.name, ()), one)
        return _Table(tuple(adapters), by_name, {name: tuple(told) for name, told in problems.items() if told})

    def _tell(self, before: _Table, after: _Table) -> None:
        for source in self._sources:
            old, new = before.problems.get(source.name, ()), after.problems.get(source.name, ())
            for problem in (problem for problem in new if problem not in old):
                log.warning("adapters of %s: %s", source.name, problem)
            if old and not new:
                log.info("adapters of %s: all is well again", source.name)


def _fault(adapter: Adapter) -> str | None:
    """Why nobody could ask for it."""
    if adapter.name in {"", AUTO} or set(adapter.name) & set(":@"):
        return f"a request cannot name it: {AUTO!r} means another thing, and ':' and '@' end a name"
    if adapter.version is not None and (not adapter.version or set(adapter.version) & set(":@")):
        return "a request cannot name its version"
    return None


def _default(versions: Sequence[Adapter]) -> Adapter:
    """Of one adapter's versions, the newest first."""
    return next((one for one in versions if PRODUCTION in one.aliases), versions[0])


def _age(adapter: Adapter) -> tuple[int, float]:
    """Higher is newer. Numbers count first: a version that was copied late is not a late version."""
    number = int(adapter.version) if adapter.version and adapter.version.isdecimal() else 0
    return number, adapter.mtime


def _rank(adapter: Adapter) -> tuple[bool, float, str]:
    return PRODUCTION in adapter.aliases, adapter.mtime, adapter.name


def _unknown(
    what: str, word: str, known: Iterable[str], prefix: str, *, otherwise: Sequence[Adapter] = ()
) -> ServingError:
    """404 with the names that are most like `word`; where none is, with the versions of `otherwise`."""
    near = difflib.get_close_matches(word, sorted(known), _NEAREST, cutoff=0.5)
    near = near or [one.version for one in otherwise if one.version][:_NEAREST]
    guess = f"; near it: {', '.join(prefix + one for one in near)}" if near else ""
    return ServingError(404, what + guess, param="model", code="model_not_found")


def _changes(before: _Table, after: _Table) -> Changes:
    old, new = ({(one.name, one.version, one.digest): one for one in table.adapters} for table in (before, after))
    pointed, points = _aliases(before), _aliases(after)
    return Changes(
        added=tuple(one for key, one in new.items() if key not in old),
        removed=tuple(one for key, one in old.items() if key not in new),
        moved=tuple(
            Moved(*key, pointed.get(key), points.get(key))
            for key in sorted(pointed.keys() | points.keys())
            if pointed.get(key) != points.get(key)
        ),
        problems=after.problems,
    )


def _aliases(table: _Table) -> dict[tuple[str, str], str | None]:
    """Name and alias → version; of two sources that both have the alias, the version that `resolve` takes."""
    return {(one.name, alias): one.version for one in reversed(table.adapters) for alias in one.aliases}
