"""The one store of truth: files, units, texts and their vectors, in SQLite. Everything else is derived from it.

A build stages what it parsed and keeps each batch of vectors as it comes, so a killed one goes on from there. Its last
transaction moves all over at once and raises the generation: a reader sees the old generation or the new one.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.config import Config
from common.retrieval import schema
from common.retrieval.space import Origin, Space
from common.retrieval.vector_rules import VectorSettings

BLOCK = 1024
_UNIT = "path, kind, symbol, start_line, end_line, source"
_STAGED = f"""
INSERT INTO staged_units ({_UNIT}, crc, text) VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT id FROM texts WHERE digest = ?))
"""
_REFERENCED = """
SELECT text FROM units WHERE path NOT IN (SELECT path FROM staged_files) UNION SELECT text FROM staged_units
"""


@dataclass(frozen=True)
class File:
    """A source file that is indexed."""

    path: str
    language: str
    digest: str
    """Of its bytes."""
    test: bool
    """Whether its path says that it holds tests."""


@dataclass(frozen=True)
class StoredUnit:
    """A unit of a file, and the text by which it is found."""

    kind: str
    symbol: str
    start_line: int
    end_line: int
    source: str
    """As it stands in the file."""
    digest: str
    """Of the text: equal texts are stored once."""
    text: str
    words: str
    """The text's words for BM25, separated by blanks."""


class Facts(Config):
    """What is known of an index as a whole."""

    root: Path | None = None
    """The folder that paths are relative to."""
    vectors: VectorSettings = VectorSettings()
    """How the last build had the vectors stored; a repair does likewise."""


