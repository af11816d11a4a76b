"""One task to write code for, and its reference answer; as JSONL, plain or `.gz`:

    {"id": "conala/41067960", "instruction": "...", "code": "...", "starter_code": "", "form": "call",
     "problem_id": "7"}

Only `instruction` and `code` must be there. `form` says what a program of a problem with tests is: one that reads and
prints (`stdin`) or a function that is called (`call`). `problem_id` names a row of the set's file of problems; the code
may be empty only there, since tests can score an answer without a reference. Further keys are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from common.corpora.lines import Problem, json_line, json_objects, why_not_text
from common.errors import DataError
from common.runs import whole_file

Form = Literal["stdin", "call"]
FIELDS = ("id", "instruction", "code", "starter_code", "form", "problem_id")
_NEEDED = 'one {"instruction": ..., "code": ...} a line'


@dataclass(frozen=True)
class Example:
    """A task and its answer; `extra` holds what else the line said (JSON values)."""

    id: str
    """Unique in a set."""
    instruction: str
    code: str
    """The reference answer, a whole program or snippet; empty where a problem has no known solution."""
    starter_code: str = ""
    """What the answer has to begin with, where a problem says so."""
    form: Form | None = None
    problem_id: str | None = None
    """The problem whose tests score answers, unique in a set; several examples may answer one problem."""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ExamplesFile:
    """What a file held: its good examples in order, and what is wrong with the other lines."""

    examples: tuple[Example, ...]
    problems: tuple[Problem, ...]


def read_examples(path: Path | str) -> ExamplesFile:
    """Read examples; bad lines are kept out and named.

    Raises `DataError` where the file is missing, empty or without one good example.
    """
    path = Path(path)
    examples: list[Example] = []
    problems: list[Problem] = []
    for item in stream_examples(path):
        if isinstance(item, Problem):
            problems.append(item)
        else:
            examples.append(item)
    if not examples:
        refuse_empty(path, problems)
    return ExamplesFile(tuple(examples), tuple(problems))


def stream_examples(path: Path) -> Iterator[Example | Problem]:
    """The examples of a file one by one, and what is wrong with the others; of two with one id the first counts.

    Raises `DataError` where the file cannot be opened.
    """
    seen: set[str] = set()
    for item in json_objects(path):
        if isinstance(item, Problem):
            yield item
            continue
        example = parse_example(path, *item)
        if isinstance(example, Example):
            if example.id in seen:
                yield Problem(path, item[0], "id", f"{example.id!r} was there before; the first one counts")
                continue
            seen.add(example.id)
        yield example


def parse_example(path: Path, line: int, record: Mapping[str, Any]) -> Example | Problem:
    """The example that a line says, or what is wrong with it; one without an id is named after file and line."""
    given = {"id": f"{path.name.split('.')[0]}-{line}", "starter_code": "", "form": None, "problem_id": None, **record}
    for name in ("id", "problem_id"):
        if isinstance(given[name], int) and not isinstance(given[name], bool):
            given[name] = str(given[name])
    for name in FIELDS:
        if name in ("form", "problem_id") and given[name] is None:
            continue
        may_be_empty = name == "starter_code" or (name == "code" and given["problem_id"] is not None)
        if reason := why_not_text(given, name, may_be_empty=may_be_empty):
            return Problem(path, line, name, reason)
    if given["form"] not in (None, "stdin", "call"):
        return Problem(path, line, "form", f"stdin or call is needed, not {given['form']!r}")
    extra = {key: value for key, value in record.items() if key not in FIELDS}
    return Example(**{name: given[name] for name in FIELDS}, extra=extra)


def write_examples(path: Path | str, examples: Iterable[Example]) -> None:
    """Write plain JSONL, whole or not at all. Raises `DataError` for an example that `read_examples` would refuse."""
    path = Path(path)
    if path.suffix == ".gz":
        raise DataError(path, None, None, "examples are written as plain JSONL", "name the file *.jsonl")
    seen: set[str] = set()
    with whole_file(path) as file:
        for number, example in enumerate(examples, start=1):
            if taken := sorted(set(FIELDS) & set(example.extra)):
                raise DataError(path, number, taken[0], "an extra key must not be named like a field of the example")
            record = record_of(example)
            problem = parse_example(path, number, record)
            if isinstance(problem, Problem):
                raise DataError(path, number, problem.field, problem.reason)
            if example.id in seen:
                raise DataError(path, number, "id", f"{example.id!r} was there before")
            seen.add(example.id)
            file.write(json_line(path, number, record).encode())


def record_of(example: Example) -> dict[str, Any]:
    """The JSON object of an example; what it does not have is left out."""
    optional = {name: getattr(example, name) for name in ("starter_code", "form", "problem_id")}
    told = {name: value for name, value in optional.items() if value not in ("", None)}
    return {"id": example.id, "instruction": example.instruction, "code": example.code, **told, **example.extra}


def refuse_empty(path: Path, problems: list[Problem]) -> None:
    """Raise the `DataError` for a file without a usable example, with its first bad line."""
    if not problems:
        raise DataError(path, None, None, "the file is empty, it holds no example", _NEEDED)
    first = problems[0]
    reason = f"{first.reason} (no usable example in this file, {len(problems)} bad)"
    raise DataError(first.path, first.line, first.field, reason, _NEEDED)
