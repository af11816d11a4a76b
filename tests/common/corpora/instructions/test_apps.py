"""APPS for tuning."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest

from common.corpora.problems.reading import parsed, read_problems
from common.corpora.problems.record import CodeProblem
from common.errors import DataError
from tests.common.corpora.instructions.sets import accounts_for_all, bad, everything, load
from tests.common.corpora.sources.layouts import data, jsonl

LEVELS = ("introductory", "interview", "competition")


def row(n, tests=None, solutions=None, **more):
    tests = {"inputs": [f"{n}\n"], "outputs": [f"{n}\n"]} if tests is None else tests
    given = (
        [f"answer{n} = {k}\nprint(input{n}(first{n}), sep{k}{n})" for k in range(3)] if solutions is None else solutions
    )
    return {"problem_id": n, "question": f"Task {n}: print it.\n", "solutions": json.dumps(given),
            "input_output": json.dumps(tests) if tests else "", "difficulty": LEVELS[n % 3], "url": "",
            "starter_code": "", **more}  # fmt: skip


def files(folder, train, test=None):
    jsonl(folder / "train.jsonl", train)
    if test is not None:
        jsonl(folder / "test.jsonl.gz", test)
    return {"path": folder}


def test_the_study_s_split(tmp_path):
    options = files(tmp_path, [row(n) for n in range(60)], [row(n) for n in range(100, 130)])
    sets = load("apps", apps={**options, "test_per_level": 4})
    order = np.random.default_rng(42).permutation(60)[:6]
    assert [example.id for example in sets.dev] == [f"apps/{n}" for n in order], "what datasets' shuffle(42) puts first"
    assert [example.id for example in sets.train] == [f"apps/{n}" for n in range(60) if n not in order]
    assert [example.problem_id for example in sets.tests["apps"]] == [str(n) for n in range(100, 112)]
    assert Counter(example.extra["difficulty"] for example in sets.tests["apps"]) == dict.fromkeys(LEVELS, 4)
    report = sets.report.sources["apps"]
    assert report.dropped == {"test problem over 4 of its level": 18}
    assert accounts_for_all(report)
    assert sets.report.problems == {"dev": 6, "apps": 12}


def test_one_random_solution_stands_for_a_problem(tmp_path):
    options = files(tmp_path, [row(n) for n in range(60)], [row(100)])
    sets = load("apps", apps=options)
    again = load("apps", apps=options)
    other = load("apps", apps=options, seed=43)
    assert sets.report.fingerprint == again.report.fingerprint != other.report.fingerprint
    chosen = Counter(example.code.split("\n")[0][-1] for example in sets.train)
    assert set(chosen) == {"0", "1", "2"}
    assert {e.id: e.code for e in sets.train} != {e.id: e.code for e in other.train}


def test_problems_come_with_their_tests(tmp_path):
    big = 10**5000
    tests = {"fn_name": "f", "inputs": [[big]], "outputs": [big]}
    call = row(100, starter_code="def f(n):\n\t")
    sets = load("apps", apps=files(tmp_path, [row(n) for n in range(30)], [row(101), call]))
    (stdin,) = [e for e in sets.tests["apps"] if e.problem_id == "101"]
    assert (stdin.form, stdin.instruction) == ("stdin", "Task 101: print it.\n")
    from common.corpora.problems.integers import long_integers

    with long_integers():
        call["input_output"] = json.dumps(tests)
    sets = load("apps", apps=files(tmp_path, [row(n) for n in range(30)], [row(101), call]))
    (example,) = [e for e in sets.tests["apps"] if e.problem_id == "100"]
    assert (example.form, example.starter_code) == ("call", "def f(n):\n\t")
    items = list(parsed("apps", [(tmp_path, n, dict(r)) for n, r in enumerate(sets.problems["apps"], start=1)]))
    assert all(isinstance(item, CodeProblem) for item in items)
    assert {item.id: item.inputs for item in items} == {"100": ([big],), "101": ("101\n",)}
    assert [item.solutions for item in items if item.id == "100"] == [(example.code,)]


def test_what_cannot_be_used_moves_nothing(tmp_path):
    """The shuffle is over rows, so dev and train are what they would be, less the rows that are no use."""
    rows = [row(n) for n in range(60)]
    whole = load("apps", apps=files(tmp_path, rows, [row(100)]))
    first, second, third = (int(example.problem_id) for example in whole.dev[:3])
    rows[first] = row(first, solutions=[])
    rows[second] = row(second, tests={})
    rows[third] = "{broken"
    last = int(whole.train[-1].problem_id)
    rows[last] = row(last, question=None)
    sets = load("apps", apps=files(tmp_path, rows, [row(100), row(101, tests={}), row(102, solutions=[])]))
    assert [e.id for e in sets.dev] == [e.id for e in whole.dev if e.id not in (f"apps/{first}", f"apps/{third}")]
    assert [e.id for e in sets.train] == [e.id for e in whole.train][:-1]
    report = sets.report.sources["apps"]
    assert report.dropped == {"training problem without solutions": 1, "test problem without tests": 1}
    assert len(bad(sets, "apps")) == 2 and accounts_for_all(report)
    (untested,) = [e for e in sets.dev if e.id == f"apps/{second}"]
    assert untested.problem_id is None and sets.report.problems["dev"] == len(sets.dev) - 1
    assert [(e.problem_id, bool(e.code)) for e in sets.tests["apps"]] == [("100", True), ("102", False)]


def test_without_a_test_file_whole_problems_are_held_out(tmp_path):
    rows = [row(n) for n in range(100)]
    rows[3], rows[4] = row(3, tests={}), row(4, solutions=[])
    sets = load("apps", apps={"path": jsonl(tmp_path / "mine.jsonl", rows), "test_per_level": 5})
    ids = [example.id for example in everything(sets)]
    assert len(ids) == len(set(ids)) == 99
    assert Counter(e.extra["difficulty"] for e in sets.tests["apps"]) == {
        "introductory": 5,
        "interview": 4,
        "competition": 4,
    }
    assert len(sets.dev) == 9, "a tenth, less the one without solutions"
    assert not {"apps/3", "apps/4"} & {e.id for e in sets.tests["apps"]}
    assert len(sets.problems["apps"]) == len(sets.tests["apps"])


def test_the_first_release_s_folders(tmp_path):
    for split, numbers in (("train", range(30)), ("test", range(100, 103))):
        for n in numbers:
            folder = tmp_path / split / f"{n:04d}"
            folder.mkdir(parents=True)
            given = row(n)
            (folder / "question.txt").write_text(given["question"])
            (folder / "input_output.json").write_text(given["input_output"])
            (folder / "solutions.json").write_text(given["solutions"])
            (folder / "metadata.json").write_text(json.dumps({"difficulty": given["difficulty"]}))
    sets = load("apps", apps={"path": tmp_path})
    assert (len(sets.train), len(sets.dev), len(sets.tests["apps"])) == (27, 3, 3)
    shutil.rmtree(tmp_path / "test")
    assert len(load("apps", apps={"path": tmp_path}).tests["apps"]) == 3


def test_what_is_missing(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        load("apps", apps={"path": tmp_path / "absent"})
    with pytest.raises(DataError, match=r"no problems in a layout"):
        load("apps", apps={"path": tmp_path})
    with pytest.raises(DataError, match=r"cannot be had from the Hub"):
        load("apps")


def test_real_problems(tmp_path):
    folder = data("apps")
    sets = load("apps", apps={"path": folder})
    report = sets.report.sources["apps"]
    assert report.read == 4003 and accounts_for_all(report)
    assert Counter(e.extra["difficulty"] for e in sets.tests["apps"]) == {
        "introductory": 250, "interview": 242, "competition": 42
    }  # fmt: skip
    assert len(sets.dev) == 400 and len(sets.train) > 3000
    rows = jsonl(tmp_path / "p.jsonl", [json.dumps(row) for row in sets.problems["dev"][:20]])
    assert len(read_problems(rows).problems) == 20
