"""`reference` against the reference evaluator's verdicts."""

import pytest

from jobs.execution.reference import judge
from tests.jobs.execution.oracle import Agreement, rows, worker

LIMITS = {"seconds": 4, "cpu": 11}  # CPU seconds for a test, and for all tests of a candidate
SHORT = {
    "seconds": 2,
    "cpu": 5,
}  # saves minutes on candidates that ran into the limit there; with LIMITS they agree, too


@pytest.mark.slow
def test_agrees_with_the_oracle():
    agreement = Agreement()
    with worker() as ask:
        for row, inputs, outputs, fn_name in rows():
            if row["flaky"]:
                continue
            limits = SHORT if row["seconds"] > 4 and {-1, -2} & set(row["reference"]) else LIMITS
            outcome = ask(mode="reference", code=row["code"], fn_name=fn_name, inputs=inputs, **limits)
            records = outcome["records"]
            why = {text for record in records for key, text in record.items() if key in ("error", "escaped")}
            agreement.add(row, row["reference"], judge(records, outputs), why)
    agreement.report()
    assert agreement.share >= 0.995
