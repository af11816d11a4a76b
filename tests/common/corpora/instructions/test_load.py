"""Several sources together, what must not be learnt, and the folder of sets."""

import json

import pytest

from common.config import parse
from common.corpora.instructions.config import InstructionConfig
from common.corpora.instructions.load import read_set, set_names, write_sets
from common.errors import ConfigError, DataError
from tests.common.corpora.instructions.sets import everything, load
from tests.common.corpora.instructions.test_apps import files as apps_files
from tests.common.corpora.instructions.test_apps import row as apps_row
from tests.common.corpora.instructions.test_conala import official
from tests.common.corpora.instructions.test_own import row
from tests.common.corpora.sources.layouts import jsonl


def own(folder, train, dev, test):
    return {
        "train": [jsonl(folder / "train.jsonl", train)],
        "dev": jsonl(folder / "d.jsonl", dev),
        "tests": [jsonl(folder / "t.jsonl", test)],
    }


def test_sources_are_trained_on_together_and_tested_apart(tmp_path):
    mine = own(tmp_path, [row(n) for n in range(20)], [row(30)], [row(40)])
    both = load("conala", "jsonl", conala=official(tmp_path), jsonl=mine)
    alone = {name: load(name, **{name: options}) for name, options in (("conala", official(tmp_path)), ("jsonl", mine))}
    assert list(both.train) == [*alone["conala"].train, *alone["jsonl"].train]
    assert list(both.dev) == [*alone["conala"].dev, *alone["jsonl"].dev]
    assert both.tests == {"conala": alone["conala"].tests["conala"], "t": alone["jsonl"].tests["t"]}
    assert set(both.report.sources) == {"conala", "jsonl"}


def test_held_out_tasks_and_answers_are_not_learnt(tmp_path):
    long = "def f(a):\n    for one in a:\n        yield one * seven(eight, nine), ten(eleven, twelve), one\n"
    long += "    return 1, 2, 3, 4, 5, 6\n"
    train = [
        row(1),
        row(2, instruction="task NUMBER 40!"),
        row(3, code=long.replace("twelve", "thirteen")),
        row(4, code=row(30)["code"]),
        row(5),
    ]
    mine = own(tmp_path, train, [row(30), row(31, instruction="Task number, 40")], [row(40), row(41, code=long)])
    sets = load("jsonl", jsonl=mine)
    assert [e.id for e in sets.train] == ["train-1", "train-5"]
    assert [e.id for e in sets.dev] == ["d-1"]
    assert sets.report.contaminated == {
        "dev: same instruction": 1, "dev: near-duplicate code": 0,
        "train: same instruction": 1, "train: near-duplicate code": 2,
    }  # fmt: skip
    assert "− leak in train: near-duplicate code" in sets.report.describe()
    raw = load("jsonl", jsonl=mine, decontaminate=False)
    assert (len(raw.train), len(raw.dev), raw.report.contaminated) == (5, 2, {})
    strict = load("jsonl", jsonl=mine, near_duplicate_threshold=1.0)
    assert [e.id for e in strict.train] == ["train-1", "train-3", "train-5"]


def test_a_source_must_not_leak_into_another_one_s_test(tmp_path):
    mine = own(tmp_path, [row(n) for n in range(5)], [row(30)], [row(40)])
    leaky = load("microproblems", microproblems={"instances": 4}).tests["eval_instances"][0]
    jsonl(tmp_path / "train.jsonl", [row(1), row(2, code=leaky.code), row(3, instruction=leaky.instruction)])
    sets = load("microproblems", "jsonl", microproblems={"instances": 4}, jsonl=mine)
    assert [e.id for e in sets.train if not e.id.startswith("micro")] == ["train-1"]


def test_nothing_left_after_cleaning_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"nothing is left for train \(jsonl 3 rows, 0 bad; 1 dropped as leaks"):
        load("jsonl", jsonl=own(tmp_path, [row(40)], [row(30)], [row(40)]))


def test_limits_keep_a_seeded_choice(tmp_path):
    mine = own(tmp_path, [row(n) for n in range(50)], [row(n) for n in range(60, 80)], [row(n) for n in range(90, 99)])
    whole = load("jsonl", jsonl=mine)
    sets = load("jsonl", jsonl=mine, limit_train=10, limit_dev=5, limit_test=3)
    assert sets.report.sizes == {"train": 10, "dev": 5, "t": 3}
    assert sets.report.over_limit == 40
    assert [e for e in whole.train if e in sets.train] == list(sets.train), "in their order"
    assert list(sets.train) != list(whole.train)[:10]
    fewer = load("jsonl", jsonl=mine, limit_train=5)
    assert {e.id for e in fewer.train} < {e.id for e in sets.train}
    assert load("jsonl", jsonl=mine, limit_train=10, seed=1).train != sets.train


