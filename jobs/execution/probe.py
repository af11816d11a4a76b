"""What kind of sandbox this host gives: `python -m jobs.execution.probe`. Each level is made and runs a program."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import get_args

from pydantic import Field

from common.config import Config, parse
from common.errors import UserError
from jobs.execution.sandbox.host import Isolation, Program, Sandbox
from jobs.execution.sandbox.spec import Jail, Level, Limits


class ProbeConfig(Config):
    """How to say it."""

    as_json: bool = Field(default=False, alias="json")
    """Print a JSON list in place of lines."""


@dataclass(frozen=True)
class Finding:
    """One level."""

    level: Level
    isolation: Isolation | None
    """What it consists of; None where the host does not give it."""
    error: str
    """Why not."""
    start_ms: float
    """To start it and run a first program."""

    def __str__(self) -> str:
        found = self.isolation
        if found is None:
            return f"{self.level}: no. {self.error}"
        parts = [f"Landlock {found.landlock or 'absent'}", f"cgroup {found.cgroup or 'absent'}",
                 "a user of its own" if found.own_user else "our own user"]  # fmt: skip
        return f"{self.level}: yes, {', '.join(parts)}, Python {found.python}, {self.start_ms:.0f} ms to start"


def probe(level: Level) -> Finding:
    """Make a sandbox of this level, run a program in it and end it."""
    started = time.monotonic()
    try:
        limits = Limits()
        with (
            Sandbox(Jail(level, memory_bytes=limits.memory_mb << 20)) as sandbox,
            Program("print(6 * 7)", "stdin") as program,
        ):
            run = sandbox.run(program, limits)
            passed = time.monotonic() - started
            if run.stdout != b"42\n":
                return Finding(
                    level, None, f"a program in it ended with {run.ended} {run.status}: {run.stderr.decode()}", 0
                )
            return Finding(level, sandbox.isolation, "", round(1000 * passed, 1))
    except (OSError, UserError) as error:
        message = error.message if isinstance(error, UserError) else str(error)
        return Finding(level, None, message, 0)


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line for each level; exit status 1 where there is none, 2 for a mistake on the command line."""
    try:
        config = parse(
            ProbeConfig,
            sys.argv[1:] if argv is None else argv,
            prog="python -m jobs.execution.probe",
            description="Say which sandbox this host gives to programs that nobody trusts.",
        ).config
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    findings = [probe(level) for level in get_args(Level)]
    if config.as_json:
        print(json.dumps([asdict(finding) for finding in findings]))
    else:
        print(f"sandboxes of user {os.geteuid()}:", *findings, sep="\n")
    return 0 if any(finding.isolation for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
