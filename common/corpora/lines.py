"""Reading JSONL and TSV line by line: what is good is kept, what is bad is reported with its place."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from common.errors import DataError


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a file; `line` counts from 1."""

    path: Path
    line: int | None
    field: str | None
    reason: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line is not None else str(self.path)
        return f"{place}: field {self.field!r}: {self.reason}" if self.field else f"{place}: {self.reason}"


def text_lines(path: Path, *, keep_blank: bool = False) -> Iterator[tuple[int, str] | Problem]:
    """The lines that are not blank, or all with `keep_blank`, numbered; `.gz` is unpacked.

    A line that is not UTF-8 is a `Problem`, and so is the place where a damaged `.gz` breaks off. Raises `DataError`
    where the file cannot be opened.
    """
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for raw in file:
                number += 1
                try:
                    text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    yield Problem(path, number, None, f"not UTF-8 at byte {error.start + 1} of the line")
                    continue
                if keep_blank or text.strip():
                    yield number, text
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        yield Problem(path, number + 1, None, f"damaged gzip: {error}")
    except FileNotFoundError:
        raise DataError(path, None, None, "no such file", "check the path") from None
    except OSError as error:
        raise DataError(path, None, None, f"cannot be read: {error.strerror or error}") from error


def json_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]] | Problem]:
    """The JSON objects of a JSONL file, numbered by line; anything else is a `Problem`. Raises like `text_lines`."""
    for item in text_lines(path):
        if isinstance(item, Problem):
            yield item
            continue
        number, text = item
        try:
            value = json.loads(text, parse_constant=_refuse)
        except RecursionError:
            yield Problem(path, number, None, "JSON nested too deeply")
        except json.JSONDecodeError as error:
            yield Problem(path, number, None, f"not JSON: {error.msg} at column {error.colno}")
        except ValueError as error:  # a NaN, or an integer of thousands of digits
            yield Problem(path, number, None, f"not JSON: {error}")
        else:
            if isinstance(value, dict):
                yield number, value
            else:
                yield Problem(path, number, None, f"a JSON object is needed, not {_kind(value)}")


def why_not_text(record: Mapping[str, Any], field: str, *, may_be_empty: bool = False) -> str | None:
    """Why `record[field]` is no usable text, None where it is."""
    if field not in record:
        return "missing"
    value = record[field]
    if not isinstance(value, str):
        return f"a string is needed, not {_kind(value)}"
    if not may_be_empty and not value.strip():
        return "empty"
    if "\0" in value:
        return "holds a NUL character"
    if not is_unicode(value):
        return "holds half of a surrogate pair, which is no character"
    return None


def is_unicode(text: str) -> bool:
    """Whether the text can be written as UTF-8; JSON's and Python's escapes can spell text that cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def json_line(path: Path, number: int, record: Mapping[str, Any]) -> str:
    """One line of JSONL; raises `DataError` for values that JSON or UTF-8 cannot hold."""
    try:
        line = json.dumps(record, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DataError(path, number, None, f"cannot be written as JSON: {error}") from error
    if not is_unicode(line):
        raise DataError(path, number, None, "holds half of a surrogate pair, which UTF-8 cannot write")
    return line + "\n"


def refuse_empty(path: Path, what: str, problems: Sequence[Problem]) -> NoReturn:
    """Raise the `DataError` for a file with nothing usable in it, with its first bad line."""
    remedy = "common/corpora/pairs.py and common/corpora/beir.py describe the formats"
    here = [problem for problem in problems if problem.path == path]
    if not here:
        raise DataError(path, None, None, f"the file is empty, it holds no {what}", remedy)
    first = here[0]
    raise DataError(
        path, first.line, first.field, f"{first.reason} (no usable {what} in this file, {len(here)} bad)", remedy
    )


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")


def _kind(value: object) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
