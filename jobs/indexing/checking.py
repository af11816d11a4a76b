"""Whether an index is what its store says: the store itself, its vectors, and what is derived from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import DataError, UserError
from common.retrieval import derived
from common.retrieval.store import Store


def check_index(folder: Path, *, repair: bool = False) -> dict[str, Any]:
    """Every fault found, each a sentence with its file; with `repair`, what is derived is made again from the store.

    Only what is derived can be repaired. A fault in the store is named, and the index has to be built again.
    """
    with closing(Store.open(folder)) as store, store.snapshot():
        generation = store.generation
        faults = [{"fault": fault, "repaired": False} for fault in _of_store(store)]
        sound = not faults
        for part, fault in _of_derived(store, generation) if sound else ():
            done = repair and _repair(store, generation, part)
            faults.append({"fault": fault, "repaired": done})
        spaces = {number: space.name() for number, space in store.spaces().items()}
        return {
            "index": str(folder), "generation": generation, **store.counts(), "spaces": list(spaces.values()),
            "staged_files": len(store.files(staged=True)), "faults": faults,
        }  # fmt: skip


def _of_store(store: Store) -> Iterator[str]:
    """Faults of the store. Its references are looked at as well as its pages: a flipped bit may hit either."""
    file = store.folder / "store.db"
    try:
        for (told,) in store.query("PRAGMA integrity_check(5)"):
            if told != "ok":
                yield f"{file}: {told}"
        checks = {
            "units without a file": "SELECT count(*) FROM units WHERE path NOT IN (SELECT path FROM files)",
            "units without a text": "SELECT count(*) FROM units WHERE text NOT IN (SELECT id FROM texts)",
            "units whose lines are none": "SELECT count(*) FROM units WHERE start_line < 1 OR end_line < start_line",
        }
        for what, sql in checks.items():
            if count := store.query(sql).fetchone()[0]:
                yield f"{file}: {count:,} {what}"
        for table, count in store.damaged().items():
            yield f"{file}: {count:,} rows of {table} are not what was written"
    except sqlite3.DatabaseError as error:
        yield f"{file}: {error}"


def _of_derived(store: Store, generation: int) -> Iterator[tuple[str | int, str]]:
    """(part, fault) of what is derived: `words`, or a space's number."""
    if not generation:
        return
    texts = store.indexed_texts()
    try:
        if not np.array_equal(derived.open_words(store.folder, generation).ids, texts):
            yield derived.WORDS, f"{derived.place(store.folder, generation) / derived.WORDS}: it holds other texts"
    except DataError as error:
        yield derived.WORDS, error.message
    for number, space in store.spaces().items():
        file = derived.vectors_file(store.folder, generation, number)
        missing = (
            len(texts)
            - store.query(
                "SELECT count(*) FROM vectors WHERE space = ? AND text IN (SELECT text FROM units)", (number,)
            ).fetchone()[0]
        )
        if missing and not file.exists():
            continue  # a space that later builds have left behind: a search in it is refused
        try:
            if not np.array_equal(np.sort(derived.open_vectors(store.folder, generation, number).ids), texts):
                yield number, f"{file}: it holds other texts than the store has for {space.name()}"
        except DataError as error:
            yield number, error.message


def _repair(store: Store, generation: int, part: str | int) -> bool:
    try:
        if part == derived.WORDS:
            derived.derive_words(store, generation)
        else:
            derived.derive_vectors(store, generation, int(part), store.facts.vectors, None)
    except UserError:
        return False
    return True
