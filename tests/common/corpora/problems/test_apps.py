"""APPS in the Hub's layout: what a row becomes, and what is said of rows that cannot be used."""

import gzip
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.corpora.lines import Problem, json_objects
from common.corpora.problems.integers import long_integers, parse_json
from common.corpora.problems.reading import read_problems, stream_problems
from common.corpora.problems.record import CodeProblem, Notice, accepted
from common.errors import DataError
from tests.common.corpora.sources.layouts import data, jsonl

ORACLES = Path(os.environ.get("CODEADAPTERS_ORACLES", "../shared/oracles"))


def row(number=0, tests=None, **more):
    tests = {"inputs": ["1\n"], "outputs": ["2\n"]} if tests is None else tests
    return {
        "problem_id": number,
        "question": "Add one.",
        "solutions": json.dumps(["print(int(input()) + 1)"]),
        "input_output": tests if isinstance(tests, str) else json.dumps(tests),
        "difficulty": "interview",
        "url": "https://host/7",
        "starter_code": "",
        **more,
    }


@pytest.fixture
def read(tmp_path):
    return lambda *rows, **options: read_problems(jsonl(tmp_path / "p.jsonl", rows), **options)


def test_a_program_that_reads_and_prints(read):
    (problem,) = read(row(7)).problems
    assert problem == CodeProblem(
        "7", "Add one.", "stdin", ("1\n",), ("2\n",), None, "", "interview", ("print(int(input()) + 1)",)
    )
    assert problem.tested
    assert problem.program("x") == "x"


def test_lines_are_joined_for_the_program_and_kept_for_the_comparison(read):
    (problem,) = read(row(tests={"inputs": [["2", "1 2"], []], "outputs": [["3", "4"], "5"]})).problems
    assert problem.inputs == ("2\n1 2", "")
    assert problem.outputs == (["3", "4"], "5")


def test_several_answers_may_be_right(read):
    outputs = [{"any_of": ["1 2", ["2", "1"]]}, "3"]
    (problem,) = read(row(tests={"inputs": ["", ""], "outputs": outputs})).problems
    assert problem.outputs == tuple(outputs)
    assert [list(accepted(output)) for output in problem.outputs] == [["1 2", ["2", "1"]], ["3"]]


def test_arguments_and_results_of_calls_stay_as_they_are(read):
    tests = {"fn_name": "f", "inputs": [[{"1": [2]}, None], []], "outputs": [[[1, 2]], float("inf")]}
    (problem,) = read(row(tests=tests, starter_code="def f(a, b):")).problems
    assert (problem.kind, problem.fn_name, problem.starter_code) == ("call", "f", "def f(a, b):")
    assert problem.inputs == ([{"1": [2]}, None], [])
    assert problem.outputs == ([[1, 2]], float("inf"))


@pytest.mark.parametrize(
    "tests", ["", " \n", None, {"inputs": [], "outputs": []}, {"fn_name": "f ", "inputs": [], "outputs": []}]
)
def test_a_problem_without_tests_is_counted_and_streams_as_such(read, tmp_path, tests):
    without = row(1)
    without["input_output"] = json.dumps(tests) if isinstance(tests, dict) else tests
    found = read(row(0), without)
    assert [problem.id for problem in found.problems] == ["0"]
    assert found.without_tests == ("1",)
    assert not found.problems_found
    _, second = stream_problems(tmp_path / "p.jsonl")
    assert (second.id, second.tested, second.solutions) == ("1", False, ("print(int(input()) + 1)",))


BAD = {
    "not JSON": ('{"inputs": [', "input_output", "not JSON: Expecting value"),
    "no object": ("[1]", "input_output", "must hold a JSON object"),
    "too deep": ("[" * 200_000, "input_output", "nested too deeply"),
    "no outputs": ({"inputs": []}, "input_output", "no list `outputs`"),
    "inputs of another kind": ({"inputs": "1", "outputs": ["1"]}, "input_output", "no list `inputs`"),
    "unequal": ({"inputs": ["1", "2"], "outputs": ["1"]}, "input_output", "2 inputs, but 1 outputs"),
    "stdin is no text": ({"inputs": ["1", 2], "outputs": ["1", "2"]}, "input_output", "inputs[1] is neither"),
    "stdout is no text": ({"inputs": ["1"], "outputs": [[1]]}, "input_output", "outputs[0] is neither"),
    "no character": ({"inputs": ["\ud800"], "outputs": [""]}, "input_output", "inputs[0] holds half"),
    "blank in the name": (
        {"fn_name": "f ", "inputs": [[1]], "outputs": [1]},
        "input_output",
        "fn_name 'f ' is no name",
    ),
    "a keyword": ({"fn_name": "class", "inputs": [[1]], "outputs": [1]}, "input_output", "fn_name 'class'"),
    "a name that is no text": ({"fn_name": 3, "inputs": [[1]], "outputs": [1]}, "input_output", "fn_name 3"),
    "an answer that is no text": (
        {"inputs": ["1"], "outputs": [{"any_of": ["1", 2]}]},
        "input_output",
        "outputs[0] is neither",
    ),
    "no answer": ({"fn_name": "f", "inputs": [[1]], "outputs": [{"any_of": []}]}, "input_output", "outputs[0] accepts"),
    "no arguments": ({"fn_name": "f", "inputs": [1], "outputs": [1]}, "input_output", "inputs[0] is no list"),
}


