"""Run a candidate as the reference evaluator (codeparrot/apps_metric) does, its peculiarities included.

One process runs all tests in turn, so module state leaks from test to test. A program that reads stdin becomes the
body of a function `code()`, below a fixed preamble; `sys.stdin` and `open` are replaced for each call, `sys.stdout`
is captured as text. See docs/execution.md for what follows from that. Nothing is compared here: the outcome of every
test goes out as a record, and `jobs.execution.reference` judges it.

Records, in this order:
  {"load": "error" | "timeout", "error": text}       the code does not load, or has no such function; no tests follow
  {"ended": "ok", "stdout": text}                     a test of a program
  {"ended": "ok", "value": encoded, see values.py}    a test of a function
  {"ended": "error" | "timeout", "error": text}       a test that raised or was stopped
  {"escaped": type}                                   something beyond `Exception` got out (`sys.exit` in a function):
                                                      the reference has no result then, and neither do we
A process that dies leaves fewer records than tests.

The reference gives a test 4 seconds of wall time. Here it is 4 seconds of CPU time, so that a loaded machine flips no
verdict; a program that waits instead of computing meets a wall alarm after `WALL` times as long. Each comes once, as
an exception that the candidate may swallow, as it may there.
"""

from __future__ import annotations

import builtins
import importlib
import io
import os
import signal
import sys
from collections.abc import Callable
from types import CodeType

from jobs.execution.inside import preamble, values

TYPE_CHECKING = False  # `typing` is not loaded: its pages would be in every fork
if TYPE_CHECKING:
    from typing import Any

WALL = 4  # seconds of wall time for each second of CPU time
DEPTH = 16  # frames between the reference's main program and the candidate's first: its recursion ends earlier by these

# What the reference takes away; `resource` and the rest of the second list cannot be imported any more.
_NO_FUNCTIONS = {
    "builtins": "exit quit help",
    "os": "kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames truncate replace"
    " unlink fchmod fchown chmod chown chroot lchflags lchmod lchown getcwd chdir",
    "shutil": "rmtree move chown",
    "subprocess": "Popen",
}
_NO_MODULES = ("ipdb", "joblib", "resource", "psutil", "tkinter")


class _Alarm(Exception):
    """The time of a test is up."""


