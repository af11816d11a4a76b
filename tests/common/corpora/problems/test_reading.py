"""Telling layouts apart; APPS' folders; HumanEval and MBPP; the Hub, which is never reached."""

import json

import datasets
import pytest

from common.corpora.problems.hub import stream_hub
from common.corpora.problems.reading import read_problems, stream_problems
from common.corpora.problems.record import Notice
from common.errors import DataError
from tests.common.corpora.problems.test_apps import row
from tests.common.corpora.sources.layouts import data, jsonl, write

HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'def f(a):\n    """Adds one."""\n',
    "entry_point": "f",
    "canonical_solution": "    return a + 1\n",
    "test": "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(2) == 3\n",
}
FULL = {
    "task_id": 2, "text": "Add one.", "code": "def f(a):\r\n  return a + K", "test_setup_code": "K = 1",
    "test_list": ["assert f(1) == 2", "assert f(2) == 3"], "challenge_test_list": ["assert f(3) == 5"],
}  # fmt: skip
SANITISED = {
    "source_file": "Benchmark Questions", "task_id": 3, "prompt": "Take the root.", "code": "def r(a): return a ** .5",
    "test_imports": ["import math"], "test_list": ["assert math.isclose(r(4), 2)"],
}  # fmt: skip


def passes(problem, code, number=0):
    try:
        exec(problem.program(code) + "\n" + problem.inputs[number], {})
    except AssertionError:
        return False
    return True


def test_humaneval(tmp_path):
    (problem,) = read_problems(jsonl(tmp_path / "h.jsonl.gz", [HUMANEVAL])).problems
    assert (problem.id, problem.kind, problem.fn_name, problem.outputs) == ("HumanEval/0", "script", "f", ())
    assert problem.prompt_prefix == problem.question == HUMANEVAL["prompt"]
    assert len(problem.inputs) == 1
    assert passes(problem, problem.solutions[0])
    assert not passes(problem, "    return 2\n")
    assert passes(problem, "def f(a):\n    return a + 1\n"), "a whole function counts as well"


def test_mbpp_in_full(tmp_path):
    (problem,) = read_problems(jsonl(tmp_path / "m.jsonl", [FULL])).problems
    assert (problem.id, problem.kind, problem.outputs, problem.prompt_prefix) == ("2", "script", (), "")
    assert problem.inputs == ("K = 1\nassert f(1) == 2\n", "K = 1\nassert f(2) == 3\n")
    assert problem.question.startswith("Add one.")
    assert "assert f(2) == 3" in problem.question
    assert passes(problem, problem.solutions[0], 1)
    assert [passes(problem, "def f(a): return 2", number) for number in (0, 1)] == [True, False]


def test_mbpp_sanitised_is_an_array(tmp_path):
    path = write(tmp_path / "sanitized-mbpp.json", json.dumps([SANITISED, {**SANITISED, "task_id": 4}], indent=2))
    found = read_problems(path)
    assert [problem.id for problem in found.problems] == ["3", "4"]
    assert found.problems[0].inputs == ("import math\nassert math.isclose(r(4), 2)\n",)
    assert passes(found.problems[0], SANITISED["code"])


@pytest.mark.parametrize(
    ("good", "change", "field", "reason"),
    [
        (HUMANEVAL, {"entry_point": "f g"}, "entry_point", "is no name"),
        (HUMANEVAL, {"test": "assert f(1) == 2"}, "test", "no check"),
        (HUMANEVAL, {"prompt": 3}, "prompt", "a string is needed"),
        (HUMANEVAL, {"task_id": None}, "task_id", "an integer or a string"),
        (FULL, {"test_list": "assert f(1) == 2"}, "test_list", "a list of texts"),
        (FULL, {"test_list": ["assert f(1) == 2", 3]}, "test_list", "[1]: a string is needed"),
        (FULL, {"text": ""}, "text", "empty"),
        (SANITISED, {"test_imports": [None]}, "test_imports", "[0]: a string"),
    ],
)
def test_scripts_that_cannot_be_used_are_reported(tmp_path, good, change, field, reason):
    key = "HumanEval/9" if good is HUMANEVAL else 9
    found = read_problems(jsonl(tmp_path / "s.jsonl", [good, {**good, "task_id": key, **change}]))
    assert [problem.id for problem in found.problems] == [str(good["task_id"])]
    assert [(problem.line, problem.field) for problem in found.problems_found] == [(2, field)]
    assert reason in found.problems_found[0].reason


def test_scripts_without_tests(tmp_path):
    none = {**FULL, "task_id": 5, "test_list": []}
    assert read_problems(jsonl(tmp_path / "s.jsonl", [FULL, none])).without_tests == ("5",)
    none = {**HUMANEVAL, "task_id": "HumanEval/5", "test": ""}
    assert read_problems(jsonl(tmp_path / "s.jsonl", [HUMANEVAL, none])).without_tests == ("HumanEval/5",)


