"""Integers of any length in JSON: Python reads and prints at most 4,300 digits unless it is told otherwise.

The limit belongs to the interpreter, not to a thread. So it is lifted while anybody needs it and put back after the
last; it guards servers against slow conversions, which are quadratic in the digits.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any


class _Lifted:
    lock = Lock()
    users = 0
    before = 0


@contextmanager
def long_integers() -> Iterator[None]:
    """Inside, integers may have any number of digits. Do not yield from a generator in here: it would stay lifted."""
    with _Lifted.lock:
        if not _Lifted.users:
            _Lifted.before = sys.get_int_max_str_digits()
            sys.set_int_max_str_digits(0)
        _Lifted.users += 1
    try:
        yield
    finally:
        with _Lifted.lock:
            _Lifted.users -= 1
            if not _Lifted.users:
                sys.set_int_max_str_digits(_Lifted.before)


def parse_json(text: str) -> Any:
    """The value of a text in JSON, or in Python's kind of it: NaN and Infinity are taken, as tests of APPS hold them.

    Raises ValueError for anything else, nesting that is too deep included.
    """
    with long_integers():
        try:
            return json.loads(text)
        except RecursionError:
            raise ValueError("nested too deeply") from None
