"""CoNaLa in its published layouts."""

import json

import datasets
import pytest

from common.errors import DataError
from tests.common.corpora.instructions.sets import accounts_for_all, bad, everything, load, notices
from tests.common.corpora.sources.layouts import data, jsonl, write

WORDS = ("list", "dict", "tuple", "set", "frame", "series", "array", "file", "string", "date")


def code(n):
    return f"{WORDS[n % 10]}{n} = other{n}.{WORDS[n // 10 % 10]}(first{n}, second{n})"


def row(n, question=None, **more):
    return {"question_id": question or n, "intent": f"How to {n}?", "rewritten_intent": f"do thing {n} to it",
            "snippet": code(n), **more}  # fmt: skip


def curated(n, **more):
    return {"nl": f"do thing {n}", "cmd": code(n), "question_id": f"{n}-3", "cmd_name": "conala", **more}


def array(path, rows):
    return write(path, json.dumps(rows, indent=1))


def official(folder, train=range(100), test=range(200, 210)):
    array(folder / "conala-train.json", [row(n, question=n // 2) for n in train])
    if test:
        array(folder / "conala-test.json.gz", [row(n) for n in test])
    return {"path": folder}


def test_the_official_release(tmp_path):
    sets = load("conala", conala=official(tmp_path))
    assert [example.instruction for example in sets.tests["conala"]] == [f"do thing {n} to it" for n in range(200, 210)]
    assert len(sets.train) + len(sets.dev) == 100
    assert 4 <= len(sets.dev) <= 12
    questions = [{example.extra["question_id"] for example in its} for its in (sets.train, sets.dev)]
    assert not questions[0] & questions[1], "rows of one question stay together"
    assert {e.id for e in everything(sets)} >= {"conala/10", "conala/10#2"}
    assert "the curated split is not here" in notices(sets, "conala")[0]
    assert "cmd_{train,dev,test}.oracle_man.full.json" in notices(sets, "conala")[0]
    assert accounts_for_all(sets.report.sources["conala"])
    again = load("conala", conala={**official(tmp_path), "edition": "official"})
    assert again.report.fingerprint == sets.report.fingerprint
    assert not notices(again, "conala"), "it was asked for"
    other = load("conala", conala=official(tmp_path), seed=1)
    assert {e.id for e in other.dev} != {e.id for e in sets.dev}


def test_without_a_test_file_the_test_set_is_held_out(tmp_path):
    sets = load("conala", conala=official(tmp_path, range(200), ()))
    assert 25 <= len(sets.tests["conala"]) <= 45
    assert len({e.id for e in everything(sets)}) == 200
    by_file = load("conala", conala={"path": tmp_path / "conala-train.json"})
    assert by_file.report.fingerprint == sets.report.fingerprint


def test_the_title_stands_in_for_an_intent_that_nobody_rewrote(tmp_path):
    array(tmp_path / "conala-train.json", [row(n, rewritten_intent=None) for n in range(100)])
    array(tmp_path / "conala-test.json", [row(200)])
    assert {e.instruction for e in everything(load("conala", conala={"path": tmp_path}))} > {"How to 1?", "How to 2?"}


@pytest.mark.parametrize("layout", ["cmd_{}.oracle_man.full.json", "cmd_{}.seed.json", "fid.cmd_{}.codet5.t10.json"])
@pytest.mark.parametrize("inside", ["", "data/conala"])
def test_the_curated_split_as_docprompting_publishes_it(tmp_path, layout, inside):
    official(tmp_path)
    numbers = {"train": range(20), "dev": range(30, 33), "test": range(40, 45)}
    for split, its in numbers.items():
        rows = [curated(n) for n in its]
        if layout.startswith("fid"):
            rows = [{"id": r["question_id"], "question": r["nl"], "target": r["cmd"], "ctxs": []} for r in rows]
        array(tmp_path / inside / layout.format(split), rows)
    sets = load("conala", conala={"path": tmp_path})
    assert (len(sets.train), len(sets.dev), len(sets.tests["conala"])) == (20, 3, 5)
    assert sets.dev[0].id == "conala/30-3" and sets.dev[0].code == code(30)
    assert len(load("conala", conala={"path": tmp_path, "edition": "official"}).tests["conala"]) == 10


def test_the_curated_split_as_exported_from_the_hub(tmp_path):
    for split, its in {"train": range(5), "validation": [7], "test": [8, 8]}.items():
        jsonl(tmp_path / f"{split}.jsonl", [curated(n) for n in its])
    sets = load("conala", conala={"path": tmp_path})
    assert (len(sets.train), len(sets.dev)) == (5, 1)
    assert [example.id for example in sets.tests["conala"]] == ["conala/8-3", "conala/8-3#2"]


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(DataError, match=r"the curated split is not here\n.*give a folder with cmd_\{train"):
        load("conala", conala={**official(tmp_path), "edition": "curated"})
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match=r"no CoNaLa in a layout.*\n.*conala-train.json and conala-test.json"):
        load("conala", conala={"path": empty})
    with pytest.raises(DataError, match="no such folder"):
        load("conala", conala={"path": tmp_path / "absent"})


def test_bad_rows_say_where_they_are(tmp_path):
    official(tmp_path)
    rows = [row(300), row(301, snippet=""), row(302, rewritten_intent=5), row(303, question_id=None), "text"]
    array(tmp_path / "conala-test.json", rows)
    (tmp_path / "conala-test.json.gz").unlink()
    sets = load("conala", conala={"path": tmp_path})
    assert [example.id for example in sets.tests["conala"]] == ["conala/300"]
    told = bad(sets, "conala")
    assert [line.split(": ", 1)[1] for line in told] == [
        "field 'snippet': empty (question 301)",
        "field 'rewritten_intent': a string is needed, not a number (question 302)",
        "field 'question_id': a number or a name is needed",
        "a JSON object is needed",
    ]
    text = (tmp_path / "conala-test.json").read_text().split("\n")
    for line in told[:3]:
        assert text[int(line.split(":")[1]) - 1].strip() == "{"


def test_nothing_usable_is_an_error(tmp_path):
    official(tmp_path)
    array(tmp_path / "conala-train.json", [row(1, snippet=None)])
    with pytest.raises(DataError, match=r"nothing is left for train .*1 bad.*first bad row: .*conala-train.json:2"):
        load("conala", conala={"path": tmp_path, "edition": "official"})


def test_from_the_hub(monkeypatch):
    calls = []

    def load_dataset(repository, config, *, split, revision, streaming):
        calls.append((repository, config, split, revision))
        shift = {"train": 0, "validation": 100, "test": 200}[split]
        make = curated if "docprompting" in repository else row
        return iter([make(shift + n) for n in range(60)])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    sets = load("conala")
    assert (len(sets.train), len(sets.dev), len(sets.tests["conala"])) == (60, 60, 60)
    assert calls == [
        ("neulab/docprompting-conala", "data", split, "refs/convert/parquet")
        for split in ("train", "validation", "test")
    ]
    calls.clear()
    sets = load("conala", conala={"edition": "official"})
    assert len(sets.train) + len(sets.dev) == 60
    assert calls == [("neulab/conala", "curated", split, "refs/convert/parquet") for split in ("train", "test")]


def test_the_hub_that_cannot_be_reached_says_what_to_give():
    with pytest.raises(DataError, match=r"cannot be had from the Hub.*\n.*DocPrompting"):
        load("conala")


def test_real_training_file():
    sets = load("conala", conala={"path": data("conala")}, decontaminate=False)
    assert sets.report.sources["conala"].read == 2379
    assert len(everything(sets)) == 2379 and not bad(sets, "conala")
    assert 430 <= len(sets.tests["conala"]) <= 470 and 155 <= len(sets.dev) <= 180
