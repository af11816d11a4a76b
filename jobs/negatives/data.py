"""The pairs to mine, on disk by row, and in memory what the rules must know of each: a few numbers a pair."""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from common.corpora.lines import Problem, refuse_empty
from common.corpora.pair_store import PairStore, text_hash, write_store
from common.corpora.pairs import Pair, stream_pairs
from common.corpora.selection import normalised
from common.progress import progress
from common.runs import Result

log = logging.getLogger(__name__)

PAIRS, FACTS, LEFT_OUT = "data/pairs.jsonl", "data/facts.npz", "left_out.txt"
NEGATIVES, SCORES = "negatives", "negative_scores"
REPOSITORY, NAME = ("repo", "repository"), ("symbol", "func_name", "name")
SHOWN = 10  # bad lines named in the log; all are in RUN/left_out.txt
NONE = 0  # hash of a key that a pair does not have


@dataclass(frozen=True)
class Pairs:
    """N pairs; keys are numbers that are equal where two pairs share something, −1 where a pair does not say."""

    store: PairStore
    queries: np.ndarray
    """(N,) the query's text, numbered by first appearance."""
    query_rows: np.ndarray
    """Row of each distinct query's first appearance."""
    documents: np.ndarray
    """(N,) the document's text, numbered by first appearance."""
    document_rows: np.ndarray
    """Row of each distinct document's first appearance."""
    asked: np.ndarray
    """(N,) the query without case and punctuation."""
    problems: np.ndarray
    """(N,) the `problem`."""
    names: np.ndarray
    """(N,) repository and name."""
    languages: np.ndarray
    """(N,) the language, -1 never."""

    def pools(self, by_language: bool) -> Iterator[tuple[int, np.ndarray]]:
        """The rows that are searched among each other, with the number of their language."""
        if not by_language:
            yield 0, np.arange(len(self.store))
            return
        for language in range(int(self.languages.max()) + 1):
            yield language, np.flatnonzero(self.languages == language)

    def texts(self, kind: str, numbers: range) -> list[str]:
        """The distinct queries or documents with these numbers."""
        rows = (self.query_rows if kind == "query" else self.document_rows)[numbers.start : numbers.stop]
        return [getattr(pair, kind) for pair in self.store.read(rows)]

    def document(self, number: int) -> str:
        """The text of one document."""
        return self.store.read([self.document_rows[number]])[0].document

    @classmethod
    def open(cls, folder: Path) -> Pairs:
        """What `prepare` left in the run folder."""
        store = PairStore.open(folder / PAIRS)
        queries, query_rows = numbered(store.queries)
        documents, document_rows = numbered(store.documents)
        with np.load(folder / FACTS) as facts:
            keys = {name: _keys(facts[name]) for name in ("asked", "problems", "names")}
            languages = facts["languages"]
        return cls(store, queries, query_rows, documents, document_rows, **keys, languages=languages)


class Reader:
    """Streams a file's good pairs and counts on the way; what is wrong is named."""

    def __init__(self, path: Path, left_out: Path | None = None) -> None:
        self.path = path
        self.read = self.bad = self.replaced = 0
        self.problems: list[Problem] = []
        """The first ones."""
        self.languages: dict[str, int] = {}
        """Language → pairs, by first appearance."""
        self._left_out = left_out

    def pairs(self) -> Iterator[Pair]:
        """The good pairs; negatives that an earlier mining gave them are left away. Raises `DataError` if none."""
        if self._left_out:
            self._left_out.unlink(missing_ok=True)
        with progress(0, "read", "pair") as bar:
            for item in stream_pairs(self.path):
                if isinstance(item, Problem):
                    self._note(item)
                    continue
                bar.update()
                self.read += 1
                self.languages[item.language] = self.languages.get(item.language, 0) + 1
                yield self._bare(item)
        if not self.read:
            refuse_empty(self.path, "pair", self.problems)
        if self.bad > SHOWN:
            log.warning("… and %d more lines left out", self.bad - SHOWN)

    def _note(self, problem: Problem) -> None:
        self.bad += 1
        if self.bad <= SHOWN:
            self.problems.append(problem)
            log.warning("left out: %s", problem)
        if self._left_out:
            with self._left_out.open("a", encoding="utf-8") as file:
                file.write(f"{problem}\n")

    def _bare(self, pair: Pair) -> Pair:
        if NEGATIVES not in pair.extra and SCORES not in pair.extra:
            return pair
        self.replaced += 1
        return replace(pair, extra={key: value for key, value in pair.extra.items() if key not in (NEGATIVES, SCORES)})


def prepare(path: Path, folder: Path) -> Result:
    """Copy the good pairs into the run folder and note what the rules must know of them."""
    reader, facts = Reader(path, folder / LEFT_OUT), _Facts()
    store = write_store(folder / PAIRS, facts.noted(reader.pairs(), reader))
    facts.save(folder / FACTS)
    return {
        "read": reader.read,
        "left_out": reader.bad,
        "replaced": reader.replaced,
        "distinct_queries": len(np.unique(store.queries)),
        "distinct_documents": len(np.unique(store.documents)),
        "languages": reader.languages,
    }


class _Facts:
    """Hashes of what pairs can share, as the pairs stream by."""

    def __init__(self) -> None:
        self._columns = {name: array("Q") for name in ("asked", "problems", "names")}
        self._languages = array("i")

    def noted(self, pairs: Iterator[Pair], reader: Reader) -> Iterator[Pair]:
        numbers: dict[str, int] = {}
        for pair in pairs:
            self._languages.append(numbers.setdefault(pair.language, len(numbers)))
            self._columns["asked"].append(text_hash(normalised(pair.query) or pair.query))
            self._columns["problems"].append(_hash(pair.extra.get("problem")))
            repository, name = _first(pair, REPOSITORY), _first(pair, NAME)
            known = repository is not None and name is not None
            self._columns["names"].append(_hash([repository, name, pair.language]) if known else NONE)
            yield pair

    def save(self, file: Path) -> None:
        columns: dict[str, Any] = {name: np.frombuffer(column, np.uint64) for name, column in self._columns.items()}
        draft = file.with_name(f".{file.name}")
        np.savez(draft, **columns, languages=np.frombuffer(self._languages, np.int32))
        draft.replace(file)


def numbered(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers by first appearance (N,) int64, and the row of each number's first appearance."""
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    return number[inverse], first[order]


def _keys(hashes: np.ndarray) -> np.ndarray:
    """Numbers from 0, −1 for `NONE`."""
    return np.where(hashes == NONE, -1, numbered(hashes)[0])


def _first(pair: Pair, names: tuple[str, ...]) -> Any:
    return next((pair.extra[name] for name in names if pair.extra.get(name)), None)


def _hash(value: Any) -> int:
    """A number for any JSON value; `NONE` for null."""
    return NONE if value is None else text_hash(repr(value))
