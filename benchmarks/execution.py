"""What running a candidate costs: `python -m benchmarks.execution`. Ours in both modes beside the reference evaluator.

CPU seconds of all processes, without starting and ending: of us the host, the sandbox's processes and the candidates in
them; of the peer (`peer_apps`, a stand-in) the parent, the managers and the candidates. One candidate at a time.
Workloads: the data set's own first solutions of the oracle's problems where ../shared is there, else of microproblems;
`trivial`, a two-line program with three tests; `nothing`, an empty program, whose whole cost is overhead.
Goals: `strict` at most 3 ms of CPU a test on `nothing`; candidates per CPU second beside the peer: `strict` twice and,
trivial, six times as many, `reference` four and ten times.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness import in_turn, median, show, write
from common.corpora.problems.record import CodeProblem

GOALS = {("strict", "solutions"): 2, ("strict", "trivial"): 6,
         ("reference", "solutions"): 4, ("reference", "trivial"): 10}  # fmt: skip
OVERHEAD_MS = 3.0
REPEATS = 100
SIDES = ("peer", "reference", "strict")


def shared(*parts: str) -> Path:
    """A file of ../shared."""
    return Path(__file__).resolve().parents[2].joinpath("shared", *parts)


def solutions() -> list[tuple[CodeProblem, str]]:
    """Problems with their first solution."""
    from common.corpora.problems.reading import collect, parsed, read_problems

    table = shared("oracles", "apps_verdicts.jsonl.gz")
    if table.exists():
        with gzip.open(table, "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        first = {str(row["problem_id"]): row["code"] for row in rows if row["kind"] == "reference"}
        problems = read_problems(shared("data", "apps", "train.jsonl.gz")).problems
        return [(problem, first[problem.id]) for problem in problems if problem.id in first]
    from common.corpora.microproblems import microproblems

    made = enumerate(microproblems().train, start=1)
    problems = collect(Path("microproblems"), parsed("apps", made)).problems
    return [(problem, problem.solutions[0]) for problem in problems]


def workload(name: str) -> list[tuple[CodeProblem, str]]:
    """Problems and candidates."""
    if name == "solutions":
        return solutions()
    code = "" if name == "nothing" else "n = int(input())\nprint(n * 2)\n"
    expected = "" if name == "nothing" else "42"
    problem = CodeProblem("0", name, "stdin", ("21\n",) * 3, (expected,) * 3, None, "", "introductory", ())
    return [(problem, code)] * REPEATS


def measure(side: str) -> dict[str, Any]:
    """All workloads in this process, one candidate after another."""
    found: dict[str, Any] = {}
    for name in ("solutions", "trivial", "nothing"):
        work = workload(name)
        if side == "peer":
            import numpy  # noqa: F401 - the original's parent has it, and every fork pays for it

            from benchmarks.peer_apps import check

            found[name] = _timed(work, check)
            continue
        from jobs.execution.evaluator import Evaluator
        from jobs.execution.sandbox.spec import Limits, SandboxConfig

        with Evaluator(SandboxConfig(), Limits()) as evaluator:
            for problem, code in work:  # so that every kind of sandbox that is needed is there
                evaluator.prepare(problem, code)
            found[name] = _timed(work, lambda problem, code: evaluator.judge(problem, code, mode=side))  # type: ignore[arg-type]
            found["isolation"] = vars(evaluator.isolation)
    return found


def _timed(work: Iterable[tuple[CodeProblem, str]], judge: Callable[[CodeProblem, str], Any]) -> dict[str, float]:
    work = list(work)
    cpu, started = _cpu(), time.perf_counter()
    for problem, code in work:
        judge(problem, code)
    cpu, wall = _cpu() - cpu, time.perf_counter() - started
    tests = sum(len(problem.inputs) for problem, _ in work)
    return {
        "per_cpu_second": len(work) / cpu, "per_second": len(work) / wall, "candidates": len(work), "tests": tests,
        "cpu_ms_per_candidate": 1000 * cpu / len(work), "cpu_ms_per_test": 1000 * cpu / tests,
    }  # fmt: skip


def _cpu() -> float:
    """CPU seconds of this process, of all below it that live, and of all below these that have been waited for."""
    total = 0.0
    me = psutil.Process()
    for process in (me, *me.children(recursive=True)):
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.Error:
            continue
    return total


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", nargs=2, metavar=("NAME", "FILE"))
    given = parser.parse_args()
    if given.side:
        Path(given.side[1]).write_text(json.dumps(measure(given.side[0])), "utf-8")
        return
    outcomes = in_turn("benchmarks.execution", SIDES, given.rounds)
    rows, figures = [], {}
    for name in ("solutions", "trivial", "nothing"):
        peer = median([outcome[name] for outcome in outcomes["peer"]], "per_cpu_second")
        for side in SIDES:
            runs = [outcome[name] for outcome in outcomes[side]]
            ratio = median(runs, "per_cpu_second") / peer
            figures[f"{side}/{name}"] = {**{key: median(runs, key) for key in runs[0]}, "ratio": ratio}
            goal = GOALS.get((side, name))
            rows.append((
                f"{name}: {side}", f"{median(runs, 'per_cpu_second'):,.0f}", f"{median(runs, 'per_second'):,.0f}",
                f"{median(runs, 'cpu_ms_per_test'):.2f}", f"{ratio:.1f}×", f"{goal}×" if goal else "",
            ))  # fmt: skip
    show("candidates, one at a time; ratio = per CPU second, beside the peer",
         ["workload: side", "per CPU s", "per s", "CPU ms a test", "ratio", "goal"], rows)  # fmt: skip
    overhead = figures["strict/nothing"]["cpu_ms_per_test"]
    print(f"overhead of strict on an empty program: {overhead:.2f} ms of CPU a test (goal: {OVERHEAD_MS:.0f})")
    write("execution", {"figures": figures, "isolation": outcomes["strict"][0]["isolation"], "load": os.getloadavg()})


if __name__ == "__main__":
    main()
