"""A stand-in for the APPS reference evaluator (codeparrot/apps_metric): its structure and cost, our code.

A `multiprocessing.Manager` and a `Process` for each candidate, forked from a parent that has numpy loaded; the process
imports the evaluator's preamble, runs all tests in turn with stdin patched by `unittest.mock`, compares, and appends
to the manager's list. It isolates nothing. Checked against the figures of the reference page: an empty round cost the
original 31 ms of wall and 17.5 ms of CPU time, a generation with three trivial tests about 43 ms of wall time.
"""

from __future__ import annotations

import builtins
import io
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import mock_open, patch

from common.corpora.problems.record import CodeProblem
from jobs.execution import reference
from jobs.execution.inside import reference_run

SECONDS = 10  # the outer limit; one more for the process to notice
PREAMBLE = """
import sys, time, itertools, collections, functools, math, fractions, typing, random, heapq, bisect, string, re
import numpy as np
from itertools import accumulate, product, permutations, combinations
from collections import Counter, OrderedDict, deque, defaultdict, ChainMap
from functools import lru_cache
from math import sqrt, ceil, floor, gcd, log
from typing import List, Tuple
from heapq import *
"""


def check(problem: CodeProblem, code: str) -> list[bool | int]:
    """The reference's verdicts, at the reference's cost."""
    with multiprocessing.Manager() as manager:
        results = manager.list()
        process = multiprocessing.Process(target=_run, args=(problem, code, results))
        process.start()
        process.join(SECONDS + 1)
        if process.is_alive():
            process.kill()
            process.join()
        found = list(results)
    return found[0] if found else [reference.TEST_FAILED] * len(problem.inputs)


def _run(problem: CodeProblem, code: str, results: Any) -> None:
    exec(compile(PREAMBLE, "preamble", "exec"), {})
    records: list[dict[str, Any]] = []
    inputs: Sequence[Any] = problem.inputs
    sys.stdout = io.StringIO()
    emit: Callable[[dict[str, Any]], None] = records.append
    for text in inputs if problem.kind == "stdin" else ():
        with patch.object(builtins, "open", mock_open(read_data=text)), patch("sys.stdin", io.StringIO(text)):
            pass  # what mocking costs the original for every test
    reference_run.run(code, problem.fn_name, list(inputs), emit)
    results.append(reference.judge(records, problem.outputs))