@pytest.mark.parametrize(("tests", "field", "reason"), BAD.values(), ids=BAD)
def test_tests_that_cannot_be_used_are_reported_and_the_rest_goes_on(read, tests, field, reason):
    found = read(row(1), row(2, tests), row(3))
    assert [problem.id for problem in found.problems] == ["1", "3"]
    (problem,) = found.problems_found
    assert (problem.line, problem.field) == (2, field)
    assert problem.reason.startswith("problem 2: ")
    assert reason in problem.reason


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"question": None}, "question", "problem 2: a string is needed, not null"),
        ({"question": " "}, "question", "problem 2: empty"),
        ({"input_output": {}}, "input_output", "problem 2: a string that holds JSON"),
        ({"difficulty": 3}, "difficulty", "problem 2: a string is needed"),
        ({"problem_id": True}, "problem_id", "an integer or a string"),
        ({"problem_id": 2.0}, "problem_id", "an integer or a string"),
        ({"problem_id": " 2"}, "problem_id", "outer blanks"),
        ({"problem_id": "1"}, "problem_id", "problem 1: was there before (line 1)"),
    ],
)
def test_fields_that_cannot_be_used_are_reported(read, change, field, reason):
    found = read(row(1), row(2, **change), row(3))
    assert [problem.id for problem in found.problems] == ["1", "3"]
    assert [(problem.line, problem.field) for problem in found.problems_found] == [(2, field)]
    assert found.problems_found[0].reason.startswith(reason) or reason in found.problems_found[0].reason


@pytest.mark.parametrize("field", ["problem_id", "question", "input_output"])
def test_what_must_be_there_is_missing(read, field):
    bad = row(2)
    del bad[field]
    found = read(row(1), bad)
    assert len(found.problems) == 1
    assert found.problems_found[0].field == field
    assert "missing" in found.problems_found[0].reason


@pytest.mark.parametrize("field", ["solutions", "difficulty", "starter_code", "url"])
def test_what_may_be_missing(read, field):
    (problem,) = read({key: value for key, value in row().items() if key != field}).problems
    assert getattr(problem, field, ()) in ("", ())


def test_a_good_problem_behind_a_bad_one_of_the_same_id_counts(read):
    found = read(row(1, "{"), row(1))
    assert [problem.id for problem in found.problems] == ["1"]
    assert len(found.problems_found) == 1


@pytest.mark.parametrize(
    ("solutions", "kept", "reason"),
    [("[", (), "not JSON"), ('{"a": 1}', (), "no list"), ('["x", 3, "\\ud800"]', ("x",), "2 of 3 are no text")],
)
def test_solutions_that_cannot_be_read_cost_a_notice_only(read, solutions, kept, reason):
    found = read(row(4, solutions=solutions))
    assert found.problems[0].solutions == kept
    (notice,) = found.problems_found
    assert isinstance(notice, Notice)
    assert (notice.line, notice.field) == (1, "solutions")
    assert notice.reason.startswith("problem 4: ")
    assert reason in notice.reason


def test_ten_megabytes_of_input_are_an_input_like_others(read):
    text = "1 " * 5_000_000
    (problem,) = read(row(tests={"inputs": [text], "outputs": [text]})).problems
    assert problem.inputs == (text,)


@pytest.mark.parametrize("name", [None, "f"])
def test_a_larger_input_than_allowed_is_reported(read, name):
    large = {"inputs": [["1"], ["é" * 600]], "outputs": [["1"], ["1"]]}
    if name:
        large["fn_name"] = name
    found = read(row(1, large), row(2), largest=1000)
    assert [problem.id for problem in found.problems] == ["2"]
    assert found.problems_found[0].reason.startswith("problem 1: inputs[1] has ")
    assert len(read(row(1, large), largest=10_000).problems) == 1


