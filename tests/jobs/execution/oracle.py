"""The oracle's table beside the problems' tests, and the worker that runs its candidates."""

import contextlib
import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared"
ORACLES = Path(os.environ.get("CODEADAPTERS_ORACLES", SHARED / "oracles"))
DATA = Path(os.environ.get("CODEADAPTERS_DATA", SHARED / "data"))


def rows():
    """[(row of the oracle, inputs, outputs, fn_name)]; skips where the oracle or the problems are absent."""
    table, problems = ORACLES / "apps_verdicts.jsonl.gz", DATA / "apps" / "train.jsonl.gz"
    for file in (table, problems):
        if not file.exists():
            pytest.skip(f"no {file}; CODEADAPTERS_ORACLES and CODEADAPTERS_DATA name the folders")
    sys.set_int_max_str_digits(0)
    found = list(_lines(table))
    wanted = {row["problem_id"] for row in found}
    tests = {}
    for problem in _lines(problems):
        if problem["problem_id"] in wanted:
            tests[problem["problem_id"]] = json.loads(problem["input_output"])
    return [(row, *_parts(tests[row["problem_id"]])) for row in found]


def _lines(file):
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _parts(tests):
    fn_name = tests.get("fn_name")
    inputs = tests["inputs"] if fn_name else ["\n".join(i) if isinstance(i, list) else i for i in tests["inputs"]]
    return inputs, tests["outputs"], fn_name


@contextlib.contextmanager
def worker():
    """A function from a job of `bare_worker` to its outcome."""
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-s", str(Path(__file__).with_name("bare_worker.py"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment
    ) as process:

        def ask(**job):
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


class Agreement:
    """Verdicts of ours beside the oracle's, test by test, and each difference."""

    def __init__(self):
        self.tests, self.same, self.differences = 0, 0, []
        self.pairs = Counter()

    def add(self, row, wanted, ours, why=""):
        """Lists of unlike length differ in every test."""
        wanted, ours = [str(verdict) for verdict in wanted], [str(verdict) for verdict in ours]
        self.tests += len(wanted)
        if len(wanted) != len(ours):
            self.pairs[tuple(wanted[:1]), tuple(ours[:1])] += len(wanted)
        else:
            self.same += sum(map(str.__eq__, wanted, ours))
            self.pairs.update(zip(wanted, ours, strict=True))
        if wanted != ours:
            self.differences.append(f"{row['problem_id']} {row['kind']} {row['type']}: {wanted} ours {ours} {why}")

    @property
    def share(self):
        return self.same / self.tests

    def report(self):
        print(f"\n{self.same} of {self.tests} verdicts agree: {self.share:.4%}")
        print("\n".join(self.differences))
