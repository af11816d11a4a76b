"""Runs the families' own solutions in this process, to learn the expected outputs. Not for anybody else's code.

A program gets an `input`, a `print` and a `sys` of its own: the process' standard streams are left alone, because
other threads (Ray's log forwarding) print to them at any time.
"""

from __future__ import annotations

import builtins
import copy
import io
from collections.abc import Callable
from functools import partial
from types import CodeType, ModuleType
from typing import Any


def runner(source: str, fn_name: str | None) -> Callable[[Any], Any]:
    """What runs `source` on one input: the text that it prints, or what its function or method returns."""
    code = compile(source, "<solution>", "exec")
    return partial(_printed, code) if fn_name is None else partial(_returned, code, fn_name)


def _printed(code: CodeType, text: str) -> str:
    fake = ModuleType("sys")
    stdin, stdout = io.StringIO(text), io.StringIO()
    vars(fake).update(stdin=stdin, stdout=stdout)

    def read_line(prompt: str = "") -> str:
        line = stdin.readline()
        if not line:
            raise EOFError
        return line.removesuffix("\n")

    def import_(name: str, *rest: Any) -> ModuleType:
        return fake if name == "sys" else __import__(name, *rest)

    own = {"input": read_line, "print": partial(print, file=stdout), "__import__": import_}
    exec(code, {"__name__": "__main__", "__builtins__": {**vars(builtins), **own}})
    return stdout.getvalue()


def _returned(code: CodeType, fn_name: str, arguments: list[Any]) -> Any:
    names: dict[str, Any] = {"__name__": "solution"}
    exec(code, names)
    function = getattr(names["Solution"](), fn_name) if "Solution" in names else names[fn_name]
    return function(*copy.deepcopy(arguments))
