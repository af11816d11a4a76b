"""What one source gives, on its way into the sets, and how rows become examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from common.corpora.instructions.record import Example
from common.corpora.lines import Problem, text_lines
from common.corpora.problems.record import Notice
from common.corpora.sources.files import Row as SourceRow
from common.corpora.sources.files import json_array, jsonl
from common.corpora.splits import DEV, TEST, TRAIN, split_groups

Row = dict[str, Any]
"""A problem with tests, as APPS' rows on the Hub are."""
Rows = Iterable[SourceRow | Problem]


@dataclass(frozen=True)
class Left:
    """Why a good row is no example."""

    reason: str


Make = Callable[[Path, int, dict[str, Any]], Example | Problem | Left]


@dataclass
class Found:
    """What a source gave; every row that was read is in a split, counted in `dropped`, or named in `wrong`."""

    name: str
    train: list[Example] = field(default_factory=list)
    dev: list[Example] = field(default_factory=list)
    tests: dict[str, list[Example]] = field(default_factory=dict)
    problems: dict[str, list[Row]] = field(default_factory=dict)
    """The problems of `dev` and of each test set that has some."""
    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    """How many rows were left out, by reason."""
    wrong: list[Problem] = field(default_factory=list)
    """What is wrong with rows, and odd things that cost nothing (`Notice`)."""

    def take(self, rows: Rows, make: Make) -> list[Example]:
        """The examples of some rows; the others are counted or named. Ids are made unique within them."""
        taken: list[Example] = []
        times: Counter[str] = Counter()
        for row in rows:
            made = row if isinstance(row, Problem) else make(*row)
            self.read += not isinstance(made, Notice)
            if isinstance(made, Problem):
                self.wrong.append(made)
            elif isinstance(made, Left):
                self.dropped[made.reason] += 1
            else:
                times[made.id] += 1
                taken.append(made if times[made.id] == 1 else replace(made, id=f"{made.id}#{times[made.id]}"))
        return taken


def records(path: Path) -> Iterator[SourceRow | Problem]:
    """The objects of a file, be it a JSON array or JSONL."""
    first = next((item[1] for item in text_lines(path) if not isinstance(item, Problem)), "")
    return json_array(path) if first.lstrip().startswith("[") else jsonl([path])()


def held_out(
    examples: Sequence[Example], group: Callable[[Example], str], *, dev_share: float, test_share: float, seed: int
) -> dict[str, list[Example]]:
    """Train, dev and test of some examples; those of one group stay together."""
    groups = [group(example) for example in examples]
    split_of = split_groups(Counter(groups), dev_share=dev_share, test_share=test_share, seed=seed)
    splits: dict[str, list[Example]] = {TRAIN: [], DEV: [], TEST: []}
    for example, name in zip(examples, groups, strict=True):
        splits[split_of[name]].append(example)
    return splits
