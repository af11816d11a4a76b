"""The file of a vector index, written at once and with a checksum over all of it.

    one line of JSON     what is known of the index; blanks fill it up, so that the vectors are aligned
    N × H float16        the vectors by rising id, only beside an index that holds them compressed
    FAISS' index         in its own format
    4 bytes              CRC-32 of all before

Opening it reads everything once for the checksum. The vectors are mapped and not kept: the system reads the pages that
are asked for, and drops them when memory runs short.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import faiss
import numpy as np

from common.errors import UserError
from common.runs import whole_file

FORMAT = 1
ALIGNED = 64  # bytes; NumPy copies an array that is not aligned as a whole before it takes rows
DIGEST = 4  # bytes of a checksum
CHUNK = 1 << 24  # bytes read at a time while summing
REMEDY = "build the index again, it is made from the vectors"

untyped: Any = faiss  # its type hints lack callbacks


def write(file: Path, facts: dict[str, Any], index: faiss.Index, full: Iterable[np.ndarray] | None, count: int) -> None:
    """Write the facts (JSON), the index, and blocks of full vectors, float16 of `count` rows together.

    A crash leaves the old file or the new one. Raises `UserError` where it cannot be written.
    """
    head = {"format": FORMAT, **facts} | ({} if full is None else {"full": [count, index.d]})
    line = json.dumps(head).encode()
    try:
        with whole_file(file) as out:
            summed = _Summed(out)
            summed.write(line + b" " * (-(len(line) + 1) % ALIGNED) + b"\n")
            for rows in full or ():
                summed.write(np.ascontiguousarray(rows, dtype="<f2").tobytes())
            faiss.write_index(index, untyped.PyCallbackIOWriter(summed.write))
            out.write(summed.digest())
    except (OSError, RuntimeError) as error:
        raise UserError(f"cannot write the vector index {file}: {error}", "free space, or name another file") from error


def read(file: Path) -> tuple[dict[str, Any], faiss.Index, np.ndarray | None]:
    """The facts, the index, and the full vectors (N, H) float16, mapped, if there are any.

    Raises `UserError` naming the file where it is missing, torn or something else.
    """
    try:
        with file.open("rb") as source:
            _check_whole(source, file)
            head = json.loads(source.readline())
            if head["format"] != FORMAT:
                raise UserError(f"{file} is a vector index of format {head['format']}, not {FORMAT}", REMEDY)
            full = _mapped(source, *head["full"]) if "full" in head else None
            return head, faiss.read_index(untyped.PyCallbackIOReader(source.read)), full
    except OSError as error:
        raise UserError(f"cannot read the vector index {file}: {error.strerror}", REMEDY) from error


def _mapped(source: IO[bytes], count: int, dimension: int) -> np.ndarray:
    """The next (count, dimension) float16 of an open file; goes on to behind them."""
    start = source.tell()
    if not count:  # nothing can be mapped
        return np.empty((0, dimension), dtype="<f2")
    rows = np.memmap(source, dtype="<f2", mode="r", offset=start, shape=(count, dimension))
    source.seek(start + rows.nbytes)
    return rows


class _Summed:
    """A file that is written through a checksum."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._sum = file, 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._sum = zlib.crc32(data, self._sum)

    def digest(self) -> bytes:
        return self._sum.to_bytes(DIGEST)


def _check_whole(source: IO[bytes], file: Path) -> None:
    """Raise `UserError` where the last bytes are not the checksum of those before; then go back to the start.

    FAISS would read a damaged file into an index that answers wrongly, or ask for memory without end.
    """
    left, found = source.seek(0, os.SEEK_END) - DIGEST, 0
    empty = left <= 0
    source.seek(0)
    while left > 0:
        data = source.read(min(left, CHUNK))
        found, left = zlib.crc32(data, found), left - len(data)
    if empty or found.to_bytes(DIGEST) != source.read(DIGEST):
        raise UserError(f"the vector index {file} is torn, or no vector index", REMEDY)
    source.seek(0)
