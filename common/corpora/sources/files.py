"""Finding the files of a set, and reading them record by record, each with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NoReturn

from common.corpora.lines import Problem, json_objects, text_lines
from common.corpora.sources.config import SetConfig
from common.errors import ConfigError, DataError

Row = tuple[Path, int, dict[str, Any]]
"""File, line, record."""
Rows = Callable[[], Iterator[Row | Problem]]
"""Reads records from the beginning."""

_ALIASES = {"c++": "cpp", "c#": "csharp", "cs": "csharp", "c_sharp": "csharp", "js": "javascript", "py": "python"}


def language_name(published: str) -> str:
    """Our name of a language: `cpp`, `csharp`, `javascript` for what sets call C++, C#, Javascript or js."""
    key = published.strip().lower()
    return _ALIASES.get(key, key)


def chosen(config: SetConfig, there: Sequence[str]) -> list[str]:
    """The parts that the configuration asks for; raises `ConfigError` for one that is not there."""
    if not config.languages:
        return list(there)
    wanted = list(dict.fromkeys("-".join(map(language_name, name.split("-"))) for name in config.languages))
    if unknown := [name for name in wanted if name not in there]:
        raise ConfigError(
            f"{config.name} has no {', '.join(unknown)} here", f"there are {', '.join(sorted(there)) or 'none'}"
        )
    return wanted


def folder_of(config: SetConfig) -> Path:
    """The local copy; raises `DataError` where it does not exist."""
    assert config.path is not None
    if not config.path.exists():
        raise DataError(config.path, None, None, "no such file or folder", "check --path, or leave it out for the Hub")
    return config.path


def variant(folder: Path, *names: str) -> Path | None:
    """The first of these files that the folder holds, plain or `.gz`."""
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    return None


def jsonl(files: Sequence[Path]) -> Rows:
    """The records of JSONL files, one file after the other."""

    def read() -> Iterator[Row | Problem]:
        for file in files:
            for item in json_objects(file):
                yield item if isinstance(item, Problem) else (file, *item)

    return read


def json_array(path: Path) -> Iterator[Row | Problem]:
    """The objects of a JSON array, each with the line on which it begins.

    The text is held, the objects are not. Behind an object that is broken nothing can be read: one `Problem` says so.
    """
    lines: list[str] = []
    for item in text_lines(path, keep_blank=True):
        if isinstance(item, Problem):
            yield item
            lines.append("")
        else:
            lines.append(item[1])
    text = "\n".join(lines)
    decoder = json.JSONDecoder(parse_constant=_refuse)
    opening = re.match(r"\s*\[", text)
    if not opening:
        yield Problem(path, 1, None, "a JSON array is needed")
        return
    position, line, counted = opening.end(), 1, 0
    while (found := re.compile(r"[\s,]*([^\s,])").match(text, position)) and found[1] != "]":
        start = found.start(1)
        line, counted = line + text.count("\n", counted, start), start
        try:
            record, position = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            yield Problem(path, line, None, f"not JSON: {reason}; the rest of the file cannot be read")
            return
        if isinstance(record, dict):
            yield path, line, record
        else:
            yield Problem(path, line, None, "a JSON object is needed")
    if not found:
        yield Problem(path, len(lines), None, "the array does not end: the file is cut off")


def parallel_lines(files: Sequence[Path]) -> Iterator[tuple[int, tuple[str, ...]] | Problem]:
    """Line n of every file, for n from 1; where one of them is blank or no text, a `Problem` takes their place.

    Raises `DataError` where one file ends before another: from there on, or from long before, the lines do not pair.
    """
    for number, items in enumerate(zip_longest(*(text_lines(file, keep_blank=True) for file in files)), start=1):
        named = list(zip(files, items, strict=True))
        if None in items:
            longer = [
                file for file, item in named if item is not None and (isinstance(item, Problem) or item[1].strip())
            ]
            if longer:
                shorter = next(file for file, item in named if item is None)
                raise DataError(
                    shorter, number, None, f"ends before this line, which {longer[0].name} has: the lines do not pair",
                    "get both files again, from one release",
                )  # fmt: skip
            continue
        wrong = [item for item in items if isinstance(item, Problem)]
        wrong += [Problem(file, number, None, "blank, it pairs with nothing") for file, item in named if _blank(item)]
        if wrong:
            yield from wrong
        else:
            yield number, tuple(item[1] for item in items if isinstance(item, tuple))


def nothing_understood(path: Path, what: str, layouts: Sequence[str]) -> NoReturn:
    """Raise the `DataError` for a folder in none of the layouts."""
    raise DataError(
        path, None, None, f"no {what} in a layout that is understood",
        "understood (each file may be .gz): " + "; ".join(layouts),
    )  # fmt: skip


def _blank(item: object) -> bool:
    return isinstance(item, tuple) and not item[1].strip()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")