@pytest.fixture
def folders(tmp_path):
    """APPS' first release: 0007 is whole, 0011 has no tests, 0012 no question; and a folder of something else."""
    tests = {"fn_name": "f", "inputs": [[1]], "outputs": [2]}
    root = tmp_path / "APPS" / "train"
    write(root / "0007/question.txt", "Add one.")
    write(root / "0007/input_output.json", json.dumps(tests))
    write(root / "0007/solutions.json", json.dumps(["def f(a): return a + 1"]))
    write(root / "0007/metadata.json", json.dumps({"difficulty": "interview", "url": "https://host"}))
    write(root / "0007/starter_code.py", "def f(a):")
    write(root / "0011/question.txt", "Nothing to test.")
    write(root / "0012/input_output.json", json.dumps(tests))
    write(root / "other/notes.txt", "")
    return root


def test_folders_give_what_the_hub_s_rows_give(folders, tmp_path):
    found = read_problems(folders)
    tests = {"fn_name": "f", "inputs": [[1]], "outputs": [2]}
    same = row(7, tests, solutions='["def f(a): return a + 1"]', starter_code="def f(a):")
    assert found.problems == read_problems(jsonl(tmp_path / "p.jsonl", [same])).problems
    assert found.without_tests == ("11",)
    assert [(problem.path.name, problem.field) for problem in found.problems_found] == [
        ("0012", "question"),
        ("other", None),
    ]
    assert read_problems(folders / "0007").problems == found.problems


def test_files_of_a_folder_that_cannot_be_read(folders):
    (folders / "0011/question.txt").write_bytes(b"\xff")
    write(folders / "0007/metadata.json", "{")
    bad = {problem.path.name: problem for problem in read_problems(folders).problems_found}
    assert bad["question.txt"].reason == "not UTF-8 at byte 1"
    assert isinstance(bad["metadata.json"], Notice)
    assert read_problems(folders).problems[0].difficulty == ""


def test_a_path_that_may_mean_several_things(folders, tmp_path):
    write(folders.parent / "test/0007/question.txt", "Another.")
    with pytest.raises(DataError, match=r"which is meant: test, train\?"):
        stream_problems(folders.parent)
    jsonl(tmp_path / "two/a.jsonl", [row(1)])
    assert len(read_problems(tmp_path / "two").problems) == 1
    jsonl(tmp_path / "two/b.jsonl.gz", [row(1)])
    with pytest.raises(DataError, match=r"which is meant: a\.jsonl, b\.jsonl\.gz\?"):
        stream_problems(tmp_path / "two")


def test_what_is_no_set_of_problems(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        stream_problems(tmp_path / "none.jsonl")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="layout that is understood"):
        stream_problems(tmp_path / "empty")
    with pytest.raises(DataError, match=r"no record has the fields of a problem \(first bad line: .*:1: not JSON"):
        stream_problems(jsonl(tmp_path / "x.jsonl", ["{", {"query": "a"}]))


def test_lines_before_the_first_record_do_not_hide_the_layout(tmp_path):
    found = read_problems(jsonl(tmp_path / "p.jsonl", ["{", {"problem_id": 1}, row(2)]))
    assert [problem.id for problem in found.problems] == ["2"]
    assert [problem.line for problem in found.problems_found] == [1, 2]


def test_a_layout_that_is_named_is_not_guessed(tmp_path):
    path = jsonl(tmp_path / "p.jsonl", [HUMANEVAL])
    with pytest.raises(DataError, match="field 'problem_id': missing"):
        read_problems(path, "apps")
    assert len(read_problems(path, "humaneval").problems) == 1


def test_the_real_humaneval():
    found = read_problems(data("humaneval"))
    assert (len(found.problems), found.problems_found, found.without_tests) == (164, (), ())
    for problem in found.problems[:20]:
        assert passes(problem, problem.solutions[0])


def test_the_hub(tmp_path, monkeypatch):
    calls = []

    def load_dataset(repository, config, *, split, revision, streaming):
        calls.append((repository, config, split))
        return iter({"full": [FULL], "sanitized": [SANITISED]}.get(config, [HUMANEVAL]))

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    found = [next(iter(stream_hub(name))) for name in ("humaneval", "mbpp", "mbpp-sanitized")]
    assert [problem.id for problem in found] == ["HumanEval/0", "2", "3"]
    assert [call[1] for call in calls] == ["openai_humaneval", "full", "sanitized"]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(DataError, match=r"cannot be had from the Hub"):
        stream_hub("apps", "train")
    write(tmp_path / "datasets--codeparrot--apps/refs/main", "0" * 40)
    jsonl(tmp_path / "datasets--codeparrot--apps/snapshots" / ("0" * 40) / "train.jsonl", [row(5)])
    assert [problem.id for problem in stream_hub("apps", "train")] == ["5"]
