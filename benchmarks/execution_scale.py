"""Running candidates at scale: `python -m benchmarks.execution_scale`. What holds over actors, under load, over time.

actors   two actors beside one, on the same work (goal: 1.8 times the candidates per second)
load     the same candidates while four busy processes run: no verdict may differ (goal: 0)
long     10,000 tests in one evaluator: processes, files and memory before and after (goal: none, none, 5 %)
driver   how many units a second one driver deals out, with actors that answer at once; and what follows from that for
         a cluster of 200 nodes. The actors are real, the cluster is this machine: the figure is the driver's, who
         shares the cores with them here, so it is a lower bound.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from benchmarks.execution import solutions
from benchmarks.harness import show, write
from common.corpora.problems.record import CodeProblem
from jobs.execution.backlog import Item
from jobs.execution.evaluator import Evaluator
from jobs.execution.pool import Pool, PoolConfig, Work
from jobs.execution.sandbox.host import Isolation
from jobs.execution.sandbox.spec import Limits, SandboxConfig
from jobs.execution.verdicts import Mode, Verdict

NODES, CPUS = 200, 16  # the cluster that is asked about
BUSY = 4
LONG = 10_000


class Instant:
    """Judges without running anything."""

    isolation = Isolation("reduced", 0, 0, False, "none", {})

    def judge(self, problem: CodeProblem, code: str, sample: int, mode: Mode) -> Verdict:
        """A verdict, at once."""
        return Verdict(problem.id, sample, mode, ("pass",), True, None, None, 0.0, 0.0, 0)

    def close(self) -> None:
        """Nothing to end."""


def work(pairs: Sequence[tuple[CodeProblem, str]], copies: int) -> Iterator[Work]:
    """Each solution so many times."""
    for problem, code in pairs:
        yield Work(problem, tuple(Item(problem.id, sample, "strict", code) for sample in range(copies)))


def through_pool(actors: int, pairs: Sequence[tuple[CodeProblem, str]], copies: int) -> float:
    """Candidates a second from the first verdict to the last: actors take seconds to start."""
    make = partial(Evaluator, SandboxConfig(), Limits())
    times = []
    with closing(Pool(PoolConfig(num_workers=actors), make).run(work(pairs, copies))) as verdicts:
        for _ in verdicts:
            times.append(time.perf_counter())
    return (len(times) - 1) / (times[-1] - times[0])


def actors(rounds: int) -> dict[str, Any]:
    """One actor and two, in turn."""
    import ray

    pairs = solutions()
    speeds: dict[int, list[float]] = {1: [], 2: []}
    for count in (*speeds, *reversed(speeds)) * rounds:
        with _ray(count, ray):
            speeds[count].append(through_pool(count, pairs, 4))
    best = {count: max(values) for count, values in speeds.items()}
    return {"one": best[1], "two": best[2], "ratio": best[2] / best[1], "all": speeds}


def driver() -> dict[str, Any]:
    """Units and verdicts a second, at one item a unit and at many."""
    import ray

    problem = CodeProblem("0", "", "stdin", ("",), ("",), None, "", "", ())
    items = [Item("0", sample, "strict", "print(1)\n" * 20) for sample in range(20_000)]
    with _ray(8, ray):
        found = {}
        for name, seconds in (("one item a unit", 1e-9), ("many", 0.3)):
            began = time.perf_counter()
            config = PoolConfig(num_workers=8, unit_seconds=seconds)
            given = items[:5000] if seconds < 1e-6 else items
            with closing(Pool(config, Instant).run([Work(problem, tuple(given))])) as verdicts:
                first = next(verdicts) and time.perf_counter()
                count = sum(1 for _ in verdicts)
            found[name] = count / (time.perf_counter() - first)
            found[f"{name}: to the first"] = first - began
    units = found["one item a unit"]
    return {**found, "actors_kept_busy": units * PoolConfig().unit_seconds,
            "nodes_kept_busy": units * PoolConfig().unit_seconds / CPUS,
            "unit_seconds_for_the_cluster": NODES * CPUS / units}  # fmt: skip


@contextmanager
def _ray(cpus: int, ray: Any) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        ray.init("local", num_cpus=cpus, include_dashboard=False, log_to_driver=False, _temp_dir=folder,
                 runtime_env={"env_vars": {"OMP_NUM_THREADS": "1"}})  # fmt: skip
        try:
            yield
        finally:
            ray.shutdown()


def load() -> dict[str, Any]:
    """Verdicts in peace and under load."""
    pairs = solutions()
    with Evaluator(SandboxConfig(), Limits()) as evaluator:
        quiet = [evaluator.judge(problem, code).results for problem, code in pairs]
        busy = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(BUSY)]
        for process in busy:
            process.start()
        try:
            loaded = [evaluator.judge(problem, code).results for problem, code in pairs]
        finally:
            for process in busy:
                process.kill()
    flipped = [problem.id for (problem, _), one, other in zip(pairs, quiet, loaded, strict=True) if one != other]
    return {"candidates": len(pairs), "flipped": flipped}


def _spin() -> None:
    while True:
        pass


def long() -> dict[str, Any]:
    """Many tests one after the other, every tenth with a file left behind."""
    problem = CodeProblem("0", "", "stdin", ("21",) * 10, ("42",) * 10, None, "", "", ())
    codes = ["print(int(input()) * 2)"] * 9 + ["open('/tmp/left', 'w').write('x' * 10**5); print(int(input()) * 2)"]
    root = Path(tempfile.gettempdir())

    def state() -> tuple[int, int, int, int]:
        below = psutil.Process().children(recursive=True)
        memory = sum(process.memory_info().rss for process in below)
        return len(below), memory, _count(root), _count(Path("/proc/self/fd"))

    with Evaluator(SandboxConfig(), Limits()) as evaluator:
        for code in codes * 2:
            assert evaluator.judge(problem, code).passed
        before = state()
        for number in range(LONG // 10 - 20):
            assert evaluator.judge(problem, codes[number % 10]).passed
        after = state()
    return {"processes": after[0] - before[0], "memory_growth": after[1] / before[1] - 1, "files": after[2] - before[2],
            "descriptors": after[3] - before[3], "left_after_close": len(psutil.Process().children())}  # fmt: skip


def _count(folder: Path) -> int:
    """Descriptors, or what a sandbox may have left in the temporary folder."""
    return sum(1 for file in folder.iterdir() if folder.name == "fd" or file.name.startswith("sandbox-"))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=("actors", "load", "long", "driver"))
    given = parser.parse_args()
    parts = {"long": long, "load": load, "actors": partial(actors, given.rounds), "driver": driver}
    found = {name: part() for name, part in parts.items() if given.only in (None, name)}
    rows = [(f"{name}: {key}", json.dumps(value) if isinstance(value, (list, dict)) else f"{value:,.3g}")
            for name, figures in found.items() for key, value in figures.items()]  # fmt: skip
    show("running candidates at scale", ["", "value"], rows)
    write("execution_scale", found)


if __name__ == "__main__":
    main()
