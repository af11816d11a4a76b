"""A control group for a sandbox, where this process may make one: a bound on the memory of all its processes together.

An extra to the limits of each process, and recorded as such. Version 2 needs the memory controller to be enabled for
children of our group; version 1 needs a writable memory hierarchy.
"""

from __future__ import annotations

import itertools
import os
import time
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_NAME = "codeadapters-"  # then the owner's pid
_numbers = itertools.count()


class Group:
    """One group; `version` is 1 or 2."""

    def __init__(self, folder: Path, version: int) -> None:
        self.folder, self.version = folder, version

    def add(self, pid: int) -> None:
        """Move a process in; its children will be born there."""
        (self.folder / "cgroup.procs").write_text(str(pid))

    def remove(self) -> None:
        """Remove the group; its processes have been ended, the kernel may need a moment to let go of them."""
        for _ in range(100):
            try:
                self.folder.rmdir()
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.01)


def make(memory_bytes: int) -> Group | None:
    """A group with this much memory, None where the host does not let us make one."""
    for version, folder, limit in _places():
        _sweep(folder)
        child = folder / f"{_NAME}{os.getpid()}-{next(_numbers)}"
        try:
            child.mkdir()
        except OSError:
            continue
        try:
            (child / limit).write_text(str(memory_bytes))
            return Group(child, version)
        except OSError:
            child.rmdir()
    return None


def _sweep(folder: Path) -> None:
    """Remove the groups of processes that were killed before they could."""
    for group in folder.glob(f"{_NAME}*"):
        owner = group.name.removeprefix(_NAME).split("-")[0]
        if not Path("/proc", owner).exists():
            with suppress(OSError):  # somebody else was quicker, or something in it still ends
                group.rmdir()


def _places() -> list[tuple[int, Path, str]]:
    """Where groups may be made: (version, our own group's folder, the file with its limit)."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    places = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "" and (_ROOT / "cgroup.controllers").exists():
            places.append((2, _ROOT / path.lstrip("/"), "memory.max"))
        elif controllers == "memory":
            places.append((1, _ROOT / "memory" / path.lstrip("/"), "memory.limit_in_bytes"))
    return places
