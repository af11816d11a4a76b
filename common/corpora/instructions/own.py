"""Anyone's own files, JSONL, plain or `.gz`.

A line says an `Example` (record.py), or the same under the names that others use: `prompt` for the instruction,
`completion`, `output` or `response` for the code, and an `input`, which goes below the instruction.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.corpora.instructions.config import JsonlOptions
from common.corpora.instructions.record import Example, parse_example
from common.corpora.instructions.source import Found, held_out
from common.corpora.lines import Problem, why_not_text
from common.corpora.selection import normalised
from common.corpora.sources.files import jsonl
from common.corpora.splits import DEV, TEST, TRAIN
from common.errors import ConfigError

NAME = "jsonl"
ALIASES = {"instruction": ("prompt",), "code": ("completion", "output", "response")}


def open_jsonl(options: JsonlOptions, seed: int) -> Found:
    """Train, dev and the test sets, each named after its file, or `jsonl` where it is held out.

    What is held out is whole problems, or tasks where no problem is named. Raises `DataError` where a file is missing,
    `ConfigError` where two test files have one name.
    """
    found = Found(NAME)
    examples = found.take(jsonl(options.train)(), own_example)
    splits = held_out(
        examples, lambda example: example.problem_id or normalised(example.instruction) or example.instruction,
        dev_share=0.0 if options.dev else options.dev_share,
        test_share=0.0 if options.tests else options.test_share, seed=seed,
    )  # fmt: skip
    found.train = splits[TRAIN]
    found.dev = found.take(jsonl([options.dev])(), own_example) if options.dev else splits[DEV]
    if not options.tests:
        found.tests[NAME] = splits[TEST]
    for path in options.tests:
        name = path.name.split(".")[0]
        if name in found.tests or name == DEV:
            raise ConfigError(f"{name!r} names two sets", "give the test files different names, none of them `dev`")
        found.tests[name] = found.take(jsonl([path])(), own_example)
    return found


def own_example(path: Path, line: int, record: Mapping[str, Any]) -> Example | Problem:
    """The example that a line says, under whichever names."""
    told = dict(record)
    for field, others in ALIASES.items():
        for other in others:
            if field not in told and other in told:
                told[field] = told.pop(other)
    if "input" in told:
        if told["input"] is not None and (reason := why_not_text(told, "input", may_be_empty=True)):
            return Problem(path, line, "input", reason)
        more = told.pop("input") or ""
        if more.strip() and isinstance(told.get("instruction"), str):
            told["instruction"] += f"\n{more}"
    return parse_example(path, line, told)
