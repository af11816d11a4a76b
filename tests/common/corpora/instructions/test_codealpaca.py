"""CodeAlpacaPy: what of CodeAlpaca is Python."""

import json

import datasets
import pytest

from common.corpora.instructions.codealpaca import joined, why_not_python
from common.errors import DataError
from tests.common.corpora.instructions.sets import accounts_for_all, bad, everything, load
from tests.common.corpora.sources.layouts import data, jsonl, write


def row(n, **more):
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]
    body = f"def {words[n % 10]}_{n}(a):\n    {words[n // 10 % 10]}{n} = a * {n}\n    return left{n} + right{n}"
    return {"instruction": f"Write a Python function number {n}", "input": "", "output": body, **more}


@pytest.mark.parametrize(
    ("asked", "code", "reason"),
    [
        ("Add two numbers", "def add(a, b):\n    return a + b", None),
        ("Print it in Python", "print('Hello')", None),
        ("Write a Python script that reads JSON", "import json\nJSON = json.load(open('x'))", None),
        ("Use System", "import System\nSystem.run()", None),
        ("Say hello", "print 'hello'", "does not parse as Python"),
        ("Write a loop in C", "for (int i = 0; i < 3; i++) {}", "does not parse as Python"),
        ("What does this print?", "15", "parses, but is a bare word or value"),
        ("Which one is right?", "medium", "parses, but is a bare word or value"),
        ("Make an object", '{"a": [1, 2]}', "parses, but is a bare word or value"),
        ("Log it", "console.log('x')", "parses, but is another language's"),
        ("Write a shell script that lists files", "ls -lSh", "another language is asked for"),
        ("Write a JavaScript function", "add(1, 2)", "another language is asked for"),
        ("Write a C program", "x = 5", "another language is asked for"),
        ("Convert the JavaScript code to Python", "x = 5", None),
        ("Write code", " \n", "no answer"),
    ],
)
def test_what_is_python(asked, code, reason):
    assert why_not_python(asked, code) == reason


def test_the_input_goes_below_the_instruction():
    assert joined("Sort it", "[3, 1]") == "Sort it\n[3, 1]"
    for nothing in ("", "<noinput>", "No input", "N/A", "None", "Not applicable."):
        assert joined("Sort it", nothing) == "Sort it"


def test_rows_that_are_no_python_are_counted_by_reason(tmp_path):
    rows = [row(n) for n in range(100)]
    rows += [row(1, output="int x;"), row(2, output="42"), row(3, input=None), row(4, output=None), row(5, output="")]
    path = write(tmp_path / "new_codealpaca.json.gz", json.dumps(rows, indent=1))
    sets = load("codealpaca", codealpaca={"path": tmp_path})
    report = sets.report.sources["codealpaca"]
    assert report.dropped == {
        "does not parse as Python": 1, "parses, but is a bare word or value": 1, "no answer": 1
    }  # fmt: skip
    assert [line.split(": ", 1)[1] for line in bad(sets, "codealpaca")] == [
        "field 'input': a string is needed, not null", "field 'output': a string is needed, not null"
    ]  # fmt: skip
    assert accounts_for_all(report)
    sizes = {name: len(its) for name, its in {"train": sets.train, "dev": sets.dev, **sets.tests}.items()}
    assert sizes == {"train": 68, "dev": 11, "codealpaca": 21}, "2,192 to 314 to 628"
    again = load("codealpaca", codealpaca={"path": path})
    assert again.report.fingerprint == sets.report.fingerprint
    assert load("codealpaca", codealpaca={"path": path}, seed=1).report.fingerprint != sets.report.fingerprint


def test_one_task_is_not_in_two_splits(tmp_path):
    rows = [row(n, instruction=f"Write a Python function, number {n // 2}{'!' * (n % 2)}") for n in range(100)]
    write(tmp_path / "code_alpaca_20k.json", json.dumps(rows))
    sets = load("codealpaca", codealpaca={"path": tmp_path}, decontaminate=False)
    places = {}
    for split, its in {"train": sets.train, "dev": sets.dev, **sets.tests}.items():
        for example in its:
            assert places.setdefault(example.instruction.replace("!", ""), split) == split
    assert len(everything(sets)) == 100


def test_a_split_that_is_ready(tmp_path):
    for split, its in {"train": range(9), "valid": [20], "test": [30, 31]}.items():
        jsonl(tmp_path / f"{split}.jsonl", [{"nl": f"task {n}", "cmd": row(n)["output"]} for n in its])
    sets = load("codealpaca", codealpaca={"path": tmp_path})
    assert [example.instruction for example in sets.tests["codealpaca"]] == ["task 30", "task 31"]
    assert len({example.id for example in everything(sets)}) == 12


def test_from_the_hub(monkeypatch):
    calls = []

    def load_dataset(repository, config, *, split, revision, streaming):
        calls.append((repository, split))
        n = {"train": 1, "valid": 2, "test": 3}[split]
        return iter([{"nl": f"task {n}", "cmd": row(n)["output"]}])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    sets = load("codealpaca")
    assert [e.instruction for e in (sets.train[0], sets.dev[0], sets.tests["codealpaca"][0])] == [
        "task 1", "task 2", "task 3"
    ]  # fmt: skip
    assert calls == [("antolin/codealpaca-filtered", split) for split in ("train", "valid", "test")]


def test_what_is_not_understood(tmp_path):
    with pytest.raises(DataError, match=r"no CodeAlpaca in a layout.*\n.*new_codealpaca.json"):
        load("codealpaca", codealpaca={"path": tmp_path})
    with pytest.raises(DataError, match="no such file"):
        load("codealpaca", codealpaca={"path": tmp_path / "absent"})


def test_real_file():
    sets = load("codealpaca", codealpaca={"path": data("codealpaca")}, decontaminate=False)
    report = sets.report.sources["codealpaca"]
    assert (report.read, report.bad) == (4535, 0)
    assert 1000 <= len(everything(sets)) <= 1100
    assert accounts_for_all(report)
