"""Anyone's own files."""

import pytest

from common.errors import ConfigError, DataError
from tests.common.corpora.instructions.sets import accounts_for_all, bad, everything, load
from tests.common.corpora.sources.layouts import jsonl


def row(n, **more):
    return {"instruction": f"Task number {n}", "code": f"result{n} = first{n}(second{n}, third{n}) * {n}", **more}


def test_dev_and_test_are_held_out(tmp_path):
    sets = load("jsonl", jsonl={"train": [jsonl(tmp_path / "mine.jsonl", [row(n) for n in range(50)])]})
    assert (len(sets.train), len(sets.dev), len(sets.tests["jsonl"])) == (40, 5, 5)
    assert len({e.id for e in everything(sets)}) == 50
    assert accounts_for_all(sets.report.sources["jsonl"])


def test_dev_and_tests_are_given(tmp_path):
    options = {
        "train": [jsonl(tmp_path / "a.jsonl", [row(n) for n in range(5)]), jsonl(tmp_path / "b.jsonl", [row(6)])],
        "dev": jsonl(tmp_path / "dev.jsonl", [row(7)]),
        "tests": [jsonl(tmp_path / "hard.jsonl", [row(8), row(9)]), jsonl(tmp_path / "easy.jsonl.gz", [row(10)])],
    }
    sets = load("jsonl", jsonl=options)
    assert [e.id for e in sets.train] == ["a-1", "a-2", "a-3", "a-4", "a-5", "b-1"]
    assert {name: len(its) for name, its in sets.tests.items()} == {"hard": 2, "easy": 1}
    train = [jsonl(tmp_path / "c.jsonl", [row(n) for n in range(30)])]
    only_dev = load("jsonl", jsonl={"train": train, "dev": options["dev"]}, decontaminate=False)
    assert (len(only_dev.train), len(only_dev.dev), len(only_dev.tests["jsonl"])) == (27, 1, 3)


def test_other_people_s_names(tmp_path):
    rows = [
        {"prompt": "Sort it", "completion": "sorted(it)"},
        {"instruction": "Add up", "input": "[1, 2]", "output": "sum([1, 2])"},
        {"instruction": "Negate", "input": None, "response": "-x", "level": 2},
    ]
    options = {"train": [jsonl(tmp_path / "a.jsonl", rows)], "dev": jsonl(tmp_path / "d.jsonl", [row(1)]),
               "tests": [jsonl(tmp_path / "t.jsonl", [row(2)])]}  # fmt: skip
    sets = load("jsonl", jsonl=options)
    assert [(e.instruction, e.code) for e in sets.train] == [
        ("Sort it", "sorted(it)"), ("Add up\n[1, 2]", "sum([1, 2])"), ("Negate", "-x")
    ]  # fmt: skip
    assert sets.train[2].extra == {"level": 2}


def test_bad_lines_are_named_and_counted(tmp_path):
    wrong = [{"prompt": "a"}, {"instruction": "a", "input": 5, "code": "b"}, "broken"]
    sets = load("jsonl", jsonl={"train": [jsonl(tmp_path / "m.jsonl", [*wrong, *(row(n) for n in range(30))])]})
    report = sets.report.sources["jsonl"]
    assert (report.read, report.bad) == (33, 3) and accounts_for_all(report)
    assert [line.removeprefix(str(tmp_path)) for line in bad(sets, "jsonl")][:2] == [
        "/m.jsonl:1: field 'code': missing", "/m.jsonl:2: field 'input': a string is needed, not a number"
    ]  # fmt: skip
    assert "− bad" in sets.report.describe() and "m.jsonl:1" in sets.report.describe()


def test_a_problem_is_not_in_two_splits(tmp_path):
    rows = [row(n, problem_id=n // 3) for n in range(90)]
    sets = load("jsonl", jsonl={"train": [jsonl(tmp_path / "m.jsonl", rows)]}, decontaminate=False)
    splits = [{e.problem_id for e in its} for its in (sets.train, sets.dev, sets.tests["jsonl"])]
    assert all(splits) and sum(map(len, splits)) == 30


def test_names_that_would_be_confused(tmp_path):
    train = [jsonl(tmp_path / "m.jsonl", [row(n) for n in range(9)])]
    for tests in (["x/a.jsonl", "y/a.jsonl"], ["x/dev.jsonl"]):
        files = [jsonl(tmp_path / name, [row(20)]) for name in tests]
        with pytest.raises(ConfigError, match="names two sets"):
            load("jsonl", jsonl={"train": train, "tests": files})


def test_too_little_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"nothing is left for .*jsonl 1 rows, 0 bad.*\n.*bring more examples"):
        load("jsonl", jsonl={"train": [jsonl(tmp_path / "m.jsonl", [row(1)])]})
    with pytest.raises(DataError, match="no such file"):
        load("jsonl", jsonl={"train": [tmp_path / "absent.jsonl"]})
