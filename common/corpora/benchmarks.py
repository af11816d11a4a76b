"""Benchmarks as they are published, read for decontamination only: what they ask, and the code that answers.

A BEIR folder, or JSONL (`.gz` too) whose lines are recognised by their fields: our pairs (`query`, `document`),
HumanEval and HumanEval-X (`prompt`, `canonical_solution`), MBPP (`text` or `prompt`, `code`), APPS (`question`,
`solutions`). Code is compared as mined code is: function by function and without documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from common.corpora.lines import Problem, json_objects, refuse_empty, why_not_text
from common.corpora.mining.languages import LANGUAGES, parse_file
from common.corpora.mining.rules import summary
from common.corpora.selection import Benchmark
from common.errors import DataError

_NAMES = {"js": "javascript", "c++": "cpp", "humaneval": "python"}
_COMMENT = re.compile(r"/\*+(.*?)\*/", re.DOTALL)
Texts = tuple[list[str], list[str]]


def read_benchmark(path: Path) -> tuple[Benchmark, tuple[Problem, ...]]:
    """The texts of a benchmark, and its bad lines. Raises `DataError` where nothing in it can be used."""
    problems: list[Problem] = []
    queries: list[str] = []
    documents: list[str] = []
    for file in _files(path):
        for item in json_objects(file):
            found = item if isinstance(item, Problem) else _texts(file, *item)
            if isinstance(found, Problem):
                problems.append(found)
                continue
            queries += found[0]
            documents += found[1]
    if not documents:
        refuse_empty(_files(path)[0], "code of a benchmark", problems)
    name = path.name.removesuffix(".gz").removesuffix(".jsonl")
    return Benchmark(name, tuple(dict.fromkeys(queries)), tuple(dict.fromkeys(documents))), tuple(problems)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise DataError(path, None, None, "no such benchmark", "give a BEIR folder or a JSONL file")
    if not path.is_dir():
        return [path]
    found = [path / name for base in ("corpus", "queries") for name in (f"{base}.jsonl", f"{base}.jsonl.gz")]
    files = [file for file in found if file.exists()]
    if len({file.name.split(".")[0] for file in files}) < 2:
        raise DataError(path, None, None, "no BEIR folder: it needs corpus.jsonl and queries.jsonl", "give the files")
    return files


def _texts(file: Path, line: int, row: Mapping[str, Any]) -> Texts | Problem:
    """(queries, documents) of one line."""
    wanted = _shape(file, row)
    if wanted is None:
        return Problem(file, line, None, f"no benchmark that is known here has the fields {', '.join(sorted(row))}")
    for name in wanted:
        if reason := why_not_text(row, name, may_be_empty=name == "declaration"):
            return Problem(file, line, name, reason)
    if "_id" in wanted:  # a line of a BEIR folder
        title = row.get("title")
        return ([row["text"]], []) if file.name.startswith("queries") else ([], _joined(title, row["text"]))
    if "document" in wanted:
        return [row["query"]], [row["document"]]
    if "canonical_solution" in wanted:
        return _functions(row["prompt"] + row["canonical_solution"], _language(row))
    if "solutions" in wanted:
        try:
            solutions = [text for text in json.loads(row["solutions"] or "[]") if isinstance(text, str)]
        except (ValueError, TypeError):
            return Problem(file, line, "solutions", "a JSON list of programs is needed")
        return [row["question"]], _all_code(solutions)
    return [row["text"] if "text" in wanted else row["prompt"]], _all_code([row["code"]])


def _shape(file: Path, row: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The fields that tell what a line is."""
    beir = [("_id", "text")] if file.name.startswith(("corpus.", "queries.")) else []
    shapes = (*beir, ("query", "document"), ("prompt", "canonical_solution"), ("question", "solutions"),
              ("text", "code"), ("prompt", "code"))  # fmt: skip
    return next((shape for shape in shapes if row.keys() >= set(shape)), None)


def _language(row: Mapping[str, Any]) -> str:
    """`Java/12` is Java; HumanEval's own ids and all unknown ones are Python."""
    name = str(row.get("task_id", "")).split("/")[0].lower()
    name = _NAMES.get(name, name)
    return name if name in LANGUAGES else "python"


def _functions(code: str, language: str) -> Texts:
    """What the functions in it are documented with, and their code; the whole text where there are none."""
    try:
        found = parse_file(code.encode("utf-8", "replace"), "benchmark", language).functions
    except DataError:
        found = ()
    documentation = [function.documentation for function in found]
    if not any(documentation):  # HumanEval-X has its questions in comments that document nothing
        documentation = [" ".join(comment.split()) for comment in _COMMENT.findall(code)[:1]]
    queries = [query for text in documentation if (query := summary(text))]
    return queries, [function.code for function in found] or [code]


def _all_code(programs: Iterable[str]) -> list[str]:
    """Each Python program, and each function in it."""
    return list(_each(programs))


def _each(programs: Iterable[str]) -> Iterator[str]:
    for program in programs:
        if program.strip():
            yield program
            yield from _functions(program, "python")[1]


def _joined(title: Any, text: str) -> list[str]:
    return [f"{title}\n{text}" if isinstance(title, str) and title else text]
