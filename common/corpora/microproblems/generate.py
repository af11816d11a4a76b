"""Draws problems from the families and splits them twice: whole families, and problems of a family.

Which families are held out, and which parameters of a family are, does not depend on the seed: a model trained under
one seed has not seen what is held out under another. The seed draws among them, and the wording and the tests.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from common.corpora.microproblems.families import FAMILIES
from common.corpora.microproblems.family import Family, Function, Parameters, as_method, label
from common.corpora.microproblems.run import runner
from common.corpora.microproblems.wording import as_json, question, starter
from common.corpora.splits import seeded_hash
from common.errors import UserError
from common.runs import whole_file

Row = dict[str, Any]
TRAIN, EVAL_INSTANCES, EVAL_FAMILIES = "train", "eval_instances", "eval_families"
SPLITS = (TRAIN, EVAL_INSTANCES, EVAL_FAMILIES)
HELD_OUT = 0.25
"""The share of the families, and of each other family's parameters."""
FEWEST_TESTS, MOST_TESTS = 6, 10
POOL = 40
"""Random inputs from which a problem's tests are chosen."""
METHODS = 1 / 3
"""The share of the function problems that ask for a method of `class Solution`."""


@dataclass(frozen=True)
class Microproblems:
    """Rows as on the Hub (`problem_id`, `question`, `solutions`, `input_output`, ...) with `family` and `split`."""

    train: tuple[Row, ...]
    eval_instances: tuple[Row, ...]
    """Unseen problems of the families in `train`."""
    eval_families: tuple[Row, ...]
    """Problems of families that are not in `train`."""
    short: Mapping[str, int]
    """The families that have fewer problems than were asked for, and how many those are."""

    def write(self, folder: Path) -> dict[str, Path]:
        """Write `FOLDER/SPLIT.jsonl` for each split, each file whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        files = {split: folder / f"{split}.jsonl" for split in SPLITS}
        for split, path in files.items():
            with whole_file(path) as file:
                file.writelines(f"{as_json(row)}\n".encode() for row in getattr(self, split))
        return files


def microproblems(seed: int = 0, instances: int = 12, families: Sequence[Family] = FAMILIES) -> Microproblems:
    """`instances` problems of each family; for a family that is trained on, a quarter of them is held out.

    The same arguments give the same bytes in every process and on every machine. `problem_id` counts the problems of
    one call. The rows of a split go round the families, so that its first n cover as many of them as they can.
    """
    if instances < 2:
        raise UserError(f"{instances} instances a family cannot be split", "ask for 2 or more")
    away = held_out(families)
    drawn: dict[str, list[tuple[int, Family, Parameters]]] = {split: [] for split in SPLITS}
    short = {}
    for family in families:
        chosen = list(choose(family, seed, instances, away=family.name in away))
        if len(chosen) < instances:
            short[family.name] = len(chosen)
        places: Counter[str] = Counter()
        for split, parameters in chosen:
            drawn[split].append((places[split], family, parameters))
            places[split] += 1
    rows: dict[str, tuple[Row, ...]] = {}
    first = 0
    for split in SPLITS:
        in_turn = sorted(drawn[split], key=lambda item: item[0])
        rows[split] = tuple(
            _problem(family, parameters, seed, split, number)
            for number, (_, family, parameters) in enumerate(in_turn, start=first)
        )
        first += len(in_turn)
    _refuse_duplicates(row for split in SPLITS for row in rows[split])
    return Microproblems(short=short, **rows)


def held_out(families: Iterable[Family]) -> frozenset[str]:
    """The families that are never trained on: the same share of the programs and of the functions."""
    names: dict[type, list[str]] = {}
    for family in families:
        names.setdefault(type(family.form), []).append(family.name)
    return frozenset(name for group in names.values() for name in _first(group, HELD_OUT))


def _first(names: Iterable[str], share: float) -> list[str]:
    """`share` of the names by the order of their hashes."""
    ordered = sorted(names, key=lambda name: seeded_hash(0, name))
    return ordered[: round(share * len(ordered))]


def choose(family: Family, seed: int, instances: int, *, away: bool) -> Iterator[tuple[str, Parameters]]:
    """Parameters without repetition, and the split of each; no seed moves parameters between train and the others."""
    rng = Random(f"{seed}/{family.name}")
    space = {f"{family.name}: {label(parameters)}": parameters for parameters in family.space()}
    if away:
        for name in rng.sample(list(space), min(instances, len(space))):
            yield EVAL_FAMILIES, space[name]
        return
    reserved = set(_first(space, HELD_OUT))
    seen = [name for name in space if name not in reserved]
    unseen = [name for name in space if name in reserved]
    few = math.ceil(instances * HELD_OUT)
    for split, names, wanted in ((TRAIN, seen, instances - few), (EVAL_INSTANCES, unseen, few)):
        for name in rng.sample(names, min(wanted, len(names))):
            yield split, space[name]


def _problem(family: Family, parameters: Parameters, seed: int, split: str, number: int) -> Row:
    rng = Random(f"{seed}/{family.name}/{label(parameters)}")
    form = family.form
    fn_name = rng.choice(form.names) if isinstance(form, Function) else None
    method = fn_name is not None and rng.random() < METHODS
    solutions = family.sources(parameters, fn_name)
    tests = _tests(rng, family, parameters, runner(solutions[0], fn_name))
    named = {"fn_name": fn_name} if fn_name else {}
    inputs, outputs = zip(*tests, strict=True)
    return {
        "problem_id": number,
        "question": question(rng, family, parameters, fn_name, tests),
        "solutions": as_json([as_method(source, str(fn_name)) if method else source for source in solutions]),
        "input_output": as_json(named | {"inputs": inputs, "outputs": outputs}),
        "difficulty": family.difficulty,
        "url": "",
        "starter_code": starter(family, fn_name, method=method),
        "family": family.name,
        "split": split,
    }


def _tests(rng: Random, family: Family, parameters: Parameters, answer: Callable[[Any], Any]) -> list[tuple[Any, Any]]:
    """Random inputs, each the one of the pool whose answer is the rarest so far, and after them the edge cases.

    So no single answer is right for all tests, and most branches are taken. The random ones come first because the
    first tests are the examples of the question.
    """
    edges = {as_json(given): given for given in family.edges(parameters)}
    pool = {as_json(given): given for given in (family.draw(rng, parameters) for _ in range(POOL))}
    always = [(given, answer(given)) for given in edges.values()]
    left = [(given, answer(given)) for key, given in pool.items() if key not in edges]
    times = Counter(as_json(expected) for _, expected in always)
    wanted = rng.randint(max(FEWEST_TESTS, len(always) + 2), MOST_TESTS)
    drawn: list[tuple[Any, Any]] = []
    while left and len(always) + len(drawn) < wanted:
        rarest = min(range(len(left)), key=lambda place: times[as_json(left[place][1])])
        drawn.append(left.pop(rarest))
        times[as_json(drawn[-1][1])] += 1
    tests = drawn + always
    if len(tests) < FEWEST_TESTS or len(times) < 2:
        raise ValueError(f"{family.name}: {len(tests)} tests with {len(times)} different answers ({label(parameters)})")
    return tests


def _refuse_duplicates(rows: Iterable[Row]) -> None:
    seen: dict[str, Row] = {}
    for row in rows:
        first = seen.setdefault(" ".join(row["question"].split()), row)
        if first is not row:
            raise ValueError(f"problems {first['problem_id']} and {row['problem_id']} ({row['family']}) are the same")
