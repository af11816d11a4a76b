"""Random inputs, and the text of standard input."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

VOCABULARY = (
    "amber", "bread", "cedar", "delta", "ember", "falcon", "garden", "hazel", "island", "jacket", "kettle", "lemon",
    "meadow", "needle", "orchid", "pepper", "quartz", "river", "saddle", "timber", "umbra", "velvet", "willow",
    "yonder", "zephyr", "ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ibis", "jay", "level", "radar",
    "noon",
)  # fmt: skip


def numbers(rng: Random, low: int, high: int, least: int = 1, most: int = 12) -> list[int]:
    """`least` to `most` integers from `low` to `high`."""
    return [rng.randint(low, high) for _ in range(rng.randint(least, most))]


def letters(rng: Random, alphabet: str, least: int = 1, most: int = 12) -> str:
    """A string of `least` to `most` characters of `alphabet`."""
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(least, most)))


def words(rng: Random, least: int = 1, most: int = 8, of: Sequence[str] = VOCABULARY) -> list[str]:
    """Words, some of which come more than once: they are drawn from a small part of `of`."""
    few = rng.sample(list(of), min(len(of), rng.randint(2, most + 2)))
    return [rng.choice(few) for _ in range(rng.randint(least, most))]


def grid(rng: Random, cells: str, least: int = 1, most: int = 6) -> list[str]:
    """Rows of one length over the characters `cells`."""
    width = rng.randint(least, most)
    return [letters(rng, cells, width, width) for _ in range(rng.randint(least, most))]


def matrix(rng: Random, low: int, high: int, least: int = 1, most: int = 5) -> list[list[int]]:
    """Rows of one length of integers."""
    width = rng.randint(least, most)
    return [numbers(rng, low, high, width, width) for _ in range(rng.randint(least, most))]


def lines(*parts: Any) -> str:
    """The text of standard input: one line a part, the members of a list or tuple separated by blanks."""
    return "".join((" ".join(map(str, p)) if isinstance(p, list | tuple) else str(p)) + "\n" for p in parts)


def listing(values: Sequence[Any]) -> str:
    """Standard input with the number of values in the first line and the values in the second."""
    return lines(len(values), list(values))


def rows(table: Sequence[Any], *first: Any) -> str:
    """Standard input with the number of rows (after `first`, where given) and then the rows, one a line."""
    return lines([*first, len(table)], *table)