class _Clock:
    """The alarms of one test."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.running = seconds, False
        signal.signal(signal.SIGPROF, self._ring)
        signal.signal(signal.SIGALRM, self._ring)

    def _ring(self, *_: object) -> None:
        if self.running:
            print("alarm went off")  # part of the output of a program that swallows the exception
            raise _Alarm("time is up")

    def start(self) -> None:
        self.running = True
        signal.setitimer(signal.ITIMER_PROF, self.seconds)
        signal.setitimer(signal.ITIMER_REAL, self.seconds * WALL)

    def stop(self) -> None:
        self.running = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def run(
    code: str,
    fn_name: str | None,
    inputs: list[Any],
    emit: Callable[[dict[str, Any]], None],
    test_seconds: float = 4.0,
) -> None:
    """Load `code` and run it on every input, texts for a program, lists of arguments where there is an `fn_name`.

    Changes this process for good: call it in one of its own.
    """
    sys.set_int_max_str_digits(0)  # the reference's Python knew no limit
    sys.stdin = io.TextIOWrapper(io.BytesIO())  # empty, as multiprocessing leaves it; a program loads with this one
    clock = _Clock(test_seconds)
    try:
        function = _load(code, fn_name, clock)
        if isinstance(function, dict):
            emit(function)
            return
        for given in inputs:
            emit(_call(function, given, clock) if fn_name else _run_program(function, given, clock))
    except BaseException as error:
        clock.stop()
        emit({"escaped": type(error).__name__})


def _load(code: str, fn_name: str | None, clock: _Clock) -> Callable[..., Any] | dict[str, Any]:
    """The function to call, or the record of why there is none."""
    clock.start()
    try:
        compiled = _compile(code if fn_name else wrap(code))
        names = preamble.names_for(compiled, preamble.REFERENCE)
        if "numpy" in preamble.mentioned(compiled) and "np" not in names:
            importlib.import_module("numpy")  # now, because it needs what `_disarm` takes away
        _disarm()
        sys.setrecursionlimit(1000 - DEPTH + _depth())
        names["__builtins__"] = builtins  # and no __name__: a module made by hand has none
        exec(compiled, names)
        owner = names["Solution"]() if fn_name and "class Solution" in code else None
        clock.stop()
    except Exception as error:
        clock.stop()
        return {"load": "timeout" if isinstance(error, _Alarm) else "error", "error": _describe(error)}
    try:
        return getattr(owner, fn_name) if owner is not None and fn_name else names[fn_name or "code"]
    except BaseException as error:
        return {"load": "error", "error": _describe(error)}


def _compile(code: str) -> CodeType:
    # Something stands before the candidate's first line, so a `from __future__` is an error as it is below a preamble.
    return compile("import sys\n" + code, "solution.py", "exec", dont_inherit=True)


def wrap(program: str) -> str:
    """The program as a function `code()`.

    Lines that begin with an import stay outside as long as nothing else has come; every other line goes one tab
    deeper, those within strings, too. A program that consists of such imports has no `code`.
    """
    lines = program.split("\n")
    body = next((n for n, line in enumerate(lines) if not line.startswith(("from ", "import "))), len(lines))
    if body == len(lines):
        return program
    head = [*lines[:body], "stdin = sys.stdin", "stdout = sys.stdout", "def code():"]
    return "\n".join([*head, *("\t" + line for line in lines[body:])]) + "\n"


def _disarm() -> None:
    if os.environ.get("OMP_NUM_THREADS") != "1":  # before `putenv` is gone
        os.environ["OMP_NUM_THREADS"] = "1"
    for module, functions in _NO_FUNCTIONS.items():
        if module in sys.modules:  # without processes and writable files the others fail in the sandbox anyway
            for name in functions.split():
                setattr(sys.modules[module], name, None)
    for module in _NO_MODULES:
        sys.modules[module] = None  # type: ignore[assignment]


def _depth() -> int:
    """Frames on the stack."""
    frame, depth = sys._getframe(), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1  # type: ignore[assignment]
    return depth


def _call(function: Callable[..., Any], given: Any, clock: _Clock) -> dict[str, Any]:
    given = whole_keys(given)
    clock.start()
    try:
        value = values.encode(function(*given))
        clock.stop()
    except Exception as error:
        clock.stop()
        return _failed(error)
    return {"ended": "ok", "value": value}


def whole_keys(given: Any) -> Any:
    """Arguments whose first is a dict become that dict alone, with integers for keys, if its keys allow it."""
    try:
        if isinstance(given[0], dict):
            return [{int(key): value for key, value in given[0].items()}]
    except (IndexError, KeyError, TypeError, ValueError):
        pass
    return given


def _run_program(function: Callable[..., Any], given: str, clock: _Clock) -> dict[str, Any]:
    captured = io.StringIO()
    captured.close = lambda _: 1  # type: ignore[method-assign,assignment,misc]  # so `sys.stdout.close()` is an error
    sys.stdout, outside = captured, sys.stdout
    clock.start()
    try:
        _with_input(function, given)
        clock.stop()
    except Exception as error:
        clock.stop()
        return _failed(error)
    finally:
        sys.stdout = outside
    return {"ended": "ok", "stdout": captured.getvalue()}


def _with_input(function: Callable[..., Any], text: str) -> None:
    """Call a program with `text` behind `sys.stdin`, behind every `open` and behind the stdin that it was loaded with.

    That last one, which `from sys import stdin` in the first lines gives, has three methods that ignore their
    arguments; its lines come without the line break, and StopIteration after the last.
    """
    lines = text.split("\n")
    each = iter(lines)
    loaded_with: Any = sys.stdin
    loaded_with.read = lambda *_: text
    loaded_with.readlines = lambda *_: lines.copy()
    loaded_with.readline = lambda *_: next(each)
    sys.stdin = io.StringIO(text)
    builtins.open = _Opened(text)  # type: ignore[assignment]
    try:
        function()
    except SystemExit:
        pass
    finally:
        builtins.open = io.open
        sys.stdin = loaded_with
        del loaded_with.read, loaded_with.readlines, loaded_with.readline


class _Opened:
    """Stands for `open` and for the one file that it opens, whatever its name: the test's input, from its start."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self, *_: Any, **__: Any) -> _Opened:
        self._file = io.StringIO(self._text)
        return self

    def __enter__(self) -> _Opened:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __iter__(self) -> io.StringIO:
        return self._file

    def __next__(self) -> str:
        return next(self._file)

    def read(self, *size: int) -> str:
        return self._file.read(*size)

    def readline(self, *size: int) -> str:
        return self._file.readline(*size)

    def readlines(self, *size: int) -> list[str]:
        return self._file.readlines(*size)

    def _nothing(self, *_: Any, **__: Any) -> None:
        """Writing to a file leads nowhere."""

    write = writelines = flush = close = seek = _nothing


def _failed(error: Exception) -> dict[str, Any]:
    return {"ended": "timeout" if isinstance(error, _Alarm) else "error", "error": _describe(error)}


def _describe(error: BaseException) -> str:
    """The last line of the traceback. Raises what the error's own `__str__` raises: so does the reference."""
    return f"{type(error).__name__}: {error}"[:500]
