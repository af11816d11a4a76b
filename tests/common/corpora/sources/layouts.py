"""Small copies of the data sets in their real layouts, and what the tests do with parts."""

import gzip
import json
import os
from pathlib import Path

import pytest

from common.corpora.lines import Problem
from common.corpora.pairs import Pair
from common.corpora.sources.catalogue import open_set
from common.corpora.sources.config import SetConfig

DATA = Path(os.environ.get("CODEADAPTERS_DATA", "../shared/data"))


def data(name):
    """A folder of the real data; skips where it is absent."""
    if not (DATA / name).exists():
        pytest.skip(f"no {DATA / name}; CODEADAPTERS_DATA names the folder of real data")
    return DATA / name


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def jsonl(path, rows):
    """Rows that are strings are written as they are: broken lines."""
    return write(path, "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))


def parts(name, path=None, **more):
    return {part.name: part for part in open_set(SetConfig(name=name, path=path, **more))}


def split(items):
    """(pairs, problems) of a training stream."""
    items = list(items)
    return [i for i in items if isinstance(i, Pair)], [i for i in items if isinstance(i, Problem)]


def answers(retrieval):
    """query text → texts of its relevant documents."""
    return {
        retrieval.queries[query]: [retrieval.documents[key].text for key, grade in judged.items() if grade > 0]
        for query, judged in retrieval.qrels.items()
    }


def function(number, language="python", **more):
    """A row of CodeSearchNet."""
    code = f"def f{number}(a):\n    x = a + {number}\n    return x"
    return {
        "repo": f"owner/r{number % 3}",
        "path": "m.py",
        "func_name": f"f{number}",
        "language": language,
        "code": code,
        "code_tokens": code.split(),
        "docstring": f"Adds the number {number} to it.\n\nMore about it.",
        "docstring_tokens": ["Adds", "the", "number", str(number)],
        "url": f"https://host/owner/r{number % 3}/m.py#L{number}",
        **more,
    }
