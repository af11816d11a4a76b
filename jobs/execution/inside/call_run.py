"""Call-based code in `strict`: load the function, call it, give its result as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from types import CodeType

from jobs.execution.inside import preamble, script_run

TYPE_CHECKING = False  # `typing` is not loaded: its pages would be in every fork
if TYPE_CHECKING:
    from typing import Any

_dumps = json.JSONEncoder().encode  # before the candidate can put something else in its place


def load(code: CodeType, fn_name: str) -> Callable[..., Any]:
    """Execute `code` below the usual imports; its function, or the method of `Solution()` where it has that class.

    Raises what the code raises, and NameError where there is no such function.
    """
    names = script_run.namespace()
    names.update(preamble.names_for(code, preamble.USUAL))
    exec(code, names)
    owner = names.get("Solution")
    if isinstance(owner, type) and hasattr(owner, fn_name):
        return getattr(owner(), fn_name)
    function = names.get(fn_name)
    if not callable(function):
        raise NameError(f"no function {fn_name!r}")
    return function


def call(function: Callable[..., Any], arguments: Sequence[Any]) -> str:
    """The result of one call as JSON; TypeError or ValueError where JSON cannot hold it."""
    return _dumps(function(*arguments))
