"""From outcomes to a result's figures: overall and by difficulty, why candidates fail, two modes compared. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from common.metrics.pass_at_k import UNNAMED, Attempts, PassFigures, Rule, by_difficulty, pass_figures
from jobs.apps.inputs import SHOWN, Known
from jobs.apps.ledger import CandidateKey, Outcome
from jobs.execution.actor import ActorRecord
from jobs.execution.verdicts import SYNTAX, WRONG, Mode

Outcomes = Mapping[CandidateKey, Outcome]
STATUSES = (SYNTAX, WRONG, "timeout", "memory", "output-limit", "killed")
"""Failures that are no exception; others are the name of one."""
_RULES: dict[Mode, Rule] = {"strict": "available", "reference": "reference"}


def summarise(problems: Mapping[str, Known], outcomes: Outcomes, mode: Mode, seed: int) -> dict[str, Any]:
    """The figures of one mode, `by_difficulty`, and `failures`. Every candidate of `problems` must have an outcome."""
    attempts = [
        Attempts(known.difficulty, tuple(outcomes[name, sample].tests_passed / known.tests for sample in known.samples))
        for name, known in problems.items()
        if known.samples
    ]
    parts = by_difficulty(attempts, seed, rule=_RULES[mode])
    return {
        **_to_json(pass_figures(attempts, seed, rule=_RULES[mode])),
        "by_difficulty": {name: _to_json(part) for name, part in parts.items()},
        "failures": failures(problems, outcomes, mode, list(parts)),
    }


def failures(
    problems: Mapping[str, Known], outcomes: Outcomes, mode: Mode, difficulties: Sequence[str]
) -> dict[str, Any]:
    """`all` and `by_difficulty`: candidates that passed, and failure → candidates, the most frequent first."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in difficulties}
    for (problem, _), outcome in outcomes.items():
        counts[problems[problem].difficulty or UNNAMED][_cause(outcome, mode)] += 1
    total: Counter[str] = sum(counts.values(), Counter())
    order = ["passed", *(name for name, _ in total.most_common() if name != "passed")]
    return {
        "all": {name: total[name] for name in order},
        "by_difficulty": {part: {name: each[name] for name in order if each[name]} for part, each in counts.items()},
    }


def agreement(strict: Outcomes, reference: Outcomes) -> dict[str, Any]:
    """How often both modes say the same of a candidate, and the first ones of which only one says that it passes."""
    only: dict[str, list[CandidateKey]] = {"only_strict": [], "only_reference": []}
    both = 0
    for key, one in strict.items():
        if one.passed and not reference[key].passed:
            only["only_strict"].append(key)
        elif reference[key].passed and not one.passed:
            only["only_reference"].append(key)
        else:
            both += one.passed
    different = sum(map(len, only.values()))
    return {
        "candidates": len(strict),
        "same": len(strict) - different,
        "both_pass": both,
        "neither_passes": len(strict) - different - both,
        **{name: {"count": len(keys), "first": [list(key) for key in keys[:SHOWN]]} for name, keys in only.items()},
    }


def isolation(actors: Sequence[ActorRecord]) -> dict[str, Any]:
    """What the sandboxes of all actors really consisted of, alike ones together."""
    kinds: dict[str, dict[str, Any]] = {}
    for actor in actors:
        found = asdict(actor.isolation)
        kind = kinds.setdefault(repr(found), {**found, "actors": 0, "nodes": []})
        kind["actors"] += 1
        if actor.node not in kind["nodes"]:
            kind["nodes"].append(actor.node)
    levels = sorted({actor.isolation.level for actor in actors})
    return {"level": levels[0] if len(levels) == 1 else None, "levels": levels, "kinds": list(kinds.values())}


def _to_json(figures: PassFigures) -> dict[str, Any]:
    """The figures, each with the number `n` of its problems."""
    found: dict[str, Any] = figures.to_json()
    for name in figures.figures:
        found[name]["n"] = figures.problems - figures.left_out.get(name, 0)
    return found


def _cause(outcome: Outcome, mode: Mode) -> str:
    """`passed`, or why not; the reference reports what stops a candidate as exceptions."""
    if outcome.passed:
        return "passed"
    return outcome.failure or "error"