def test_integers_of_any_length_and_the_limit_is_back_afterwards(read):
    before = sys.get_int_max_str_digits()
    digits = "9" * 6000
    found = read(row(tests=f'{{"fn_name": "f", "inputs": [[{digits}]], "outputs": [1]}}'), row(1, "{"))
    assert sys.get_int_max_str_digits() == before
    assert found.problems[0].inputs[0][0] == 10**6000 - 1
    with long_integers(), long_integers():
        pass
    assert sys.get_int_max_str_digits() == before
    with pytest.raises(ValueError, match="4300"):
        int(digits)


def test_the_limit_stays_lifted_until_the_last_has_left():
    before = sys.get_int_max_str_digits()
    one, two = long_integers(), long_integers()
    one.__enter__()
    two.__enter__()
    one.__exit__(None, None, None)
    assert sys.get_int_max_str_digits() == 0
    two.__exit__(None, None, None)
    assert sys.get_int_max_str_digits() == before


def test_a_stream_leaves_the_limit_alone_between_two_problems(tmp_path):
    before = sys.get_int_max_str_digits()
    stream = stream_problems(jsonl(tmp_path / "p.jsonl", [row(1), row(2)]))
    next(stream)
    assert sys.get_int_max_str_digits() == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.tuples(st.lists(JSON, max_size=3), JSON), min_size=1, max_size=4))
def test_calls_are_read_as_they_were_written(tmp_path_factory, tests):
    inputs, outputs = zip(*tests, strict=True)
    path = tmp_path_factory.mktemp("calls") / "p.jsonl"
    (problem,) = read_problems(
        jsonl(path, [row(tests={"fn_name": "f", "inputs": inputs, "outputs": outputs})])
    ).problems
    assert problem.inputs == inputs
    assert problem.outputs == outputs


@given(st.dictionaries(st.sampled_from(["inputs", "outputs", "fn_name", "x"]), JSON) | JSON, JSON)
def test_no_tests_however_wrong_stop_the_reading(tmp_path_factory, tests, solutions):
    path = tmp_path_factory.mktemp("wrong") / "p.jsonl"
    found = read_problems(jsonl(path, [row(1), row(2, json.dumps(tests), solutions=solutions), row(3)]))
    told = {item.reason.split(":")[0] for item in found.problems_found if not isinstance(item, Notice)}
    assert {problem.id for problem in found.problems} | set(found.without_tests) >= {"1", "3"}
    assert len(found.problems) + len(found.without_tests) + len(told) == 3


def test_python_s_infinities_and_nothing_else():
    assert parse_json("[Infinity, -Infinity]") == [float("inf"), float("-inf")]
    with pytest.raises(ValueError, match="Expecting"):
        parse_json("[Inf]")


def test_a_file_without_a_problem_says_where_the_first_one_is_bad(read):
    with pytest.raises(DataError, match=r"p\.jsonl:1: field 'input_output': problem 1: not JSON.*2 bad"):
        read(row(1, "{"), row(2, "{"))


def test_the_real_problems():
    folder = data("apps")
    found = read_problems(folder)
    rows = [item[1] for item in json_objects(next(folder.glob("train.jsonl*"))) if not isinstance(item, Problem)]
    empty = {str(row["problem_id"]) for row in rows if not row["input_output"] or '"inputs": []' in row["input_output"]}
    assert not found.problems_found
    assert {problem.id for problem in found.problems} == {str(row["problem_id"]) for row in rows} - empty
    assert set(found.without_tests) == empty
    assert {problem.difficulty for problem in found.problems} == {"introductory", "interview", "competition"}


def test_the_real_problems_have_the_oracle_s_tests():
    table = ORACLES / "apps_verdicts.jsonl.gz"
    if not table.exists():
        pytest.skip(f"no {table}; CODEADAPTERS_ORACLES names the folder of oracle tables")
    problems = {problem.id: problem for problem in read_problems(data("apps")).problems}
    with gzip.open(table, "rt") as lines:
        told = [json.loads(line) for line in lines]
    assert told
    for one in told:
        problem = problems[str(one["problem_id"])]
        assert (problem.kind, len(problem.inputs), problem.difficulty) == (
            one["type"], one["n_tests"], one["difficulty"],
        )  # fmt: skip
