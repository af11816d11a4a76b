"""The frame around every job: parse, then plan or run, then say what came out.

A job module is a `Job` record and a `main`; heavy imports happen inside `main`, after the configuration is valid, so
that `--help` and every configuration error answer at once.
"""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from common import logs
from common.config import JobConfig, parse
from common.errors import UserError
from common.runs import Result

C = TypeVar("C", bound=JobConfig)


def _as_json(result: Result) -> str:
    return json.dumps(result, indent=2, ensure_ascii=False)


@dataclass(frozen=True)
class Job(Generic[C]):
    """One runnable: what `python -m jobs.NAME` does."""

    name: str
    description: str
    config: type[C]
    main: Callable[[C], Result]
    """Does the work; whoever calls it from Python gets the same as from the command line."""
    plan: Callable[[C], str]
    """For `--dry-run`: checks the inputs and says what would be done."""
    show: Callable[[Result], str] = _as_json
    """The result as a person wants to read it."""


def run(job: Job[C], argv: Sequence[str] | None = None) -> int:
    """Run a job from its command line; returns the exit status (0 complete, 2 the user can mend it, 130 stopped)."""
    logs.set_up()
    try:
        called = parse(job.config, sys.argv[1:] if argv is None else argv, prog=f"python -m {job.name}",
                       description=job.description)  # fmt: skip
        print(job.plan(called.config) if called.dry_run else job.show(job.main(called.config)))
        return 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"error: no space left ({error})\n  → free some; the same command goes on from here", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
