"""A retrieval set put together from records that may be wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from common.corpora.beir import Document, RetrievalSet
from common.corpora.lines import Problem, why_not_text
from common.errors import DataError


class Collector:
    """Takes documents, queries and judgements with their places; keeps what is good, says what is wrong."""

    def __init__(self, name: str, gain: Literal["linear", "exponential"] = "linear") -> None:
        self.problems: list[Problem] = []
        self.set = RetrievalSet(name, {}, {}, {}, gain)

    def note(self, path: Path, line: int | None, field: str | None, reason: str) -> None:
        """Something is wrong here."""
        self.problems.append(Problem(path, line, field, reason))

    def document(self, place: tuple[Path, int | None], key: str, text: str, metadata: Mapping[str, Any]) -> bool:
        """Whether this became a document of the pool: of two with one id, the first counts."""
        if not self._usable(place, key, text, self.set.documents):
            return False
        self.set.documents[key] = Document(text, metadata=metadata)
        return True

    def query(self, place: tuple[Path, int | None], key: str, text: str, judged: Mapping[str, int]) -> None:
        """A query and its grades by document. Grades of unknown documents are left out, and then the query, too,
        where no positive one remains."""
        if not self._usable(place, key, text, self.set.queries):
            return
        known = {document: grade for document, grade in judged.items() if document in self.set.documents}
        if unknown := [document for document in judged if document not in known]:
            others = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
            self.note(*place, None, f"query {key!r} has judgements of unknown documents: {unknown[0]!r}{others}")
        if max(known.values(), default=0) <= 0:
            if not unknown:
                self.note(*place, None, f"query {key!r} left out: it has no relevant document")
            else:
                self.note(*place, None, f"query {key!r} left out: no relevant document of it is in the pool")
            return
        self.set.queries[key], self.set.qrels[key] = text, known

    def finish(self, place: Path) -> tuple[RetrievalSet, tuple[Problem, ...]]:
        """The set and all that was wrong; raises `DataError` where no query remains."""
        if not self.set.queries:
            first = f", first: {self.problems[0]}" if self.problems else ""
            raise DataError(place, None, None, f"no usable query for {self.set.name} ({len(self.problems)} bad{first})")
        return self.set, tuple(self.problems)

    def _usable(self, place: tuple[Path, int | None], key: str, text: str, known: Mapping[str, Any]) -> bool:
        if why := why_not_text({"text": text}, "text"):
            self.note(*place, "text", why)
        elif not key or key != key.strip() or re.search(r"[\t\r\n]", key):
            self.note(*place, "id", f"{key!r} is empty or holds a tab, a line break or outer blanks")
        elif key in known:
            self.note(*place, "id", f"{key!r} was there before; the first one counts")
        else:
            return True
        return False
