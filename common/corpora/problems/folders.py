"""APPS as it was first released: a folder for each problem.

    FOLDER/0007/question.txt, input_output.json, solutions.json, metadata.json, starter_code.py

Only question.txt is always there; a problem without input_output.json has no tests. The name is the id, and a number
counts as such (0007 is 7), so that ids agree with the Hub's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common.corpora.lines import Problem
from common.corpora.problems.integers import parse_json
from common.corpora.problems.record import Notice
from common.errors import DataError

FILES = {
    "question": "question.txt",
    "input_output": "input_output.json",
    "solutions": "solutions.json",
    "starter_code": "starter_code.py",
}
METADATA = "metadata.json"


def is_problem(folder: Path) -> bool:
    """Whether the folder is that of one problem."""
    return folder.is_dir() and any((folder / name).is_file() for name in FILES.values())


def holds_problems(folder: Path) -> bool:
    """Whether the folder is one problem's or holds such folders."""
    return is_problem(folder) or any(is_problem(child) for child in folder.iterdir())


def folder_rows(folder: Path) -> Iterator[tuple[Path, None, dict[str, Any]] | Problem]:
    """Rows as the Hub's file has them, in the order of the names. Raises `DataError` where none can be read."""
    if is_problem(folder):
        yield from _row(folder)
        return
    try:
        children = sorted(child for child in folder.iterdir() if child.is_dir())
    except OSError as error:
        raise DataError(folder, None, None, f"cannot be read: {error.strerror or error}") from error
    for child in children:
        if is_problem(child):
            yield from _row(child)
        else:
            yield Problem(child, None, None, f"no folder of a problem: it has no {FILES['question']}")


def _row(folder: Path) -> Iterator[tuple[Path, None, dict[str, Any]] | Problem]:
    name = folder.resolve().name
    record: dict[str, Any] = {
        "problem_id": int(name) if name.isascii() and name.isdigit() else name,
        "input_output": None,
    }
    for field, file in FILES.items():
        try:
            if (text := _read(folder / file)) is not None:
                record[field] = text
        except ValueError as error:
            yield Problem(folder / file, None, None, str(error))
            return
    try:
        metadata = parse_json(_read(folder / METADATA) or "{}")
        record["difficulty"] = metadata.get("difficulty") if isinstance(metadata, dict) else None
    except ValueError as error:
        yield Notice(folder / METADATA, None, None, f"{error}; difficulty unknown")
    yield folder, None, record


def _read(path: Path) -> str | None:
    """The text of a file, None where there is none; raises ValueError where it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start + 1}") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from None
