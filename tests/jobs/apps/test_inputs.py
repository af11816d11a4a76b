"""What is known of problems and candidates before anything runs, and what a dry run says of it."""

import json

import pytest

from common.config import parse
from common.errors import ConfigError, DataError, UserError
from jobs.apps.config import EvaluateAppsConfig
from jobs.apps.inputs import problem_stream, read_inputs
from tests.jobs.apps.samples import GOOD, candidate, evaluate, problem, usual, written


def configured(*flags):
    return parse(EvaluateAppsConfig, [str(flag) for flag in flags], prog="test").config


def inputs(*flags):
    config = configured(*flags)
    return read_inputs(config, problem_stream(config, None))


def test_what_can_be_used_is_kept_and_the_rest_is_told(tmp_path):
    found = inputs(*usual(tmp_path))
    assert {name: known.samples for name, known in found.problems.items()} == {
        "1": (0, 1, 2), "2": (0, 1), "3": (0, 1), "4": (),
    }  # fmt: skip
    assert found.expected == 7
    counts = {name: tally.count for name, tally in found.left_out.items()}
    assert counts == {
        "problem": 3, "problem_without_tests": 1, "problem_without_candidates": 1, "candidate": 3,
        "candidate_for_unknown_problem": 1, "candidate_for_problem_without_tests": 1,
    }  # fmt: skip
    assert "problems.jsonl:7" in found.left_out["problem"].first[1]
    bad = found.left_out["candidate"].first
    assert [place.split("candidates.jsonl:")[1].split(":")[0] for place in bad] == ["8", "9", "12"]
    assert "problem 77" in found.left_out["candidate_for_unknown_problem"].first[0]


def test_the_work_is_each_problem_with_its_candidates(tmp_path):
    flags = usual(tmp_path)
    stream = problem_stream(configured(*flags), None)
    work = [(item.id, [sample for sample, _ in codes]) for item, codes in inputs(*flags).work(stream)]
    assert work == [("1", [0, 1, 2]), ("2", [0, 1]), ("3", [0, 1])]


def test_solutions_are_candidates(tmp_path):
    file = written(tmp_path / "p.jsonl", [problem(1, solutions=json.dumps(["a", "b", "c"])), problem(2, solutions="")])
    assert inputs("--problems", file, "--candidates", "solutions").expected == 1
    found = inputs("--problems", file, "--candidates", "solutions", "--first-solutions", 2)
    assert found.problems["1"].samples == (0, 1)
    assert found.left_out["problem_without_candidates"].first == ["2"]


def test_the_digest_is_of_what_is_used(tmp_path):
    flags = usual(tmp_path)
    before = inputs(*flags).digest
    with (tmp_path / "candidates.jsonl").open("a") as file:
        file.write("another bad line\n")
    assert inputs(*flags).digest == before
    with (tmp_path / "candidates.jsonl").open("a") as file:
        file.write(json.dumps(candidate(4, 0, GOOD)) + "\n")
    assert inputs(*flags).digest != before


def test_where_nothing_can_be_run_the_reasons_are_told(tmp_path):
    problems = written(tmp_path / "p.jsonl", [problem(1, "")])
    candidates = written(tmp_path / "c.jsonl", [candidate(1, 0, GOOD), candidate(2, 0, GOOD), "nonsense"])
    with pytest.raises(DataError, match="no candidate can be run") as raised:
        inputs("--problems", problems, "--candidates", candidates)
    for reason in ("1 problems without tests", "1 candidates that cannot be used", "c.jsonl:3", "not there"):
        assert reason in str(raised.value)


def test_test_scripts_know_strict_only(tmp_path):
    row = {"task_id": 1, "text": "Add.", "code": "def add(a, b): return a + b", "test_list": ["assert add(1, 2) == 3"]}
    file = written(tmp_path / "mbpp.jsonl", [row])
    assert inputs("--problems", file, "--candidates", "solutions").problems["1"].kind == "script"
    for mode in ("reference", "both"):
        with pytest.raises(UserError, match="one mode only"):
            inputs("--problems", file, "--candidates", "solutions", "--mode", mode)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((), "problems is required"),
        (("--problems", "x"), "candidates is required"),
        (("--problems", "hub:leetcode", "--candidates", "c"), "hub:apps"),
        (("--problems", "x", "--candidates", "c", "--split", "test"), "split goes with"),
        (("--problems", "x", "--candidates", "c", "--first-solutions", "2"), "goes with candidates solutions"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(flags, told):
    with pytest.raises(ConfigError, match=told):
        configured(*flags)


def test_a_dry_run_counts_and_writes_nothing(tmp_path):
    flags = usual(tmp_path)
    status, out, err = evaluate(*flags, "--run-dir", tmp_path / "run", "--mode", "both", "--dry-run")
    assert status == 0, err
    assert "3 with tests and candidates" in out and "7, 38 tests to run in mode both" in out
    assert "problems.jsonl:7" in out and "level full" in out
    assert not (tmp_path / "run").exists()


def test_a_dry_run_knows_microproblems():
    status, out, err = evaluate(
        "--problems", "microproblems", "--split", "eval_families", "--candidates", "solutions", "--dry-run"
    )
    assert status == 0, err
    assert "stdin" in out and "call" in out and "left out" not in out
    status, _, err = evaluate(
        "--problems", "microproblems", "--split", "test", "--candidates", "solutions", "--dry-run"
    )
    assert status == 2 and "eval_instances" in err


def test_a_missing_file_is_the_user_s_to_mend(tmp_path):
    status, _, err = evaluate("--problems", tmp_path / "no.jsonl", "--candidates", "solutions", "--dry-run")
    assert status == 2 and "no.jsonl: no such file" in err
