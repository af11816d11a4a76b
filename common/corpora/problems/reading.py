"""From a file or a folder to the problems in it, whatever their layout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from common.corpora.lines import Problem, json_objects
from common.corpora.problems.apps import LARGEST_TEST, parse_apps
from common.corpora.problems.folders import folder_rows, holds_problems
from common.corpora.problems.record import CodeProblem, Note, Notice, ProblemSet, Unusable, identifier
from common.corpora.problems.scripts import parse_humaneval, parse_mbpp
from common.corpora.sources.files import json_array, nothing_understood
from common.errors import DataError

Layout = Literal["apps", "humaneval", "mbpp"]
Row = tuple[Path, int | None, dict[str, Any]]
"""File or folder, line, record."""

LAYOUTS = (
    "APPS: *.jsonl with problem_id, question and input_output, or folders with question.txt",
    "HumanEval: *.jsonl with task_id, prompt, entry_point and test",
    "MBPP: *.jsonl or a *.json array with task_id, text or prompt, and test_list",
)
_ID = {"apps": "problem_id", "humaneval": "task_id", "mbpp": "task_id"}
_TELLING: tuple[tuple[Layout, frozenset[str]], ...] = (
    ("apps", frozenset({"problem_id", "question"})),
    ("apps", frozenset({"input_output"})),
    ("humaneval", frozenset({"entry_point"})),
    ("mbpp", frozenset({"test_list"})),
)
_ENDINGS = (".jsonl", ".json", ".jsonl.gz", ".json.gz")


def read_problems(
    path: Path | str, layout: Layout | Literal["auto"] = "auto", *, largest: int = LARGEST_TEST
) -> ProblemSet:
    """All problems of a file or folder, and what is wrong with the others.

    Raises `DataError` where it is missing, of no known layout, or without a usable problem. The tests of a whole set
    may be gigabytes: where one problem after the other will do, take `stream_problems`.
    """
    return collect(Path(path), stream_problems(path, layout, largest=largest))


def stream_problems(
    path: Path | str, layout: Layout | Literal["auto"] = "auto", *, largest: int = LARGEST_TEST
) -> Iterator[CodeProblem | Problem]:
    """The problems one by one, those without tests as well (`tested` is false), and what is wrong with the others.

    Of two good ones with one id the first counts. A problem with an input of more than `largest` bytes is not used.
    Raises `DataError` where the path is missing or of no known layout.
    """
    path = Path(path)
    file = _file_of(path, layout)
    if file is None:
        return parsed("apps", folder_rows(path), largest=largest)
    return parsed(_layout_of(file) if layout == "auto" else layout, _rows(file), largest=largest)


def parsed(
    layout: Layout, rows: Iterable[Row | Problem], *, largest: int = LARGEST_TEST
) -> Iterator[CodeProblem | Problem]:
    """The problems that rows say, and what is wrong with the others."""
    parsers: dict[Layout, Callable[[str, Mapping[str, Any], Note], CodeProblem]] = {
        "apps": partial(parse_apps, largest=largest),
        "humaneval": parse_humaneval,
        "mbpp": parse_mbpp,
    }
    first: dict[str, str] = {}
    odd: list[tuple[str, str]] = []
    for row in rows:
        if isinstance(row, Problem):
            yield row
            continue
        path, line, record = row
        odd.clear()
        key = ""
        try:
            key = identifier(record, _ID[layout])
            if key in first:
                raise Unusable(_ID[layout], f"was there before ({first[key]}); the first one counts")
            problem = parsers[layout](key, record, lambda field, reason: odd.append((field, reason)))
        except Unusable as error:
            yield Problem(path, line, error.field, f"problem {key}: {error.reason}" if key else error.reason)
            continue
        first[key] = f"line {line}" if line is not None else path.name
        for field, reason in odd:
            yield Notice(path, line, field, f"problem {key}: {reason}")
        yield problem


def collect(path: Path, items: Iterable[CodeProblem | Problem]) -> ProblemSet:
    """The set that a stream holds. Raises `DataError`, with the first bad place, where there is no problem in it."""
    problems: list[CodeProblem] = []
    wrong: list[Problem] = []
    without: list[str] = []
    for item in items:
        if isinstance(item, Problem):
            wrong.append(item)
        elif item.tested:
            problems.append(item)
        else:
            without.append(item.id)
    if not problems and not without:
        if not wrong:
            raise DataError(path, None, None, "it holds no problem", "; ".join(LAYOUTS))
        reason = f"{wrong[0].reason} (no usable problem in {path.name}, {len(wrong)} bad)"
        raise DataError(wrong[0].path, wrong[0].line, wrong[0].field, reason, "; ".join(LAYOUTS))
    return ProblemSet(tuple(problems), tuple(wrong), tuple(without))


def _file_of(path: Path, layout: str) -> Path | None:
    """The file to read, None where the path is a folder of folders."""
    if not path.exists():
        raise DataError(path, None, None, "no such file or folder", "check the path")
    if not path.is_dir():
        return path
    if layout in ("auto", "apps") and holds_problems(path):
        return None
    files = sorted(file for file in path.iterdir() if file.name.endswith(_ENDINGS) and file.is_file())
    folders = sorted(child for child in path.iterdir() if child.is_dir() and holds_problems(child))
    if not files and not folders:
        nothing_understood(path, "problems", LAYOUTS)
    if len(files) != 1:
        names = ", ".join(meant.name for meant in [*files, *folders])
        raise DataError(path, None, None, f"which is meant: {names}?", "name it as the path")
    return files[0]


def _rows(file: Path) -> Iterator[Row | Problem]:
    if file.name.endswith((".json", ".json.gz")):
        yield from json_array(file)
        return
    for item in json_objects(file):
        yield item if isinstance(item, Problem) else (file, *item)


def _layout_of(file: Path) -> Layout:
    """The layout that the first telling record has."""
    wrong: list[Problem] = []
    for row in _rows(file):
        if isinstance(row, Problem):
            wrong.append(row)
            continue
        for layout, fields in _TELLING:
            if fields <= row[2].keys():
                return layout
    first = f" (first bad line: {wrong[0]})" if wrong else ""
    raise DataError(file, None, None, f"no record has the fields of a problem{first}", "; ".join(LAYOUTS))
