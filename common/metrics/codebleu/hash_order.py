"""The order in which CPython 3.11 with PYTHONHASHSEED=0 walks a set of names.

Both published implementations join lists of names through `set`, so their data-flow figures change with the hash seed
of the process. A figure that is to be compared needs one order; this is that of the seed that people fix when they fix
one. It depends on nothing of the process that runs here.

The hash of a text is SipHash-1-3 (Aumasson and Bernstein 2012) under a key of zeros over the bytes as CPython stores
them; the table probes ten neighbouring slots before it jumps, and grows fourfold at three fifths.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

_MASK = 2**64 - 1
_SMALLEST = 8
_NEIGHBOURS = 10


def hash_order(names: Iterable[str]) -> tuple[str, ...]:
    """The names, each once, as iterating over `set(names)` would give them."""
    table: list[str | None] = [None] * _SMALLEST
    for held, name in enumerate(dict.fromkeys(names), start=1):  # a name that is there already changes nothing
        table[_free_slot(table, name)] = name
        if held * 5 >= (len(table) - 1) * 3:
            table = _grown(table, 4 * held)
    return tuple(name for name in table if name is not None)


def _grown(table: list[str | None], wanted: int) -> list[str | None]:
    size = _SMALLEST
    while size <= wanted:
        size *= 2
    larger: list[str | None] = [None] * size
    for name in table:
        if name is not None:
            larger[_free_slot(larger, name)] = name
    return larger


def _free_slot(table: list[str | None], name: str) -> int:
    mask = len(table) - 1
    perturb = string_hash(name)
    slot = perturb & mask
    while True:
        neighbours = _NEIGHBOURS if slot + _NEIGHBOURS - 1 <= mask else 1
        for near in range(slot, slot + neighbours):
            if table[near] is None:
                return near
        perturb >>= 5
        slot = (slot * 5 + 1 + perturb) & mask


@functools.lru_cache(maxsize=1 << 16)
def string_hash(text: str) -> int:
    """`hash(text)` under seed 0, as an unsigned number of 64 bits."""
    if not text:
        return 0
    value = _siphash13(_stored(text))
    return value if value != _MASK else _MASK - 1  # -1 means an error in C


def _stored(text: str) -> bytes:
    """One, two or four bytes a sign, as the highest sign needs (PEP 393)."""
    highest = ord(max(text))
    encoding = "latin-1" if highest < 0x100 else "utf-16-le" if highest < 0x10000 else "utf-32-le"
    return text.encode(encoding, "surrogatepass")


def _siphash13(data: bytes) -> int:
    state = [0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573]
    whole = len(data) // 8 * 8
    words = [int.from_bytes(data[start : start + 8], "little") for start in range(0, whole, 8)]
    words.append(len(data) % 256 << 56 | int.from_bytes(data[whole:], "little"))
    for word in words:
        state[3] ^= word
        _round(state)
        state[0] ^= word
    state[2] ^= 0xFF
    for _ in range(3):
        _round(state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _round(state: list[int]) -> None:
    a, b, c, d = state
    a = (a + b) & _MASK
    c = (c + d) & _MASK
    b, d = _left(b, 13) ^ a, _left(d, 16) ^ c
    a = _left(a, 32)
    a, c = (a + d) & _MASK, (c + b) & _MASK
    b, d = _left(b, 17) ^ c, _left(d, 21) ^ a
    state[:] = a, b, _left(c, 32), d


def _left(word: int, by: int) -> int:
    return (word << by | word >> 64 - by) & _MASK
