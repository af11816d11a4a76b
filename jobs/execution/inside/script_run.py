"""Run a program as the interpreter runs a script, in a process that was forked for it and ends with it."""

from __future__ import annotations

import io
import os
import sys
import types
from collections.abc import Callable

TYPE_CHECKING = False  # `typing` is not loaded: its pages would be in every fork
if TYPE_CHECKING:
    from typing import Any

FILE = "solution.py"
_stderr, _print_exception = sys.stderr, sys.__excepthook__
_main = types.ModuleType("__main__")


def namespace() -> dict[str, Any]:
    """The globals of a fresh `__main__`, entered in `sys.modules`. A second call gives the same ones.

    So the server calls it once, and what it forks has it.
    """
    if sys.modules["__main__"] is not _main:
        _main.__dict__.update(__file__=FILE, __builtins__=sys.modules["builtins"])
        sys.modules["__main__"] = _main
        sys.argv = [FILE]
    return _main.__dict__


def finish(work: Callable[[], object]) -> None:
    """Do `work`, then end this process as the interpreter would: traceback, threads, atexit, flushes, exit status."""
    status = 0
    depth = 0
    frame: types.FrameType | None = sys._getframe()
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    sys.setrecursionlimit(sys.getrecursionlimit() + depth)  # the candidate is to have as many frames as in a script
    try:
        work()
    except SystemExit as error:
        status = _status(error.code)
    except BaseException as error:
        status = 1
        _report(error)
    try:
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()
        if "atexit" in sys.modules:
            sys.modules["atexit"]._run_exitfuncs()
    except BaseException as error:
        _report(error)
    try:
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()
    except BaseException as error:
        _report(error)
        status = status or 120  # what the interpreter says where its output cannot be written
    os._exit(status)


def _status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    _say(f"{code}\n")
    return 1


def _report(error: BaseException) -> None:
    """The traceback without the frames of ours, on stderr, as the interpreter writes it: it needs no module for that.

    On the stream that this process began with: a candidate may have put another in its place.
    """
    try:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != FILE:
            trace = trace.tb_next
        error.__traceback__ = trace
        sys.stderr = _stderr if not _stderr.closed else _another_stderr()
        _print_exception(type(error), error, trace)
        sys.stderr.flush()
    except BaseException:  # an exception that cannot even be printed
        _say(f"{type(error).__name__}\n")


def _another_stderr() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.FileIO(2, "w", closefd=False), "utf-8", "backslashreplace")


def _say(text: str) -> None:
    data = text.encode("utf-8", "backslashreplace")
    try:
        while data:
            data = data[os.write(2, data) :]
    except OSError:
        pass  # nobody listens any more
