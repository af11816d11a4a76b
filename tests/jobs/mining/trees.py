"""Source trees for the mining tests."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from common.cli import run
from jobs.mine_pairs import JOB

VERBS = ("adds", "counts", "removes", "opens", "closes", "sorts", "merges", "splits")


def function(number: int, verb: str) -> str:
    """A documented function unlike all others."""
    return (
        f"def {verb}_{number}(a{number}):\n    '''It {verb} the items of kind{number} there.'''\n"
        f"    b = {verb}{number}(a{number})\n    c = {number}{number} + b\n    return c\n\n\n"
    )


def module(number: int) -> str:
    """Eight good functions, one without documentation and one that is too short."""
    bare = f"def bare_{number}(x):\n    y = x\n    z = y\n    return z\n\n\n"
    short = f"def short_{number}(x):\n    '''Give back what came in.'''\n    return x\n"
    return "".join(function(number, verb) for verb in VERBS) + bare + short


def library(folder: Path, modules: int = 30) -> Path:
    """A tree of so many modules, ten functions each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(modules):
        (folder / f"m{number:02d}.py").write_text(module(number))
    return folder


def mine(*flags: object) -> tuple[int, str, str]:
    """Exit status, output and errors of the command."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = run(JOB, [str(flag) for flag in flags])
    return status, out.getvalue(), err.getvalue()


def mined(tree: Path, run_dir: Path, *flags: object) -> dict[str, Any]:
    """The result of a run that has to end well."""
    status, _, err = mine(tree, "--run-dir", run_dir, *flags)
    assert status == 0, err
    return json.loads((run_dir / "result.json").read_text("utf-8"))


def adds_up(result: Mapping[str, Any]) -> None:
    """Every function went somewhere, altogether and in each language."""
    assert result["seen"] == result["kept"] + sum(result["dropped"].values())
    for row in result["languages"].values():
        assert row["seen"] == row["kept"] + sum(row["dropped"].values())
    lost = result["exact_duplicates"] + result["near_duplicates"] + result["over_limit"]
    lost += sum(result["contaminated"].values())
    assert result["kept"] == lost + sum(result["sizes"].values())
    for split, size in result["sizes"].items():
        assert size == sum(row["pairs"][split] for row in result["languages"].values())
