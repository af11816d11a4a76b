"""Processes that the tests start, and the ones that those start: found by their environment, ended by their id."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
PATIENCE = 240.0  # seconds after which something hangs, on the slowest machine
QUICK = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",  # a worker's report waits for it: 2 s each by default
    "RAY_worker_niceness": "0",
    "HF_HUB_OFFLINE": "1",
}
"""What makes Ray start and answer sooner; nothing in it changes what is computed."""


def wait_for(what: Callable[[], Any], told: str, process: subprocess.Popen[Any] | None = None) -> Any:
    """Poll until `what()` is true and return it; fail when the patience, or the process it depends on, ends."""
    until = time.monotonic() + PATIENCE
    while not (found := what()):
        assert process is None or process.poll() is None, f"the process ended with {process.returncode}: {told}"
        assert time.monotonic() < until, f"waited in vain: {told}"
        time.sleep(0.005)
    return found


def with_variable(name: str, value: str) -> list[int]:
    """Living processes that were started with NAME=VALUE in their environment."""
    wanted = f"{name}={value}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if _is_alive(entry) and wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def children(parent: int, title: str) -> list[int]:
    """Living children of a process whose title contains `title`."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if _is_alive(entry) and _fields(entry)[1] == str(parent) and title in (entry / "cmdline").read_text():
                found.append(int(entry.name))
    return found


def kill_all(name: str, value: str) -> None:
    """End whatever is left of a process tree that was started with NAME=VALUE; not the caller."""
    for pid in with_variable(name, value):
        if pid != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without what this session set for itself; `python` is the interpreter of the tests."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "MLFLOW_", "PYTHONPATH"))}
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return {**kept, **QUICK, **more}


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on at the moment, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def started(command: list[str], log: Path, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A server for the duration of a block, its output in `log`; asked to end, then made to."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=dict(env), cwd=log.parent)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _fields(entry: Path) -> list[str]:
    """State, parent and so on from /proc/PID/stat; the name before them may hold anything."""
    return (entry / "stat").read_text().rpartition(") ")[2].split()


def _is_alive(entry: Path) -> bool:
    """Whether a folder of /proc is a process that has not ended."""
    return entry.name.isdigit() and _fields(entry)[0] != "Z"
