"""Evaluators that judge nothing, for tests of what carries work to them and back.

What a candidate "does" stands in its code: `die` kills the actor, `raise` raises, `wait PATH` waits until the file is
there and `mark PATH` writes the actor's process id to it, first.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from common.corpora.problems.record import CodeProblem
from jobs.execution.backlog import Item
from jobs.execution.pool import Work
from jobs.execution.sandbox.host import Isolation
from jobs.execution.verdicts import Verdict

PATIENCE = 120.0  # seconds after which waiting has failed
ISOLATION = Isolation("full", 7, 2, own_user=True, python="3", packages={})


class Obedient:
    """Does what the candidate says, and passes it."""

    def __init__(self) -> None:
        self.isolation = ISOLATION

    def judge(self, problem, code, sample, mode):
        """A verdict whose `error` is this process' id, and whose `cpu_s` is the length of the first input."""
        for order in code.split(";"):
            word, _, path = order.strip().partition(" ")
            if word == "mark":
                with Path(path).open("a") as file:
                    file.write(f"{os.getpid()}\n")
            elif word == "wait" and not waited(Path(path)):
                return self.verdict(problem, sample, mode, "timeout")
            elif word == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            elif word == "raise":
                raise ValueError("no such luck")
        return self.verdict(problem, sample, mode, "pass")

    def verdict(self, problem, sample, mode, status):
        """One for each test."""
        results = (status,) * len(problem.inputs)
        size = float(len(problem.inputs[0]))
        return Verdict(problem.id, sample, mode, results, status == "pass", None, str(os.getpid()), size, 0.0, 0)

    def close(self):
        """Nothing to end."""


def waited(path: Path) -> bool:
    """Whether the file came."""
    until = time.monotonic() + PATIENCE
    while not path.exists():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def problem(name: object, inputs=("1\n", "2\n"), difficulty="interview") -> CodeProblem:
    """A problem about nothing."""
    return CodeProblem(str(name), "?", "stdin", tuple(inputs), ("",) * len(inputs), None, "", difficulty, ())


def work(name: object, *codes: str, modes=("strict",), inputs=("1\n", "2\n")) -> Work:
    """One problem with these candidates."""
    items = tuple(Item(str(name), sample, mode, code) for sample, code in enumerate(codes) for mode in modes)
    return Work(problem(name, inputs), items)
