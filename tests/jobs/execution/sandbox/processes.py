"""What the host sees of a sandbox: its processes, their memory, our descriptors."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def parents() -> dict[int, int]:
    """Process → parent, of all that are no zombies."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue  # gone meanwhile
            if state != "Z":
                found[int(entry.name)] = int(parent)
    return found


def below(pid: int) -> list[int]:
    """A process' descendants, nearest first: the zygote and the server of a sandbox's launcher."""
    known, found = parents(), [pid]
    for at in found:
        found += [child for child, parent in sorted(known.items()) if parent == at]
    return found[1:]


def resident(pids: list[int]) -> int:
    """Bytes of memory, what they share counted for each."""
    total = 0
    for pid in pids:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("Rss:")) << 10
    return total


def descriptors() -> int:
    """How many this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def gone(pids: list[int], seconds: float = 20.0) -> bool:
    """Whether they end in time."""
    return until(lambda: not set(pids) & parents().keys(), seconds)


def until(condition: Callable[[], object], seconds: float = 20.0) -> bool:
    """Whether it comes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
