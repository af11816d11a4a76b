"""`strict` against the oracle's strict column."""

import json
import signal

import pytest

from jobs.execution.strict import stdout_matches, value_matches
from tests.jobs.execution.oracle import Agreement, rows, worker

SECONDS = 10  # of CPU time for a test
SHORT = 3  # saves minutes on candidates that ran into the limit there; with SECONDS they agree, too


@pytest.mark.slow
def test_agrees_with_the_oracle():
    agreement = Agreement()
    with worker() as ask:
        for row, inputs, outputs, fn_name in rows():
            verdicts, cpu = [], SHORT if "timeout" in row["strict"] else SECONDS
            for given, expected in zip(inputs, outputs, strict=True):
                allowed = 2 if row["kind"] in ("reference", "alternative") else 1  # the oracle gives up after as many
                if verdicts.count("timeout") == allowed:
                    verdicts.append("skipped")
                    continue
                outcome = ask(mode="call" if fn_name else "stdin", code=row["code"], fn_name=fn_name,
                              inputs=given, cpu=cpu)  # fmt: skip
                verdicts.append(verdict(outcome, expected, fn_name))
            agreement.add(row, row["strict"], verdicts)
    agreement.report()
    assert agreement.share >= 0.995


def verdict(outcome, expected, fn_name):
    if outcome["signal"] in (signal.SIGXCPU, signal.SIGKILL):
        return "timeout"
    if outcome["status"] or outcome["signal"]:
        return "error"
    if not fn_name:
        return "pass" if stdout_matches(outcome["output"], expected) else "fail"
    return "pass" if value_matches(json.loads(outcome["output"]), expected) else "fail"
