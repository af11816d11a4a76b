"""verdicts.jsonl: what was written is there again, a torn end is not."""

import json

import pytest

from common.errors import RunFolderError
from jobs.apps.ledger import Ledger
from jobs.execution.pool import ACTOR_DIED
from jobs.execution.verdicts import Verdict


def verdict(sample, results=("pass", "fail"), mode="strict", **more):
    told = {"failure": "wrong answer", "error": None, "cpu_s": 0.5, "wall_s": 0.6, "peak_mb": 9} | more
    return Verdict("p", sample, mode, tuple(results), all(result == "pass" for result in results), **told)


def ledger(path, *verdicts):
    with Ledger(path, "strict") as opened:
        for each in verdicts:
            opened.append(each)
    return opened


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "verdicts.jsonl"
    first = ledger(path, verdict(0), verdict(1, ("pass", "pass"), failure=None))
    again = ledger(path, verdict(2))
    assert first.from_before == 0 and again.from_before == 2
    assert list(again.outcomes) == [("p", 0), ("p", 1), ("p", 2)]
    assert again.outcomes["p", 0] == first.outcomes["p", 0]
    assert (again.outcomes["p", 0].tests_passed, again.outcomes["p", 1].passed) == (1, True)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows[0]["results"] == ["pass", "fail"] and {"problem_id", "passed", "cpu_s", "wall_s"} <= rows[0].keys()


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_a_torn_last_line_is_dropped_and_written_again(tmp_path, cut):
    path = tmp_path / "verdicts.jsonl"
    ledger(path, verdict(0), verdict(1))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert list(ledger(path).outcomes) == [("p", 0)]
    ledger(path, verdict(1))
    assert path.read_bytes() == whole


@pytest.mark.parametrize("line", ["{}", "[1]", "nonsense", json.dumps(verdict(0).row() | {"mode": "reference"}),
                                  json.dumps(verdict(5).row())])  # fmt: skip
def test_any_other_line_that_is_no_verdict_is_named(tmp_path, line):
    path = tmp_path / "verdicts.jsonl"
    ledger(path, verdict(5))
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(RunFolderError, match=r"verdicts\.jsonl:2 is no verdict"):
        ledger(path)


def test_text_that_is_no_unicode_is_kept(tmp_path):
    path = tmp_path / "verdicts.jsonl"
    ledger(path, verdict(0, error="KeyError: '\ud800'"))
    assert list(ledger(path).outcomes) == [("p", 0)]


def test_candidates_that_were_given_up_are_known(tmp_path):
    given_up = verdict(1, failure="killed", error=f"{ACTOR_DIED} 3 times: no memory")
    found = ledger(tmp_path / "verdicts.jsonl", verdict(0, failure="killed", error="killed by SIGKILL"), given_up)
    assert [key for key, outcome in found.outcomes.items() if outcome.given_up] == [("p", 1)]
