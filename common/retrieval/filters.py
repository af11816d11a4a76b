"""What a search may find: by language, path, kind of unit, and whether tests count."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.config import Config
from common.errors import UserError
from common.retrieval.store import Store

KINDS = ("function", "method", "class", "module")


class Filters(Config):
    """Each empty one lets everything through."""

    languages: tuple[str, ...] = ()
    """Languages, such as `python,go`."""
    paths: tuple[str, ...] = ()
    """Globs over paths relative to what was indexed; `*` also crosses folders: `src/*`, `*.go`, `*/api/*`."""
    kinds: tuple[str, ...] = ()
    """Kinds of unit: function, method, class, module."""
    tests: bool = False
    """Whether units of test files are found, too."""


@dataclass(frozen=True)
class Places:
    """What the filters look at, of all units of an index: (U,) arrays by unit, codes into the tuples."""

    units: np.ndarray
    """int64 ids, rising."""
    texts: np.ndarray
    """int64 id of each unit's text."""
    path: np.ndarray
    language: np.ndarray
    kind: np.ndarray
    test: np.ndarray
    """bool."""
    paths: tuple[str, ...]
    languages: tuple[str, ...]

    @classmethod
    def read(cls, store: Store) -> Places:
        """From the store."""
        files = store.files()
        numbers = {path: number for number, path in enumerate(files)}
        languages = tuple(sorted({file.language for file in files.values()}))
        rows = store.query("SELECT id, text, path, kind FROM units ORDER BY id").fetchall()
        path = np.fromiter((numbers[row[2]] for row in rows), dtype=np.int32, count=len(rows))
        language = np.array([languages.index(file.language) for file in files.values()], dtype=np.int16)
        test = np.array([file.test for file in files.values()], dtype=bool)
        return cls(
            units=np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows)),
            texts=np.fromiter((row[1] for row in rows), dtype=np.int64, count=len(rows)),
            path=path,
            language=language[path] if len(rows) else language,
            kind=np.fromiter((KINDS.index(row[3]) for row in rows), dtype=np.int8, count=len(rows)),
            test=test[path] if len(rows) else test,
            paths=tuple(files),
            languages=languages,
        )

    def allowed(self, filters: Filters) -> np.ndarray:
        """(U,) bool: the units that the filters let through. Raises `UserError` for a language or kind that is none."""
        mask = np.ones(len(self.units), dtype=bool)
        if not filters.tests:
            mask &= ~self.test
        if filters.languages:
            mask &= np.isin(self.language, _codes("language", filters.languages, self.languages, " is indexed here"))
        if filters.kinds:
            mask &= np.isin(self.kind, _codes("kind", filters.kinds, KINDS, " exists"))
        if filters.paths:
            matching = [any(fnmatch.fnmatchcase(path, glob) for glob in filters.paths) for path in self.paths]
            mask &= np.array(matching, dtype=bool)[self.path]
        return mask


def _codes(what: str, wanted: Iterable[str], known: Sequence[str], where: str) -> list[Any]:
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            remedy = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
            raise UserError(f"no {what} {name!r}{where}", remedy)
    return [known.index(name) for name in wanted]