def test_problems_of_two_sources_keep_apart(tmp_path):
    apps = apps_files(tmp_path, [apps_row(n) for n in range(60)], [apps_row(n) for n in range(100, 104)])
    sets = load("apps", "microproblems", apps=apps, microproblems={"instances": 4}, limit_dev=20)
    named = {str(row["problem_id"]) for row in sets.problems["dev"]}
    assert named == {e.problem_id for e in sets.dev} and len(named) == len(sets.problems["dev"]) == 20
    assert {name.split("/")[0] for name in named} == {"apps", "microproblems"}
    assert {str(row["problem_id"]) for row in sets.problems["apps"]} == {"100", "101", "102", "103"}, "APPS' own ids"


def test_what_is_written_is_read_back(tmp_path):
    sets = load("microproblems", microproblems={"instances": 4, "difficulties": ["introductory"]})
    write_sets(tmp_path, sets)
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.jsonl")) == [
        "dev.jsonl", "problems/dev.jsonl", "problems/eval_families.jsonl", "problems/eval_instances.jsonl",
        "test/eval_families.jsonl", "test/eval_instances.jsonl", "train.jsonl",
    ]  # fmt: skip
    assert set_names(tmp_path) == ["eval_families", "eval_instances"]
    assert read_set(tmp_path, "train") == (tuple(sets.train), ())
    for name, examples in {"dev": sets.dev, **sets.tests}.items():
        assert read_set(tmp_path, name) == (tuple(examples), tuple(sets.problems[name]))
    with (tmp_path / "problems" / "dev.jsonl").open("a") as file:
        file.write("{cut o")
    with pytest.raises(DataError, match=r"problems/dev.jsonl:\d+: not JSON.*\n.*prepare the data again"):
        read_set(tmp_path, "dev")
    with pytest.raises(DataError, match="no such file"):
        read_set(tmp_path, "other")


def test_the_fingerprint_sees_everything(tmp_path):
    def printed(**more):
        return load("jsonl", jsonl=own(tmp_path, [row(1, **more), row(2)], [row(30)], [row(40)])).report.fingerprint

    prints = [printed(), printed(code="x = 1"), printed(instruction="Another"), printed(form="call"), printed(more=1)]
    assert len(set(prints)) == 5
    assert printed() == prints[0]


def test_the_report_is_json(tmp_path):
    sets = load("jsonl", jsonl=own(tmp_path, [row(1), "bad"], [row(30)], [row(40)]))
    told = json.loads(json.dumps(sets.report.as_json()))
    assert told["sources"]["jsonl"]["bad"] == 1 and told["sizes"] == {"train": 1, "dev": 1, "t": 1}
    assert told["sources"]["jsonl"]["problems"][0].endswith("train.jsonl:2: not JSON: Expecting value at column 1")
    assert len(everything(sets)) == 3


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"sources": []}, "needs one or more sources"),
        ({"sources": ["stdlib", "stdlib"]}, "each once"),
        ({"conala": {"path": "x"}}, "conala is not among the sources"),
        ({"sources": ["jsonl"]}, "`jsonl.train` is needed"),
        ({"stdlib": {"dev_share": 0.5, "test_share": 0.5}}, "leave something to train on"),
        ({"sources": ["nothing"]}, "conala"),
    ],
)
def test_a_configuration_that_does_not_fit(given, told):
    with pytest.raises(ValueError, match=told):
        InstructionConfig.model_validate(given)


def test_the_configuration_from_a_command_line():
    flags = [
        "--sources",
        "conala",
        "--sources",
        "microproblems",
        "--conala.path",
        "x",
        "--microproblems.instances",
        "7",
    ]
    config = parse(InstructionConfig, flags, prog="p").config
    assert config.sources == ("conala", "microproblems")
    assert (str(config.conala.path), config.microproblems.instances) == ("x", 7)
    with pytest.raises(ConfigError, match=r"unknown key '--conala.pth', did you mean '--conala.path'\?"):
        parse(InstructionConfig, ["--conala.pth", "x"], prog="p")
