"""The tables of an index' store, and how its file is opened.

A text is what is embedded and indexed by words; it stands once, however many units have it. A unit is a place in a
file. What a build stages is seen by no reader until its last transaction moves it over.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from common.errors import DataError, UserError

FILE = "store.db"
VERSION = 1
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files (
    path TEXT PRIMARY KEY, language TEXT NOT NULL, digest TEXT NOT NULL, test INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE texts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, text TEXT NOT NULL, words TEXT NOT NULL,
    crc INTEGER NOT NULL
);
CREATE TABLE units (
    id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, kind TEXT NOT NULL, symbol TEXT NOT NULL,
    start_line INTEGER NOT NULL, end_line INTEGER NOT NULL, source TEXT NOT NULL, text INTEGER NOT NULL,
    crc INTEGER NOT NULL
);
CREATE INDEX units_of_path ON units (path);
CREATE INDEX units_of_text ON units (text);
CREATE TABLE staged_files AS SELECT * FROM files WHERE 0;
CREATE UNIQUE INDEX staged_path ON staged_files (path);
CREATE TABLE staged_units AS SELECT path, kind, symbol, start_line, end_line, source, text, crc FROM units WHERE 0;
CREATE INDEX staged_units_of_path ON staged_units (path);
CREATE TABLE spaces (
    id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, described TEXT NOT NULL, origin TEXT NOT NULL
);
CREATE TABLE vectors (
    space INTEGER NOT NULL, text INTEGER NOT NULL, vector BLOB NOT NULL, crc INTEGER NOT NULL,
    PRIMARY KEY (space, text)
) WITHOUT ROWID;
"""


def create(folder: Path) -> sqlite3.Connection:
    """The store in `folder` for writing, made where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    connection = _connect(folder / FILE, "rwc")
    try:
        connection.execute("PRAGMA journal_mode = WAL")  # readers go on while a build writes
        connection.execute("PRAGMA synchronous = NORMAL")
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            connection.executescript(
                f"BEGIN;{_TABLES}INSERT INTO meta VALUES ('version', '{VERSION}'), ('generation', '0');COMMIT;"
            )
        _check_version(connection, folder)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise broken(folder, error) from error
    return connection


def connect(folder: Path) -> sqlite3.Connection:
    """The store in `folder` for reading; raises `UserError` where there is none, `DataError` where it is broken."""
    if not (folder / FILE).exists():
        raise UserError(f"{folder} holds no index", "make one: python -m jobs.build_index PATH --run-dir DIR")
    connection = _connect(folder / FILE, "rw")  # WAL's readers write a little, too: their marks beside the file
    try:
        _check_version(connection, folder)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise broken(folder, error) from error
    return connection


def broken(folder: Path, error: Exception | str) -> DataError:
    """The error for a store whose file is damaged: it is the one truth, and cannot be made from anything else."""
    return DataError(
        folder / FILE, None, None, f"is damaged: {error}", "move the folder away and build the index again"
    )


def _connect(file: Path, mode: str) -> sqlite3.Connection:
    place = f"{file.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(place, uri=True, timeout=60, isolation_level=None, check_same_thread=False)


def _check_version(connection: sqlite3.Connection, folder: Path) -> None:
    connection.execute("PRAGMA cache_size = -65536")
    row = connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    if row is None or row[0] != str(VERSION):
        found = row[0] if row else "none"
        raise UserError(f"the index in {folder} has the format {found}, this program reads {VERSION}", "build it again")
