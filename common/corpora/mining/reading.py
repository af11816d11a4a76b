"""The bytes of a source file, read so that nothing in a tree can harm: no link, no pipe, no giant, no binary."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MINIFIED_LINE = 300  # mean bytes a line from which on code was not written for reading; ours have about 35
MINIFIED_FROM = 5_000  # bytes; a shorter file may have one long table


class Unusable(Exception):
    """A file that is not taken; says why in a few words."""


def read_source(path: Path, limit: int) -> bytes:
    """The bytes of a regular file that is still what the walk saw; raises `Unusable` where it is no source code."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise Unusable("no regular file")
            source = file.read(limit + 1)
    except OSError as error:
        raise Unusable(f"unreadable ({error.strerror})") from error
    if len(source) > limit:
        raise Unusable("too large")
    if b"\0" in source:
        raise Unusable("binary")
    if len(source) >= MINIFIED_FROM and len(source) > MINIFIED_LINE * (source.count(b"\n") + source.count(b"\r") + 1):
        raise Unusable("minified")
    return source
