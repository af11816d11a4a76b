"""APPS (Hendrycks et al. 2021) for tuning: 4,500 problems to train on, 500 for dev, 250 of each level for the test.

As in the study's package the training problems are shuffled, the first 500 are dev, and the first 250 tested problems
of each level of the test file are the test set. The shuffle is NumPy's of the seed over the rows of the file, which is
what `datasets` does: with seed 42 over the Hub's file dev is the study's. One random solution stands for a problem.

    FOLDER/train.jsonl, test.jsonl (or .jsonl.gz)         the Hub's files
    FOLDER/train/0000/question.txt, ...; FOLDER/test/...  the first release
    FILE, or a folder of problems                         problems to train on, from which the test set is held out

A problem without solutions is not trained on; one without tests is in no test set and has no row among the dev
problems. From the Hub: `codeparrot/apps`, built and not run.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

import numpy as np

from common.corpora.instructions.config import AppsOptions
from common.corpora.instructions.record import Example
from common.corpora.instructions.source import Found, Row
from common.corpora.lines import Problem
from common.corpora.problems.hub import stream_hub
from common.corpora.problems.integers import long_integers
from common.corpora.problems.reading import stream_problems
from common.corpora.problems.record import CodeProblem, Notice
from common.corpora.sources.files import variant
from common.errors import DataError

DEV_SHARE, TEST_SHARE = 0.1, 0.15
"""At most so much of the training problems is held out: 500 of 5,000, and where there is no test file 750 of 5,000."""

Stream = Iterator[CodeProblem | Problem]


def open_apps(options: AppsOptions, seed: int) -> Found:
    """Train, dev and the test set `apps`, with the problems of both. Raises `DataError` where no problems are there."""
    found = Found("apps")
    train, test = _streams(options.path)
    problems = _read(found, train)
    order = np.random.default_rng(seed).permutation(len(problems)).tolist()
    if test is None:
        chosen = _held_out(found, problems, order, options, seed)
        order = [row for row in order if row not in chosen]
    else:
        _test(found, (item for item in _counted(found, test) if item is not None), options, seed)
    count = min(options.validation, int(DEV_SHARE * len(problems)))
    dev, rest = order[:count], sorted(order[count:])
    found.train = [example for row in rest if (example := _example(found, problems[row], seed))]
    found.dev = []
    for row in dev:
        if example := _example(found, problems[row], seed):
            _add(found, found.dev, "dev", problems[row], example)
    return found


def _streams(path: Path | None) -> tuple[Stream, Stream | None]:
    """Problems to train on, and to test with where there are others."""
    if path is None:
        return stream_hub("apps", "train"), stream_hub("apps", "test")
    if not path.exists():
        raise DataError(path, None, None, "no such file or folder", "check apps.path, or leave it out for the Hub")
    train, test = ((variant(path, f"{split}.jsonl") or _folder(path / split)) for split in ("train", "test"))
    if train is None:
        return stream_problems(path, "apps"), None
    return stream_problems(train, "apps"), stream_problems(test, "apps") if test else None


def _folder(path: Path) -> Path | None:
    return path if path.is_dir() else None


def _counted(found: Found, stream: Iterable[CodeProblem | Problem]) -> Iterator[CodeProblem | None]:
    """The problems; None in the place of a row that is none, since the shuffle is over rows."""
    for item in stream:
        if isinstance(item, Problem):
            found.wrong.append(item)
            if isinstance(item, Notice):
                continue
        found.read += 1
        yield None if isinstance(item, Problem) else item


def _read(found: Found, stream: Stream) -> list[CodeProblem | None]:
    return list(_counted(found, stream))


def _test(found: Found, problems: Iterable[CodeProblem], options: AppsOptions, seed: int) -> None:
    """The first tested problems of each level, which need no known solution."""
    taken: Counter[str] = Counter()
    test = found.tests.setdefault(found.name, [])
    for problem in problems:
        if not problem.tested:
            found.dropped["test problem without tests"] += 1
        elif taken[problem.difficulty] == options.test_per_level:
            found.dropped[f"test problem over {options.test_per_level} of its level"] += 1
        else:
            taken[problem.difficulty] += 1
            _add(found, test, found.name, problem, _of(problem, seed))


def _held_out(
    found: Found, problems: list[CodeProblem | None], order: list[int], options: AppsOptions, seed: int
) -> set[int]:
    """The rows that become the test set: the first in the order that have tests and solutions, by level."""
    sizes = Counter(problem.difficulty for problem in problems if problem)
    quota = {level: min(options.test_per_level, int(TEST_SHARE * size)) for level, size in sizes.items()}
    rows: dict[str, list[int]] = defaultdict(list)
    for row in order:
        problem = problems[row]
        usable = problem and problem.tested and problem.solutions
        if problem and usable and len(rows[problem.difficulty]) < quota[problem.difficulty]:
            rows[problem.difficulty].append(row)
    chosen = {row for level in rows.values() for row in level}
    test = found.tests.setdefault(found.name, [])
    for row in sorted(chosen):
        problem = problems[row]
        assert problem is not None
        _add(found, test, found.name, problem, _of(problem, seed))
    return chosen


def _example(found: Found, problem: CodeProblem | None, seed: int) -> Example | None:
    """The example of a problem to train on, where it has a solution; a row that is no problem was named before."""
    if problem is None:
        return None
    if not any(solution.strip() for solution in problem.solutions):
        found.dropped["training problem without solutions"] += 1
        return None
    return _of(problem, seed)


def _of(problem: CodeProblem, seed: int) -> Example:
    """One random solution stands for the problem, the same for the same seed and id."""
    solutions = [solution for solution in problem.solutions if solution.strip()]
    return Example(
        id=f"apps/{problem.id}",
        instruction=problem.question,
        code=Random(f"{seed}/{problem.id}").choice(solutions) if solutions else "",
        starter_code=problem.starter_code,
        form="call" if problem.kind == "call" or problem.fn_name else "stdin",
        problem_id=problem.id if problem.tested else None,
        extra={"difficulty": problem.difficulty} if problem.difficulty else {},
    )


def _add(found: Found, examples: list[Example], name: str, problem: CodeProblem, example: Example) -> None:
    examples.append(example)
    if problem.tested:
        found.problems.setdefault(name, []).append(row_of(problem, example.code))


def row_of(problem: CodeProblem, solution: str) -> Row:
    """A row of the Hub's layout that says the same problem, with one solution at most."""
    named = {"fn_name": problem.fn_name} if problem.fn_name else {}
    with long_integers():
        tests = json.dumps({**named, "inputs": problem.inputs, "outputs": problem.outputs}, ensure_ascii=False)
    return {
        "problem_id": problem.id,
        "question": problem.question,
        "solutions": json.dumps([solution] if solution else [], ensure_ascii=False),
        "input_output": tests,
        "difficulty": problem.difficulty,
        "url": "",
        "starter_code": problem.starter_code,
    }
