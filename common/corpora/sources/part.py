"""One language or one direction of a named data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from common.corpora.beir import RetrievalSet
from common.corpora.lines import Problem
from common.corpora.pairs import Pair

Training = Callable[[], Iterator[Pair | Problem]]
Evaluation = Callable[[], tuple[RetrievalSet, tuple[Problem, ...]]]


@dataclass(frozen=True)
class Part:
    """What a set holds for one language or direction; nothing is read before it is called."""

    name: str
    """`python`, `java-cpp`: queries in Java, documents in C++."""
    language: str
    """Language of the documents; of the queries where the documents are in several."""
    train: Training | None
    """Reads the training pairs from the beginning, one after the other; none = the set has none here."""
    dev: Evaluation | None
    test: Evaluation | None
    notes: tuple[Problem, ...] = ()
    """What was noticed on opening: files that were left aside."""


def held_out(valid: Evaluation | None, test: Evaluation | None) -> tuple[Evaluation | None, Evaluation | None]:
    """(dev, test): where only one split besides train is there, it is the test; dev is held out from train then."""
    return (valid, test) if test is not None else (None, valid)


def limited(read: Training, limit: int | None) -> Training:
    """`read`, up to the `limit`th good pair."""
    if limit is None:
        return read

    def pairs() -> Iterator[Pair | Problem]:
        left = limit
        for item in read():
            yield item
            left -= isinstance(item, Pair)
            if not left:
                return

    return pairs
