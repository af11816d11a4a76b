"""Candidates: what is kept, and what is said with its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.corpora.lines import Problem
from common.corpora.problems.candidates import Candidate, read_candidates, stream_candidates
from common.corpora.problems.record import Notice
from common.errors import DataError
from tests.common.corpora.sources.layouts import jsonl


def row(problem=1, sample=0, code="print(1)", **more):
    return {"problem_id": problem, "sample": sample, "code": code, **more}


@pytest.mark.parametrize("name", ["c.jsonl", "c.jsonl.gz"])
def test_candidates_in_order_and_numbers_as_text(tmp_path, name):
    found, problems = read_candidates(jsonl(tmp_path / name, [row(), row(sample=1), row("HumanEval/1"), row(2)]))
    assert [(one.problem_id, one.sample) for one in found] == [("1", 0), ("1", 1), ("HumanEval/1", 0), ("2", 0)]
    assert not problems


@pytest.mark.parametrize("code", ["", "\0", "def", " \n"])
def test_nonsense_is_a_candidate(tmp_path, code):
    assert read_candidates(jsonl(tmp_path / "c.jsonl", [row(code=code)])) == ((Candidate("1", 0, code),), ())


@pytest.mark.parametrize(
    ("bad", "field", "reason"),
    [
        (row(), "sample", "problem 1, sample 0 was there before"),
        (row("1"), "sample", "problem 1, sample 0 was there before"),
        (row(2, -1), "sample", "problem 2: an integer from 0 is needed, not -1"),
        (row(2, True), "sample", "not True"),
        (row(2, "0"), "sample", "not '0'"),
        (row(2, 1.0), "sample", "not 1.0"),
        ({"problem_id": 2, "code": ""}, "sample", "problem 2: missing"),
        ({"problem_id": 2, "sample": 0}, "code", "problem 2, sample 0: missing"),
        (row(2, 0, None), "code", "problem 2, sample 0: a text is needed"),
        (row(2, 0, ["print(1)"]), "code", "a text is needed"),
        (row(2, 0, "\ud800"), "code", "surrogate"),
        (row(None), "problem_id", "an integer or a string"),
        ({"sample": 0, "code": ""}, "problem_id", "missing"),
        ("[1]", None, "a JSON object is needed"),
        ("{", None, "not JSON"),
    ],
)
def test_what_is_no_candidate_is_reported_and_the_rest_goes_on(tmp_path, bad, field, reason):
    path = jsonl(tmp_path / "c.jsonl", [row(), bad, row(3)])
    found, problems = read_candidates(path)
    assert [one.problem_id for one in found] == ["1", "3"]
    assert [(problem.path, problem.line, problem.field) for problem in problems] == [(path, 2, field)]
    assert reason in problems[0].reason
    assert not isinstance(problems[0], Notice)


def test_a_good_sample_behind_a_bad_one_counts(tmp_path):
    found, problems = read_candidates(jsonl(tmp_path / "c.jsonl", [row(code=3), row()]))
    assert (len(found), len(problems)) == (1, 1)


def test_foreign_fields_are_told_once_and_cost_nothing(tmp_path):
    rows = [row(sample=0, model="m"), row(sample=1, model="m"), row(sample=2, temperature=1)]
    found, problems = read_candidates(jsonl(tmp_path / "c.jsonl", rows))
    assert len(found) == 3
    assert [(type(problem), problem.line, problem.field) for problem in problems] == [
        (Notice, 1, "model"),
        (Notice, 3, "temperature"),
    ]


@pytest.mark.parametrize("rows", [[], ["{"]])
def test_a_file_without_a_candidate(tmp_path, rows):
    with pytest.raises(DataError, match=r"c\.jsonl: it holds no candidate"):
        read_candidates(jsonl(tmp_path / "c.jsonl", rows))
    with pytest.raises(DataError, match="no such file"):
        read_candidates(tmp_path / "none.jsonl")


VALUES = st.none() | st.booleans() | st.integers(-2, 3) | st.text(max_size=3) | st.lists(st.integers(), max_size=1)


@given(st.lists(st.dictionaries(st.sampled_from(["problem_id", "sample", "code", "x"]), VALUES), max_size=12))
def test_every_line_is_a_candidate_or_a_problem(tmp_path_factory, rows):
    path = jsonl(tmp_path_factory.mktemp("candidates") / "c.jsonl", [json.dumps(row) for row in rows])
    items = [item for item in stream_candidates(path) if not isinstance(item, Notice)]
    assert len(items) == len(rows)
    good = [item for item in items if not isinstance(item, Problem)]
    assert len({(one.problem_id, one.sample) for one in good}) == len(good)
    assert all(one.sample >= 0 and isinstance(one.code, str) for one in good)