class Store:
    """An opened store. One process at a time may write; whoever opens it for writing sees to that."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._db = connection

    @classmethod
    def create(cls, folder: Path) -> Store:
        """The store in `folder` for writing, made where there is none."""
        return cls(folder, schema.create(folder))

    @classmethod
    def open(cls, folder: Path) -> Store:
        """The store in `folder` for reading; raises `UserError` where there is none, `DataError` where it is broken."""
        return cls(folder, schema.connect(folder))

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @property
    def generation(self) -> int:
        """How many builds have changed what is indexed; 0 before the first has ended."""
        return int(self._db.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()[0])

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Within it all reads see one state, whatever a build commits meanwhile."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    def query(self, sql: str, values: Iterable[object] = ()) -> sqlite3.Cursor:
        """Rows of a SELECT."""
        return self._db.execute(sql, tuple(values))

    def damaged(self) -> Mapping[str, int]:
        """Rows that are not what was written, by table; reads everything."""
        tables = {
            "units": f"SELECT crc, {_UNIT} FROM units", "texts": "SELECT crc, text, words FROM texts",
            "vectors": "SELECT crc, vector FROM vectors",
        }  # fmt: skip
        return {
            table: count
            for table, sql in tables.items()
            if (count := sum(checksum(*row[1:]) != row[0] for row in self._db.execute(sql)))
        }

    @property
    def facts(self) -> Facts:
        """What builds and searches have to know besides."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'facts'").fetchone()
        return Facts.model_validate_json(row[0]) if row else Facts()

    def remember(self, facts: Facts) -> None:
        """Replace the facts."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('facts', ?)", (facts.model_dump_json(),))

    def files(self, *, staged: bool = False) -> dict[str, File]:
        """Indexed files by path, or those that a build has staged."""
        rows = self._db.execute(f"SELECT * FROM {'staged_files' if staged else 'files'}")
        return {path: File(path, language, digest, bool(test)) for path, language, digest, test in rows}

    def spaces(self) -> dict[int, Space]:
        """Whose vectors it holds."""
        rows = self._db.execute("SELECT id, described FROM spaces ORDER BY id")
        return {number: Space.model_validate_json(described) for number, described in rows}

    def origin(self, space: int) -> Origin:
        """Where the encoder of a space came from."""
        row = self._db.execute("SELECT origin FROM spaces WHERE id = ?", (space,)).fetchone()
        return Origin.model_validate_json(row[0])

    def add_space(self, space: Space, origin: Origin) -> int:
        """The number of a space, a new one where it is not known; names and origin may have changed since."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO spaces (digest, described, origin) VALUES (?, ?, ?) "
                "ON CONFLICT (digest) DO UPDATE SET described = excluded.described, origin = excluded.origin",
                (space.digest(), space.model_dump_json(), origin.model_dump_json()),
            )
        return int(self._db.execute("SELECT id FROM spaces WHERE digest = ?", (space.digest(),)).fetchone()[0])

    def stage(self, files: Iterable[tuple[File, Iterable[StoredUnit]]]) -> None:
        """Keep parsed files aside until `commit`; what was staged for the same paths before is replaced."""
        with self._transaction():
            for file, units in files:
                self._unstage([file.path])
                self._db.execute(
                    "INSERT INTO staged_files VALUES (?, ?, ?, ?)",
                    (file.path, file.language, file.digest, int(file.test)),
                )
                for unit in units:
                    self._db.execute(
                        "INSERT INTO texts (digest, text, words, crc) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                        (unit.digest, unit.text, unit.words, checksum(unit.text, unit.words)),
                    )
                    place = (file.path, unit.kind, unit.symbol, unit.start_line, unit.end_line, unit.source)
                    self._db.execute(_STAGED, (*place, checksum(*place), unit.digest))

    def unstage(self, paths: Iterable[str]) -> None:
        """Forget what was staged for these paths."""
        with self._transaction():
            self._unstage(paths)

    def missing(self, space: int) -> list[int]:
        """Texts that will be indexed after `commit` and have no vector in a space yet, by rising id."""
        sql = (
            f"SELECT id FROM texts WHERE id IN ({_REFERENCED}) AND id NOT IN (SELECT text FROM vectors WHERE space = ?)"
        )
        return [row[0] for row in self._db.execute(f"{sql} ORDER BY id", (space,))]

    def texts(self, ids: Iterable[int]) -> Iterator[tuple[int, str]]:
        """(id, text) of these texts, in their order."""
        wanted = [int(number) for number in ids]  # SQLite takes NumPy's for bytes
        for start in range(0, len(wanted), BLOCK):
            block = wanted[start : start + BLOCK]
            marks = ",".join("?" * len(block))
            found = dict(self._db.execute(f"SELECT id, text FROM texts WHERE id IN ({marks})", block))
            yield from ((number, found[number]) for number in block)

    def put_vectors(self, space: int, ids: Iterable[int], vectors: np.ndarray) -> None:
        """Keep (N, H) unit vectors of N texts, as float16, each with a checksum."""
        rows = ((space, number, blob := row.tobytes(), checksum(blob))
                for number, row in zip(map(int, ids), vectors.astype(np.float16), strict=True))  # fmt: skip
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)

    def vectors(self, space: int, ids: np.ndarray) -> np.ndarray:
        """(N, H) float16 vectors of (N,) rising text ids; raises `DataError` where one is missing or damaged."""
        dimensions = self.spaces()[space].dimensions
        found = np.empty((len(ids), dimensions), dtype=np.float16)
        sql = "SELECT text, vector, crc FROM vectors WHERE space = ? AND text BETWEEN ? AND ? ORDER BY text"
        position = 0
        for number, blob, crc in self._db.execute(sql, (space, *map(int, (ids[0], ids[-1])))) if len(ids) else ():
            if position < len(ids) and number == ids[position]:
                if checksum(blob) != crc or len(blob) != 2 * dimensions:
                    raise schema.broken(self.folder, f"the vector of text {number} is not what was written")
                found[position] = np.frombuffer(blob, dtype=np.float16)
                position += 1
        if position < len(ids):
            raise schema.broken(self.folder, f"text {ids[position]} has no vector in space {space}")
        return found

    def indexed_texts(self) -> np.ndarray:
        """(N,) int64 ids of the texts that units have, rising."""
        rows = self._db.execute("SELECT DISTINCT text FROM units ORDER BY text")
        return np.fromiter((row[0] for row in rows), dtype=np.int64)

    def words(self) -> Iterator[tuple[int, str]]:
        """(text id, words) of the indexed texts, by rising id."""
        yield from self._db.execute("SELECT id, words FROM texts WHERE id IN (SELECT text FROM units) ORDER BY id")

    def commit(self, removed: Iterable[str], derive: Callable[[int], None]) -> int:
        """Move over what is staged, forget the files `removed` and what nothing needs any more, in one transaction.

        `derive` is given the new generation's number before it ends, and reads the new state; where it raises, nothing
        has changed. Returns the generation, which stays where there was nothing to do.
        """
        with self._transaction():
            changed = [row[0] for row in self._db.execute("SELECT path FROM staged_files")]
            gone = [*changed, *removed]
            generation = self.generation + bool(gone)
            for path in gone:
                self._db.execute("DELETE FROM units WHERE path = ?", (path,))
                self._db.execute("DELETE FROM files WHERE path = ?", (path,))
            self._db.execute("INSERT INTO files SELECT * FROM staged_files")
            columns = f"{_UNIT}, text, crc"
            self._db.execute(
                f"INSERT INTO units ({columns}) SELECT {columns} FROM staged_units ORDER BY path, start_line, symbol"
            )
            self._unstage(changed)
            self._db.execute("DELETE FROM texts WHERE id NOT IN (SELECT text FROM units)")
            self._db.execute("DELETE FROM vectors WHERE text NOT IN (SELECT id FROM texts)")
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'generation'", (str(generation),))
            derive(generation)
        return generation

    def counts(self) -> Mapping[str, int]:
        """Files, units and texts that are indexed."""
        sql = "SELECT (SELECT count(*) FROM files), (SELECT count(*) FROM units), (SELECT count(*) FROM texts)"
        return dict(zip(("files", "units", "texts"), self._db.execute(sql).fetchone(), strict=True))

    def _unstage(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._db.execute("DELETE FROM staged_files WHERE path = ?", (path,))
            self._db.execute("DELETE FROM staged_units WHERE path = ?", (path,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def checksum(*values: object) -> int:
    """CRC-32 of a row's values."""
    found = 0
    for value in values:
        found = zlib.crc32(value if isinstance(value, bytes) else f"{value}\0".encode("utf-8", "surrogatepass"), found)
    return found
