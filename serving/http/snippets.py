"""The lines of a unit that are shown, and the words in them that the query has. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.retrieval.tokens import parts, tokenise


@dataclass(frozen=True)
class Snippet:
    """Some lines of a unit."""

    text: str
    line: int
    """The first one's number in the unit, from 0."""
    highlights: tuple[tuple[int, int], ...]
    """Characters [start, end) of the text that are words of the query, rising."""


def snippet(source: str, query: str, lines: int) -> Snippet:
    """At most `lines` lines of a source: those with most different words of the query, the first such ones."""
    words = set(tokenise(query))
    rows = source.splitlines() or [""]
    first = _best([_found(row, words) for row in rows], lines)
    text = "\n".join(rows[first : first + lines])
    spans = [(start, end) for start, end, word in parts(text) if word in words]
    return Snippet(text, first, tuple(spans))


def _found(row: str, words: set[str]) -> set[str]:
    return {word for _, _, word in parts(row)} & words


def _best(found: Sequence[set[str]], lines: int) -> int:
    """Where the window starts that holds most different words."""
    starts = range(max(1, len(found) - lines + 1))
    return max(starts, key=lambda at: (len(set().union(*found[at : at + lines])), -at))
