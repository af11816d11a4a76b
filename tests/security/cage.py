"""A level and its sandboxes as one object, for test_honesty.py and test_reach.py."""

from __future__ import annotations

from collections.abc import Callable

from jobs.execution.sandbox.host import Execution, Program, Sandbox
from jobs.execution.sandbox.spec import Limits

LIMITS = Limits(cpu_seconds=5, wall_seconds=60)


class Cage:
    """Runs programs at one level."""

    def __init__(self, level: str, walls: Callable[..., Sandbox]) -> None:
        self.level, self._walls = level, walls

    def sandbox(self, *without: str, **jail: object) -> Sandbox:
        """The one without these protections."""
        return self._walls(self.level, *without, **jail)

    def run(self, code: str, *without: str, stdin: bytes = b"", mode: str = "stdin", given: bytes = b"",
            limits: Limits = LIMITS, **jail: object) -> Execution:  # fmt: skip
        """How a program ends."""
        with Program(code, mode, "f" if mode == "call" else None) as program:
            return self.sandbox(*without, **jail).run(program, limits, stdin, given)

    def says(self, code: str, *without: str, **more: object) -> str:
        """What it prints."""
        return self.run(code, *without, **more).stdout.decode().strip()
