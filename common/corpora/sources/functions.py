"""Rows in CodeSearchNet's fields, under the names that its releases and the Hub give them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.corpora.beir import RetrievalSet
from common.corpora.lines import Problem, why_not_text
from common.corpora.mining.rules import summary
from common.corpora.pairs import Pair
from common.corpora.sources.collector import Collector
from common.corpora.sources.config import TextForm
from common.corpora.sources.documentation import without_documentation
from common.corpora.sources.files import Row, Rows
from common.corpora.sources.part import Part, held_out, limited
from common.errors import DataError

# The release's name, then the Hub's. `function` is the code in AdvTest's test split and in the full definitions.
CODE = ("function", "code", "func_code_string")
DOCSTRING = ("docstring", "func_documentation_string")
CODE_TOKENS = ("function_tokens", "code_tokens", "func_code_tokens")
DOCSTRING_TOKENS = ("docstring_tokens", "func_documentation_tokens")
URL = ("url", "func_code_url")
_EXTRA = {
    "repo": ("repo", "repository_name", "nwo"),
    "path": ("path", "func_path_in_repository"),
    "func_name": ("func_name", "identifier"),
    "url": URL,
}


@dataclass(frozen=True)
class Reader:
    """How rows are read: the language they are in, the form of the texts, and what their ids are."""

    language: str
    text: TextForm
    ids: tuple[str, ...] = URL
    """Fields that identify a row, the first one that it has; else it is known by its file and line."""

    def pair(self, row: Row) -> Pair | Problem:
        """Query and document: the first paragraph of the docstring and the code without it, or both as tokens."""
        path, line, record = row
        document = self.document(row)
        if isinstance(document, Problem):
            return document
        field = _field(record, DOCSTRING if self.text == "source" else DOCSTRING_TOKENS)
        if why := _why_unusable(record, field, self.text):
            return Problem(path, line, field, why)
        query = summary(record[field]) if self.text == "source" else " ".join(record[field])
        if not query.strip():
            return Problem(path, line, field, "its first paragraph is empty")
        return Pair(query, document, self.language, extra_of(record))

    def document(self, row: Row) -> str | Problem:
        """The code as it is searched."""
        path, line, record = row
        field = _field(record, CODE if self.text == "source" else CODE_TOKENS)
        if why := _why_unusable(record, field, self.text):
            return Problem(path, line, field, why)
        if self.text == "tokens":
            return " ".join(record[field])
        docstring = record.get(_first(record, DOCSTRING) or "")
        code = without_documentation(record[field], docstring if isinstance(docstring, str) else "", self.language)
        if code is None:
            return Problem(path, line, field, "holds its documentation, which cannot be taken out")
        return code

    def key(self, row: Row) -> str:
        """The id of a row's document."""
        path, line, record = row
        value = record.get(_first(record, self.ids) or "")
        return str(value) if isinstance(value, str | int) and str(value).strip() else f"{path.name}:{line}"


def text2code_part(reader: Reader, splits: Mapping[str, Rows], pool: Rows | None, limit: int | None, name: str) -> Part:
    """A language with rows by split (`train`, `valid`, `test`); without a pool of its own, a split is its own pool."""

    def evaluation(split: str):
        rows = splits.get(split)
        return None if rows is None else lambda: retrieval_set(f"{name}-{reader.language}-{split}", reader, rows, pool)

    train = limited(lambda: training_pairs(reader, splits["train"]), limit) if "train" in splits else None
    return Part(reader.language, reader.language, train, *held_out(evaluation("valid"), evaluation("test")))


def training_pairs(reader: Reader, rows: Rows) -> Iterator[Pair | Problem]:
    """The pairs of a split as they come; of two rows with one id, the first counts. Raises `DataError` at the end where
    not one was good."""
    seen: set[int] = set()  # hashes: the ids of a language would be 50 MB
    good, first = False, None
    for row in rows():
        item: Pair | Problem
        if isinstance(row, Problem):
            item = row
        elif hash(key := reader.key(row)) in seen:
            item = Problem(row[0], row[1], "id", f"{key!r} was there before; the first one counts")
        else:
            seen.add(hash(key))
            item = reader.pair(row)
        if isinstance(item, Pair):
            good = True
        elif first is None:
            first = item
        yield item
    if first and not good:
        raise DataError(first.path, first.line, first.field, f"{first.reason}; not one pair is usable")


def retrieval_set(name: str, reader: Reader, rows: Rows, pool: Rows | None) -> tuple[RetrievalSet, tuple[Problem, ...]]:
    """Every row asks for its own function: in the pool, or among the functions of all rows."""
    collector = Collector(name)
    place = Path(name)
    for row in pool() if pool else ():
        if isinstance(row, Problem):
            collector.problems.append(row)
        else:
            add_document(collector, reader, row)
    for row in rows():
        if isinstance(row, Problem):
            collector.problems.append(row)
            continue
        place, line, _ = row
        pair = reader.pair(row)
        if isinstance(pair, Problem):
            collector.problems.append(pair)
            if pool is None:
                add_document(collector, reader, row, quiet=True)
            continue
        key = reader.key(row)
        if pool is None and not collector.document((place, line), key, pair.document, metadata_of(pair)):
            continue
        collector.query((place, line), f"q-{key}", pair.query, {key: 1})
    return collector.finish(place)


def add_document(collector: Collector, reader: Reader, row: Row, *, quiet: bool = False) -> None:
    """A row as a candidate; `quiet` where what is wrong with the row is said already."""
    document = reader.document(row)
    if isinstance(document, str):
        metadata = {**extra_of(row[2]), "language": reader.language}
        collector.document(row[:2], reader.key(row), document, metadata)
    elif not quiet:
        collector.problems.append(document)


def metadata_of(pair: Pair) -> dict[str, Any]:
    """What a document carries of its pair."""
    return {**pair.extra, "language": pair.language}


def extra_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Where a function comes from, as far as the row says."""
    found = {key: record.get(_first(record, names) or "") for key, names in _EXTRA.items()}
    return {key: value for key, value in found.items() if isinstance(value, str) and value}


def _first(record: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if record.get(name) is not None), None)


def _field(record: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return _first(record, names) or next((name for name in names if name in record), names[-1])


def _why_unusable(record: Mapping[str, Any], field: str, text: TextForm) -> str | None:
    if field not in record:
        return f"missing, and `text: {text}` needs it"
    if text == "source":
        return why_not_text(record, field)
    tokens = record[field]
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        return "a list of strings is needed"
    return why_not_text({field: " ".join(tokens)}, field)
