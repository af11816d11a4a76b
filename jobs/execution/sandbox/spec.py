"""What a sandbox is made of and what a test may use. Describes only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from common.config import Config

Level = Literal["full", "reduced"]
Protection = Literal[
    "net", "ipc", "root", "seccomp", "landlock", "uid", "capabilities", "dumpable", "rlimits", "processes", "leftovers",
    "fresh",
]  # fmt: skip
"""root: a root of its own; the host's is seen without it. processes: none unless the limits allow it. leftovers: what
a test started is killed after it. fresh: a new scratch folder after each test that used it."""


class Limits(Config):
    """What one test may use. Seconds of CPU decide, so that a busy machine flips no verdict."""

    cpu_seconds: float = Field(4.0, gt=0)
    """CPU time of the test and of all that it starts."""
    wall_seconds: float | None = Field(None, gt=0)
    """Time on the clock, for tests that wait for nothing; none = ten times the CPU time and ten seconds."""
    memory_mb: int = Field(1024, ge=64)
    """Address space of each process."""
    output_mb: int = Field(16, ge=1)
    """Standard output; standard error may have as much."""
    stack_mb: int = Field(100, ge=1, le=100)
    """Stack of the main thread, for deep recursion."""
    processes: int = Field(0, ge=0, le=64)
    """Processes that a test may start; threads are always allowed. Only at level full."""

    @property
    def wall(self) -> float:
        """Seconds on the clock."""
        return self.wall_seconds if self.wall_seconds is not None else 10 * self.cpu_seconds + 10


class SandboxConfig(Config):
    """How candidates are kept in."""

    isolation: Level = "full"
    """full: namespaces of its own, seccomp, rlimits; landlock and a cgroup where the host has them. reduced: seccomp,
    landlock, rlimits, for hosts without user namespaces; no files to write, no processes. Never chosen silently."""
    numpy: bool = True
    """Candidates that name numpy get it."""
    scratch_mb: int = Field(16, ge=1)
    """Size of the only folder a candidate can write to; level full."""


@dataclass(frozen=True)
class Jail:
    """A sandbox as the zygote builds it."""

    level: Level
    packages: tuple[str, ...] = ()
    """Preloaded packages of this environment that candidates may import, such as numpy."""
    preload: tuple[str, ...] = ()
    """Modules of the standard library to load beforehand; each makes every fork a little dearer."""
    scratch_bytes: int = 16 << 20
    memory_bytes: int | None = None
    """For all processes together, where the host has cgroups; none = no such limit."""
    without: frozenset[Protection] = frozenset()
    """Protections left out, by the tests that show what each is for. Never anywhere else."""
