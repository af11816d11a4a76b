"""One programming problem with its tests, and what reading a file of them gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from common.corpora.lines import Problem, why_not_text

Kind = Literal["stdin", "call", "script"]


@dataclass(frozen=True)
class CodeProblem:
    """A problem; test i is `inputs[i]` with `outputs[i]`. One without tests has no inputs."""

    id: str
    """Unique in a set; APPS' number as text, else the name in the file (`HumanEval/3`)."""
    question: str
    kind: Kind
    """`stdin`: a program that reads and prints; `call`: a function that is called; `script`: code that is run below the
    candidate and raises where it is wrong."""
    inputs: tuple[Any, ...]
    """stdin: the text; call: the list of arguments, JSON values; script: the script."""
    outputs: tuple[Any, ...]
    """What is expected, as the file says it: for stdin a text or a list of lines; for both `accepted` takes several
    right answers apart. Empty for scripts."""
    fn_name: str | None
    """The function to call (`call`), or the one that the script calls (HumanEval)."""
    starter_code: str
    difficulty: str
    solutions: tuple[str, ...]
    """Known solutions, in the form of candidates: `program` makes programs of them."""
    prompt_prefix: str = ""
    """What a candidate is a continuation of (HumanEval)."""

    @property
    def tested(self) -> bool:
        """Whether there is anything to run a candidate with."""
        return bool(self.inputs)

    def program(self, code: str) -> str:
        """The program that a candidate's code stands for."""
        return self.prompt_prefix + code


@dataclass(frozen=True)
class ProblemSet:
    """What a file held: problems with tests in order, what is wrong with others, and the ids of those without tests."""

    problems: tuple[CodeProblem, ...]
    problems_found: tuple[Problem, ...]
    without_tests: tuple[str, ...]


@dataclass(frozen=True)
class Notice(Problem):
    """Something odd that costs nothing: the record that it is about is used."""


class Unusable(Exception):
    """Why a record is no problem; the reader makes a `Problem` of it. Never leaves this package."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason


Note = Callable[[str, str], None]
"""Takes field and reason of a `Notice`."""


ANY_OF = "any_of"


def accepted(expected: Any) -> Sequence[Any]:
    """The answers that are right: those of an output `{"any_of": [...]}`, else the output itself."""
    if isinstance(expected, dict) and expected.keys() == {ANY_OF} and isinstance(expected[ANY_OF], list):
        return expected[ANY_OF]
    return (expected,)


def identifier(record: Mapping[str, Any], field: str) -> str:
    """An id, which files write as integer or text; raises `Unusable`."""
    value = record.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if field in record and not isinstance(value, str):
        raise Unusable(field, "an integer or a string is needed")
    text = needed(record, field)
    if text != text.strip() or re.search(r"[\t\r\n]", text):
        raise Unusable(field, f"{text!r} holds a tab, a line break or outer blanks")
    return text


def needed(record: Mapping[str, Any], field: str) -> str:
    """A text that must be there and not be blank; raises `Unusable`."""
    if reason := why_not_text(record, field):
        raise Unusable(field, reason)
    return record[field]


def optional(record: Mapping[str, Any], field: str) -> str:
    """A text that may be absent, null or blank; raises `Unusable` for what is no text."""
    if record.get(field) is None:
        return ""
    if reason := why_not_text(record, field, may_be_empty=True):
        raise Unusable(field, reason)
    return record[field]
