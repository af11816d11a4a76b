"""Pairs on disk, read by row: training holds eight bytes a pair and field in memory, however large the file is.

FILE.jsonl beside FILE.index.npz: where each line begins, and a hash of each query and document. The index is made once
and again where the file is no longer the one it was made from.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from common.corpora.lines import Problem, json_line
from common.corpora.pairs import FIELDS, Pair, parse_pair
from common.corpora.splits import seeded_hash
from common.errors import DataError
from common.runs import whole_file


class PairStore:
    """The pairs of a JSONL file of ours, by row number. Safe to read from several threads."""

    def __init__(self, path: Path, offsets: np.ndarray, queries: np.ndarray, documents: np.ndarray) -> None:
        self.path = path
        self.queries = queries
        """(N,) uint64, equal where the queries are."""
        self.documents = documents
        """(N,) uint64, equal where the documents are."""
        self._offsets = offsets
        self._file = os.open(path, os.O_RDONLY)

    def __len__(self) -> int:
        return len(self.queries)

    def __del__(self) -> None:
        if file := self.__dict__.pop("_file", None):
            os.close(file)

    def read(self, rows: Iterable[int]) -> list[Pair]:
        """The pairs of these rows. `pread` and not a memory map: mapped pages count as the process' memory."""
        pairs = []
        for row in rows:
            start, end = int(self._offsets[row]), int(self._offsets[row + 1])
            pair = parse_pair(self.path, row + 1, json.loads(os.pread(self._file, end - start, start)))
            if isinstance(pair, Problem):
                raise DataError(pair.path, pair.line, pair.field, pair.reason)
            pairs.append(pair)
        return pairs

    @classmethod
    def open(cls, path: Path) -> PairStore:
        """Open a file that `write_store` wrote; raises `DataError` where file or index are absent or do not match."""
        index = index_of(path)
        try:
            size = path.stat().st_size
            with np.load(index) as stored:
                offsets, queries, documents = (stored[name] for name in ("offsets", "queries", "documents"))
        except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
            raise DataError(path, None, None, f"cannot be opened by row: {error}", "prepare the data again") from error
        if offsets[-1] != size:
            raise DataError(path, None, None, "is not the file its index was made from", "prepare the data again")
        return cls(path, offsets, queries, documents)


def index_of(path: Path) -> Path:
    """Where the index of a file of pairs lies."""
    return path.with_suffix(".index.npz")


def write_store(path: Path, pairs: Iterable[Pair]) -> PairStore:
    """Write pairs as they come, then their index; the file appears as a whole."""
    offsets, queries, documents = array("Q", [0]), array("Q"), array("Q")
    with whole_file(path) as file:
        for row, pair in enumerate(pairs, start=1):
            record = {**dict(zip(FIELDS, (pair.query, pair.document, pair.language), strict=True)), **pair.extra}
            line = json_line(path, row, record).encode()
            file.write(line)
            offsets.append(offsets[-1] + len(line))
            queries.append(text_hash(pair.query))
            documents.append(text_hash(pair.document))
        offsets_, queries_, documents_ = (np.frombuffer(part, np.uint64) for part in (offsets, queries, documents))
        with whole_file(index_of(path)) as index:
            np.savez(index, offsets=offsets_, queries=queries_, documents=documents_)
    return PairStore.open(path)


def text_hash(text: str) -> int:
    """64 bits of SHA-256: among a million texts two different ones share it with a chance of 3 in 100 million."""
    return int(seeded_hash(0, text)[:16], 16)


def smallest(hashes: Sequence[str], count: int) -> list[int]:
    """Positions of the `count` smallest hashes, ascending: a seeded choice from all over a file."""
    ranked = sorted(range(len(hashes)), key=hashes.__getitem__)
    return sorted(ranked[:count])
