"""A problem of APPS (Hendrycks et al. 2021) in the layout of the Hub's `codeparrot/apps`.

    {"problem_id": 7, "question": "...", "input_output": "{...}", "solutions": "[...]", "difficulty": "interview",
     "starter_code": "", "url": "..."}

`input_output` is text that holds JSON, `{"inputs": [...], "outputs": [...], "fn_name": "..."}`, or nothing where there
are no tests; `solutions` is text that holds a JSON list. With `fn_name` every input is the list of arguments of one
call. Without, every input is what a program reads, a text or a list of lines, and every output what it must print.
Arguments and outputs stay as JSON gives them: keys of objects are strings, and an output may be the expected value or a
list with that as its only element. Making sense of that is the verdict's business. Where several answers are right an
output may be `{"any_of": [...]}`, which is our addition: APPS itself has one answer a test.

`solutions`, `difficulty`, `starter_code` and `url` may be absent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from keyword import iskeyword
from typing import Any

from common.corpora.lines import is_unicode
from common.corpora.problems.integers import long_integers, parse_json
from common.corpora.problems.record import ANY_OF, CodeProblem, Kind, Note, Unusable, accepted, needed, optional

LARGEST_TEST = 64 * 2**20
"""Bytes of one test's input. The largest text of tests in APPS' training set is 1.2 MB for 49 tests."""

_TESTS = "input_output"


def parse_apps(key: str, record: Mapping[str, Any], note: Note, largest: int = LARGEST_TEST) -> CodeProblem:
    """The problem that a row says; raises `Unusable`. Solutions that cannot be read cost nothing but a note."""
    question = needed(record, "question")
    kind, fn_name, inputs, outputs = _tests(record, largest)
    return CodeProblem(
        id=key,
        question=question,
        kind=kind,
        inputs=inputs,
        outputs=outputs,
        fn_name=fn_name,
        starter_code=optional(record, "starter_code"),
        difficulty=optional(record, "difficulty"),
        solutions=_solutions(record.get("solutions"), note),
    )


def _tests(record: Mapping[str, Any], largest: int) -> tuple[Kind, str | None, tuple[Any, ...], tuple[Any, ...]]:
    """(kind, function, inputs, outputs)."""
    if _TESTS not in record:
        raise Unusable(_TESTS, "missing")
    value = record[_TESTS]
    if value is None or value == "" or (isinstance(value, str) and value.isspace()):
        return "stdin", None, (), ()
    if not isinstance(value, str):
        raise Unusable(_TESTS, "a string that holds JSON is needed")
    try:
        tests = parse_json(value)
    except ValueError as error:
        raise Unusable(_TESTS, f"not JSON: {error}") from None
    if not isinstance(tests, dict):
        raise Unusable(_TESTS, "the text must hold a JSON object")
    for name in ("inputs", "outputs"):
        if not isinstance(tests.get(name), list):
            raise Unusable(_TESTS, f"no list `{name}` in it")
    inputs, outputs = tests["inputs"], tests["outputs"]
    if len(inputs) != len(outputs):
        raise Unusable(_TESTS, f"{len(inputs)} inputs, but {len(outputs)} outputs")
    fn_name = tests.get("fn_name") or None
    if not inputs:  # a bad name harms nobody here; APPS has eight such
        return ("call", str(fn_name), (), ()) if fn_name else ("stdin", None, (), ())
    for i, output in enumerate(outputs):
        if not accepted(output):
            raise Unusable(_TESTS, f"outputs[{i}] accepts nothing: `{ANY_OF}` is empty")
    if fn_name is None:
        texts = [_text(text, f"inputs[{i}]", largest) for i, text in enumerate(inputs)]
        for i, output in enumerate(outputs):
            for text in accepted(output):
                _text(text, f"outputs[{i}]", largest)
        return "stdin", None, tuple(texts), tuple(outputs)
    if not isinstance(fn_name, str) or not fn_name.isidentifier() or iskeyword(fn_name):
        raise Unusable(_TESTS, f"fn_name {fn_name!r} is no name that a function can have")
    for i, arguments in enumerate(inputs):
        if not isinstance(arguments, list):
            raise Unusable(_TESTS, f"inputs[{i}] is no list of arguments")
        if len(value) > largest and (size := _written(arguments)) > largest:
            raise Unusable(_TESTS, _too_large(f"inputs[{i}]", size, largest))
    return "call", fn_name, tuple(inputs), tuple(outputs)


def _text(value: object, where: str, largest: int) -> str:
    """What a program reads or prints, lists of lines joined."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "\n".join(value)
    if not isinstance(value, str):
        raise Unusable(_TESTS, f"{where} is neither a text nor a list of lines")
    if not is_unicode(value):
        raise Unusable(_TESTS, f"{where} holds half of a surrogate pair, which no program can read or print")
    if len(value) > largest // 4 and (size := len(value.encode())) > largest:
        raise Unusable(_TESTS, _too_large(where, size, largest))
    return value


def _written(value: object) -> int:
    with long_integers():
        return len(json.dumps(value))


def _too_large(where: str, size: int, largest: int) -> str:
    return f"{where} has {size:,} bytes, more than the {largest:,} that a test may have"


def _solutions(value: object, note: Note) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    try:
        found = parse_json(value) if isinstance(value, str) else value
    except ValueError as error:
        note("solutions", f"not JSON: {error}; read as none")
        return ()
    if not isinstance(found, list):
        note("solutions", "no list; read as none")
        return ()
    good = tuple(code for code in found if isinstance(code, str) and is_unicode(code))
    if len(good) < len(found):
        note("solutions", f"{len(found) - len(good)} of {len(found)} are no text; left out")
    return good
