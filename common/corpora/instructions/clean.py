"""What must not be learnt: a held-out task, or an answer that nearly is a held-out one's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from common.corpora.instructions.generated import NAME as GENERATED
from common.corpora.instructions.record import Example
from common.corpora.mining.neardup import HeldOut
from common.corpora.selection import normalised


class Cleaner:
    """Drops examples that ask what a held-out one asks, or whose code nearly repeats a held-out one's; counts both.

    Codes of two microproblems count only where they are equal: problems of one family differ in a parameter, so their
    answers are near-duplicates on purpose, and their generator holds parameters and families out by itself.
    """

    def __init__(self, held: Sequence[tuple[str, Example]], threshold: float) -> None:
        self.dropped: Counter[str] = Counter()
        self._asked = {normalised(example.instruction) for _, example in held}
        coded = [(source, example.code) for source, example in held if example.code.strip()]
        self._generated = {_folded(code) for source, code in coded if source == GENERATED}
        self._others = HeldOut([code for source, code in coded if source != GENERATED], threshold)
        self._all = HeldOut([code for _, code in coded], threshold) if self._generated else self._others

    def keep(self, split: str, source: str, examples: Sequence[Example]) -> list[Example]:
        """The clean examples of a source, in order; the others are counted under the name of the split."""
        fresh = [example for example in examples if normalised(example.instruction) not in self._asked]
        own = source == GENERATED
        copies = set((self._others if own else self._all).copies([example.code for example in fresh]))
        if own:
            copies |= {at for at, example in enumerate(fresh) if _folded(example.code) in self._generated}
        self.dropped[f"{split}: same instruction"] += len(examples) - len(fresh)
        self.dropped[f"{split}: near-duplicate code"] += len(copies)
        return [example for at, example in enumerate(fresh) if at not in copies]


def _folded(code: str) -> str:
    return " ".join(code.split())
