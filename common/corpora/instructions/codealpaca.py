"""CodeAlpaca (Chaudhary 2023), and of it CodeAlpacaPy: the rows that ask for Python and get some.

    FILE or FOLDER/{new_codealpaca,code_alpaca_20k,code_alpaca_2k}.json     instruction, input, output: filtered, split
    FOLDER/{train,valid,test}.json or .jsonl                                nl, cmd: a split that is ready

each plain or `.gz`. From the Hub: `antolin/codealpaca-filtered`, the study's own selection and split, 2,192/314/628;
built and not run. The selection from the released file is ours: how the study told Python is not published, so its
sizes differ from the study's, while the split has the same proportions.

The instruction is the instruction with the input below it, where the row has an input.
"""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import Path
from typing import Any

from common.corpora.instructions.config import CodeAlpacaOptions
from common.corpora.instructions.record import Example
from common.corpora.instructions.source import Found, Left, held_out, records
from common.corpora.lines import Problem, why_not_text
from common.corpora.selection import normalised
from common.corpora.sources.files import nothing_understood, variant
from common.corpora.sources.hub import hub_rows
from common.corpora.splits import DEV, TEST, TRAIN
from common.errors import DataError

FILES = ("new_codealpaca.json", "code_alpaca_20k.json", "code_alpaca_2k.json")
LAYOUTS = (f"one of {', '.join(FILES)}", "train, valid and test as .json or .jsonl with nl and cmd")
HUB = "antolin/codealpaca-filtered"
HUB_SPLITS = {TRAIN: "train", DEV: "valid", TEST: "test"}
STUDY_SIZES = {TRAIN: 2192, DEV: 314, TEST: 628}

_NO_INPUT = frozenset({"", "noinput", "no input", "none", "n a", "na", "null", "not applicable"})
_PYTHON = re.compile(r"\bpython|\bdjango|\bflask|\bnumpy|\bpandas|\btensorflow|\bkeras|\bpytorch", re.IGNORECASE)
_OTHERS = re.compile(
    r"(?i)\b(?:java ?script|java|typescript|node(?:\.?js)?|react|vue|angular|jquery|json|html|css|sql|mysql|php|ruby|"
    r"rails|swift|kotlin|rust|perl|bash|shell|powershell|scala|haskell|matlab|golang|objective-c|vba|xml|latex|regex|"
    r"assembly|pseudo-?code|unix|linux|git|mongodb|dart|lua)\b|\bC\+\+|\bC#|\bR (?:script|program|code|function)\b"
    r"|\bGo (?:program|function|code)\b|\bC (?:program|function|code)\b|\.NET\b"
)
_FOREIGN = frozenset({"console", "document", "window", "Console", "System", "Math", "JSON", "$"})
_SAYS_SOMETHING = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AugAssign,
    ast.AnnAssign, ast.For, ast.While, ast.If, ast.With, ast.Try, ast.Call, ast.Lambda, ast.ListComp, ast.DictComp,
    ast.SetComp, ast.GeneratorExp, ast.Subscript, ast.BinOp, ast.Compare,
)  # fmt: skip


def open_codealpaca(options: CodeAlpacaOptions, seed: int) -> Found:
    """Train, dev and the test set `codealpaca`. Raises `DataError` where nothing is there that is understood."""
    found = Found("codealpaca")
    path = options.path
    if path is None:
        layouts = "; ".join(LAYOUTS)
        _ready(found, {split: hub_rows(HUB, None, name, layouts=layouts)() for split, name in HUB_SPLITS.items()})
        return found
    if not path.exists():
        raise DataError(path, None, None, "no such file or folder", "check codealpaca.path, or leave it out")
    released = path if path.is_file() else variant(path, *FILES)
    if released is None:
        files = {split: variant(path, f"{name}.json", f"{name}.jsonl") for split, name in HUB_SPLITS.items()}
        there = {split: file for split, file in files.items() if file}
        if len(there) < len(files):
            nothing_understood(path, "CodeAlpaca", LAYOUTS)
        _ready(found, {split: records(file) for split, file in there.items()})
        return found
    total = sum(STUDY_SIZES.values())
    splits = held_out(
        found.take(records(released), _selected), lambda example: normalised(example.instruction),
        dev_share=STUDY_SIZES[DEV] / total, test_share=STUDY_SIZES[TEST] / total, seed=seed,
    )  # fmt: skip
    found.train, found.dev, found.tests = splits[TRAIN], splits[DEV], {found.name: splits[TEST]}
    return found


def _ready(found: Found, splits: dict[str, Any]) -> None:
    """A split that is ready; its rows are numbered."""

    def numbered(split: str):
        def make(path: Path, line: int, record: dict[str, Any]) -> Example | Problem:
            for name in ("nl", "cmd"):
                if reason := why_not_text(record, name):
                    return Problem(path, line, name, reason)
            return Example(f"codealpaca/{split}-{line}", record["nl"], record["cmd"])

        return make

    taken = {split: found.take(rows, numbered(split)) for split, rows in splits.items()}
    found.train, found.dev, found.tests = taken[TRAIN], taken[DEV], {found.name: taken[TEST]}


def _selected(path: Path, line: int, record: dict[str, Any]) -> Example | Problem | Left:
    """The example of a released row, where it is one of CodeAlpacaPy."""
    given = {"input": "", **record}
    for name in ("instruction", "input", "output"):
        if reason := why_not_text(given, name, may_be_empty=name != "instruction"):
            return Problem(path, line, name, reason)
    asked = joined(given["instruction"], given["input"])
    code = given["output"].strip("\n")
    if reason := why_not_python(asked, code):
        return Left(reason)
    return Example(f"codealpaca/{line}", asked, code)


def joined(instruction: str, more: str) -> str:
    """The instruction with its input below it; an input that only says that there is none is left out."""
    return instruction if normalised(more) in _NO_INPUT else f"{instruction}\n{more}"


def why_not_python(instruction: str, code: str) -> str | None:
    """Why the answer is no Python for this instruction, None where it is.

    Much that is not Python parses: a word, a number, an object in JSON, `console.log(1)`.
    """
    if not code.strip():
        return "no answer"
    try:
        with warnings.catch_warnings():  # `is 5` and `\d` are the authors' business
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "does not parse as Python"
    nodes = list(ast.walk(tree))
    if not any(isinstance(node, _SAYS_SOMETHING) for node in nodes):
        return "parses, but is a bare word or value"
    bases = {node.value.id for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)}
    known = {name.asname or name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    if bases & _FOREIGN - known:
        return "parses, but is another language's"
    if _OTHERS.search(instruction) and not _PYTHON.search(instruction):
        return "another language is asked for"
    return None
