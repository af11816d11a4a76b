"""How often sampled programs pass: pass@k, strict accuracy and the average share of tests passed.

pass@k is the chance that k of a problem's n samples, drawn without replacement, hold one that passes all tests. With c
that pass it is 1 − C(n−c, k) / C(n, k), unbiased for any n ≥ k; the product over i = n−c+1 … n of (1 − k/i) is the same
quotient without its huge factors (Chen et al. 2021, Evaluating Large Language Models Trained on Code, section 2.1).

All means are over problems, each counting the same however many samples it has: intervals draw problems, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from common.metrics.bootstrap import Interval, Seed, mean_interval

CUTS = (1, 2, 5, 10)
DIFFICULTIES = ("introductory", "interview", "competition")
"""The order in which reports have them; others come behind, by name."""
UNNAMED = "unnamed"
"""Where reports have problems without a difficulty."""

Rule = Literal["available", "reference"]
"""What happens with problems of fewer than k samples. `available`: pass@k is over the others, and says how many are
left out. `reference`: there is no pass@k then, as in the reference evaluator of APPS."""


@dataclass(frozen=True)
class Attempts:
    """The samples of one problem."""

    difficulty: str
    shares: tuple[float, ...]
    """Share of the tests that each sample passed, 0 to 1."""

    @classmethod
    def of(cls, difficulty: str, results: Iterable[Sequence[bool]]) -> Attempts:
        """From test results, a sequence a sample. Raises ValueError where there is no sample or no test: such problems
        have no figure, so whoever calls leaves them out and says so."""
        lists = [np.asarray(result, dtype=bool) for result in results]
        if not lists or not all(len(result) for result in lists):
            raise ValueError("need at least one sample, and at least one test in each")
        return cls(difficulty, tuple(float(result.mean()) for result in lists))

    @property
    def samples(self) -> int:
        """n."""
        return len(self.shares)

    @property
    def passed(self) -> int:
        """c: the samples that passed all tests."""
        return sum(share == 1 for share in self.shares)


@dataclass(frozen=True)
class PassFigures:
    """Figures over a set of problems."""

    problems: int
    samples: int
    figures: dict[str, Interval]
    """`avg_tests_passed`, `strict_accuracy`, `pass@1`, …; a pass@k that cannot be given is not there."""
    left_out: dict[str, int]
    """pass@k → problems with fewer than k samples, where there are any."""

    def to_json(self) -> dict[str, object]:
        """As result files hold it, the figures beside the counts."""
        figures = {name: figure.to_json() for name, figure in self.figures.items()}
        return {"problems": self.problems, "samples": self.samples, **figures, "left_out": self.left_out}


def pass_at_k(n: int, c: int, k: int) -> float:
    """The estimator for c of n samples that pass; raises ValueError unless 0 ≤ c ≤ n and 1 ≤ k ≤ n."""
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"need 0 ≤ c ≤ n and 1 ≤ k ≤ n, got n = {n}, c = {c}, k = {k}")
    if n - c < k:
        return 1.0
    return float(1 - np.prod(1 - k / np.arange(n - c + 1, n + 1)))


def pass_figures(
    attempts: Sequence[Attempts], seed: Seed, *, ks: Sequence[int] = CUTS, rule: Rule = "available"
) -> PassFigures:
    """All figures with their 95 % bootstrap intervals. Raises ValueError where there is no problem."""
    counts = [(one.samples, one.passed) for one in attempts]
    columns = {
        "avg_tests_passed": [float(np.mean(one.shares)) for one in attempts],
        "strict_accuracy": [c / n for n, c in counts],
    }
    left_out = {}
    for k in ks:
        enough = [(n, c) for n, c in counts if n >= k]
        if short := len(counts) - len(enough):
            left_out[f"pass@{k}"] = short
        if enough and not (short and rule == "reference"):
            columns[f"pass@{k}"] = [pass_at_k(n, c, k) for n, c in enough]
    figures = {name: mean_interval(np.array(values), seed=seed) for name, values in columns.items()}
    return PassFigures(len(counts), sum(n for n, _ in counts), figures, left_out)


def by_difficulty(
    attempts: Sequence[Attempts], seed: Seed, *, ks: Sequence[int] = CUTS, rule: Rule = "available"
) -> dict[str, PassFigures]:
    """Difficulty → its figures. The rule is applied to each difficulty by itself."""
    groups: dict[str, list[Attempts]] = {}
    for one in attempts:
        groups.setdefault(one.difficulty or UNNAMED, []).append(one)
    order = [name for name in DIFFICULTIES if name in groups]
    order += sorted(groups.keys() - set(DIFFICULTIES))
    return {name: pass_figures(groups[name], seed, ks=ks, rule=rule) for name in order}
