"""The microproblems for tuning: their training split, and both test splits with their problems.

`eval_instances` holds unseen problems of the families that are trained on, `eval_families` problems of families that
are not. Dev are problems of the training families too, whose parameters no training example has.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from common.config import nearest
from common.corpora.instructions.config import MicroproblemOptions
from common.corpora.instructions.record import Example
from common.corpora.instructions.source import Found, Row
from common.corpora.microproblems import microproblems
from common.corpora.microproblems.families import FAMILIES
from common.corpora.microproblems.generate import EVAL_FAMILIES, EVAL_INSTANCES
from common.corpora.problems.record import Notice
from common.corpora.splits import seeded_hash
from common.errors import ConfigError

NAME = "microproblems"


def open_microproblems(options: MicroproblemOptions, seed: int) -> Found:
    """Train, dev, `eval_instances` and `eval_families`. Raises `ConfigError` for a family that does not exist."""
    names = [family.name for family in FAMILIES]
    for name in options.families:
        if name not in names:
            guess = nearest(name, names)
            raise ConfigError(
                f"there is no family {name!r}" + (f", did you mean {guess!r}?" if guess else ""),
                "common/corpora/microproblems/families/ holds them",
            )
    # All families are drawn, whichever are wanted: which of them are held out depends on the whole list.
    made = microproblems(seed, options.instances)
    found = Found(NAME)
    splits = {"train": made.train, EVAL_INSTANCES: made.eval_instances, EVAL_FAMILIES: made.eval_families}
    wanted = {split: [row for row in rows if _wanted(row, options)] for split, rows in splits.items()}
    found.read = sum(map(len, wanted.values()))
    dev = _dev(wanted["train"], options.dev_share, seed)
    for row in wanted.pop("train"):
        if row["problem_id"] in dev:
            _add(found, found.dev, "dev", row)
        else:
            found.train += examples_of(row, options.solutions)
    for split, rows in wanted.items():
        for row in rows:
            _add(found, found.tests.setdefault(split, []), split, row)
    for family, count in made.short.items():
        if not options.families or family in options.families:
            found.wrong.append(Notice(Path(NAME), None, None, f"family {family} has {count} problems only"))
    return found


def examples_of(row: Row, solutions: int = 1) -> list[Example]:
    """The examples of a problem: one for each of its first solutions."""
    form: Any = "call" if "fn_name" in json.loads(row["input_output"]) else "stdin"
    name = f"{NAME}/{row['problem_id']}"
    return [
        Example(
            id=f"{name}#{number}" if number > 1 else name,
            instruction=row["question"],
            code=code,
            starter_code=row["starter_code"],
            form=form,
            problem_id=str(row["problem_id"]),
            extra={"family": row["family"], "difficulty": row["difficulty"]},
        )
        for number, code in enumerate(json.loads(row["solutions"])[:solutions], start=1)
    ]


def _wanted(row: Row, options: MicroproblemOptions) -> bool:
    of_family = not options.families or row["family"] in options.families
    return of_family and (not options.difficulties or row["difficulty"] in options.difficulties)


def _dev(rows: list[Row], share: float, seed: int) -> set[int]:
    """The problems held out, of every family that has more than one."""
    families: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        families[row["family"]].append(row)
    held: set[int] = set()
    for its in families.values():
        count = min(max(1, round(share * len(its))), len(its) - 1)
        ordered = sorted(its, key=lambda row: seeded_hash(seed, row["question"]))
        held |= {row["problem_id"] for row in ordered[:count]}
    return held


def _add(found: Found, examples: list[Example], name: str, row: Row) -> None:
    examples += examples_of(row)
    found.problems.setdefault(name, []).append(row)
