"""What is derived from the store for searching: an index of words, and one of vectors for each space.

INDEX/derived/GENERATION/words/*        BM25 (words_index), and words.json, written last: sizes and checksums
INDEX/derived/GENERATION/space-N.faiss  vectors (vector_index), written at once with a checksum of its own

A part whose files are not what was written is named and made again from the store; nothing is lost with it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np

from common.errors import DataError, UserError
from common.retrieval.store import Store
from common.retrieval.vector_index import VectorIndex
from common.retrieval.vector_rules import VectorSettings
from common.retrieval.words_index import FILES, WordsIndex
from common.runs import write_json

WORDS = "words"
REMEDY = "`python -m jobs.check_index DIR --repair` makes it again from the store"


def place(folder: Path, generation: int) -> Path:
    """Where a generation's parts are."""
    return folder / "derived" / str(generation)


def derive_words(store: Store, generation: int) -> None:
    """Make the index of words."""
    folder = place(store.folder, generation) / WORDS
    shutil.rmtree(folder, ignore_errors=True)  # not over the files: a reader may have them mapped
    folder.mkdir(parents=True)
    WordsIndex.build(store.words()).save(folder)
    files = {name: {"bytes": (folder / name).stat().st_size, "blake2b": _checksum(folder / name)} for name in FILES}
    write_json(folder.with_suffix(".json"), {"files": files})


def derive_vectors(store: Store, generation: int, space: int, settings: VectorSettings, before: int | None) -> None:
    """Make a space's index, from that of the generation `before` where its layout still suits."""
    ids = store.indexed_texts()
    index = _earlier(store.folder, before, space, settings)
    if index is not None:
        gone, new = np.setdiff1d(index.ids, ids), np.setdiff1d(ids, index.ids)
        if before == generation and not len(gone) and not len(new):
            return
        index.remove(gone)
        index.add(new, store.vectors(space, new))
    if index is None or index.stale:
        index = VectorIndex.build(ids, lambda wanted: store.vectors(space, wanted), settings)
    index.save(vectors_file(store.folder, generation, space))


def open_words(folder: Path, generation: int) -> WordsIndex:
    """The index of words; raises `DataError` that names the file that is torn, changed or missing."""
    there = place(folder, generation) / WORDS
    seal = there.with_suffix(".json")
    try:
        files = json.loads(seal.read_text("utf-8"))["files"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(seal, None, None, "is missing or damaged", REMEDY) from error
    for name, told in files.items():
        file = there / name
        if not file.exists():
            raise DataError(file, None, None, "is missing", REMEDY)
        if file.stat().st_size != told["bytes"]:
            raise DataError(file, None, None, f"has {file.stat().st_size:,} bytes of {told['bytes']:,}", REMEDY)
        if _checksum(file) != told["blake2b"]:
            raise DataError(file, None, None, "is not what was written", REMEDY)
    return WordsIndex.load(there)


def open_vectors(folder: Path, generation: int, space: int) -> VectorIndex:
    """A space's index; raises `DataError` as `open_words` does."""
    file = vectors_file(folder, generation, space)
    try:
        return VectorIndex.load(file)
    except UserError as error:
        raise DataError(file, None, None, error.message, REMEDY) from error


def vectors_file(folder: Path, generation: int, space: int) -> Path:
    """Where a space's index of a generation is; it is there only if it is complete."""
    return place(folder, generation) / f"space-{space}.faiss"


def drop_others(folder: Path, generation: int) -> None:
    """Delete the parts of other generations: older ones, and one that a killed build began."""
    for other in (folder / "derived").glob("*"):
        if other.name != str(generation):
            shutil.rmtree(other, ignore_errors=True)


def _earlier(folder: Path, generation: int | None, space: int, settings: VectorSettings) -> VectorIndex | None:
    """A space's index of an earlier generation; None where there is none that can be carried on."""
    if generation is None or not vectors_file(folder, generation, space).exists():
        return None
    try:
        index = open_vectors(folder, generation, space)
    except DataError:  # it is made anew
        return None
    return index if index.settings == settings else None


def _checksum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
