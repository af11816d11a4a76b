import json

import pytest

from common.corpora.sources import functions
from common.errors import ConfigError, DataError
from tests.common.corpora.sources.layouts import answers, data, function, jsonl, parts, split, write


def mixed(path, counts, **more):
    numbers = iter(range(1, 10_000))
    rows = [function(next(numbers), partition=name, **more) for name, count in counts.items() for _ in range(count)]
    return jsonl(path, rows)


def test_raw_release(tmp_path):
    for shard, numbers in {"train/python_train_0": (1, 2), "train/python_train_1": (3,), "valid/python_valid_0": (4,),
                           "test/python_test_0": (5, 6)}.items():  # fmt: skip
        rows = []
        for number in numbers:
            row = function(number)
            body = f'    """{row["docstring"]}\n    """\n'
            rows.append({**row, "code": row["code"].replace(":\n", ":\n" + body, 1)})
        jsonl(tmp_path / f"python/final/jsonl/{shard}.jsonl.gz", rows)
    part = parts("codesearchnet", tmp_path, release="raw")["python"]
    pairs, problems = split(part.train())
    assert not problems
    assert [pair.query for pair in pairs] == [f"Adds the number {n} to it." for n in (1, 2, 3)]
    assert pairs[0].document == function(1)["code"], "the docstring is taken out of the code"
    assert dict(pairs[0].extra) == {key: function(1)[key] for key in ("repo", "path", "func_name", "url")}
    dev, test = part.dev()[0], part.test()[0]
    assert (len(dev.queries), len(test.queries), len(test.documents)) == (1, 2, 2)
    assert test.qrels == {f"q-{url}": {url: 1} for url in test.documents}
    document = test.documents[function(5)["url"]]
    assert document.metadata["language"] == "python"
    assert document.metadata["repo"] == "owner/r2"


def test_the_other_release_is_named(tmp_path):
    jsonl(tmp_path / "python/final/jsonl/test/python_test_0.jsonl.gz", [function(1)])
    with pytest.raises(DataError, match=r"layout of the raw release\n.*set release: raw"):
        parts("codesearchnet", tmp_path)


def cleaned(folder, **more):
    jsonl(folder / "ruby/train.jsonl", [function(n) for n in (1, 2)])
    jsonl(folder / "ruby/valid.jsonl", [function(3)])
    jsonl(folder / "ruby/test.jsonl.gz", [function(4), function(5), function(99)])
    pool = [function(n) for n in (3, 4, 5, 6, 7)]
    jsonl(folder / "ruby/codebase.jsonl", [*pool, function(4, code="another"), "{"])
    return parts("codesearchnet", folder.parent, **more)["ruby"]


def test_cleaned_layout_searches_the_whole_codebase(tmp_path):
    part = cleaned(tmp_path / "dataset")
    assert len(split(part.train())[0]) == 2
    test, problems = part.test()
    assert len(test.documents) == 5
    assert answers(test) == {f"Adds the number {n} to it.": [function(n)["code"]] for n in (4, 5)}
    url = function(99)["url"]
    assert [(p.path.name, p.line, p.reason) for p in problems] == [
        ("codebase.jsonl", 6, f"{function(4)['url']!r} was there before; the first one counts"),
        ("codebase.jsonl", 7, problems[1].reason),
        ("test.jsonl.gz", 3, f"query 'q-{url}' has judgements of unknown documents: {url!r}"),
        ("test.jsonl.gz", 3, f"query 'q-{url}' left out: no relevant document of it is in the pool"),
    ]
    dev, _ = part.dev()
    assert (len(dev.queries), len(dev.documents)) == (1, 5)


def test_tokens_are_joined_by_one_space(tmp_path):
    part = cleaned(tmp_path / "dataset", text="tokens")
    pair = split(part.train())[0][0]
    assert pair.query == "Adds the number 1"
    assert pair.document == " ".join(function(1)["code"].split())


def test_a_form_that_the_rows_do_not_have(tmp_path):
    row = {key: value for key, value in function(1, partition="train").items() if "tokens" not in key}
    jsonl(tmp_path / "go.jsonl", [row, {**row, "url": "other"}])
    with pytest.raises(DataError, match=r"go.jsonl:1: field .*code_tokens': missing, and `text: tokens` needs it"):
        list(parts("codesearchnet", tmp_path, text="tokens")["go"].train())


def test_mixed_files(tmp_path):
    mixed(tmp_path / "go.jsonl", {"train": 4, "valid": 2})
    mixed(tmp_path / "java.jsonl.gz", {"train": 3, "valid": 2, "test": 1})
    mixed(tmp_path / "official_ruby_valid.jsonl.gz", {"valid": 5}, language="ruby")
    write(tmp_path / "README.md", "nothing")
    found = parts("codesearchnet", tmp_path)
    assert list(found) == ["go", "java"], "ruby is none: the file is not named after it"
    notes = [note for part in found.values() for note in part.notes]
    assert [note.path.name for note in notes] == ["official_ruby_valid.jsonl.gz"]
    assert found["go"].dev is None
    assert len(found["go"].test()[0].queries) == 2, "valid is the test where there is no test"
    assert (len(found["java"].dev()[0].queries), len(found["java"].test()[0].queries)) == (2, 1)
    assert list(parts("codesearchnet", tmp_path, languages=("java",))) == ["java"]
    with pytest.raises(ConfigError, match=r"no ruby here\n.*there are go, java"):
        parts("codesearchnet", tmp_path, languages=("go", "ruby"))


def test_a_single_file_of_one_split(tmp_path):
    file = mixed(tmp_path / "official_ruby_valid.jsonl.gz", {"valid": 5}, language="ruby")
    part = parts("codesearchnet", file)["ruby"]
    assert (part.train, part.dev) == (None, None)
    assert len(part.test()[0].queries) == 5
    other = jsonl(tmp_path / "both.jsonl", [function(1, partition="train"), function(2, "ruby", partition="train")])
    with pytest.raises(DataError, match="field 'language'"):
        parts("codesearchnet", other)


def test_bad_rows_are_named_and_the_rest_is_kept(tmp_path):
    good = function(1, partition="train")
    rows = [
        good,
        "{not json",
        good,
        function(2, partition="train", docstring=""),
        function(3, partition="train", code=7),
        function(4, partition="train", docstring="@return int"),
        function(5, partition="dev"),
        function(6, partition="train"),
    ]
    jsonl(tmp_path / "go.jsonl", rows)
    pairs, problems = split(parts("codesearchnet", tmp_path)["go"].train())
    assert [pair.extra["func_name"] for pair in pairs] == ["f1", "f6"]
    assert [(p.line, p.field) for p in problems] == [
        (2, None), (3, "id"), (4, "docstring"), (5, "code"), (6, "docstring"), (7, "partition"),
    ]  # fmt: skip


def test_rows_without_a_question_stay_in_the_pool(tmp_path):
    jsonl(tmp_path / "go.jsonl", [function(1, partition="valid"), function(2, partition="valid", docstring="")])
    test, problems = parts("codesearchnet", tmp_path)["go"].test()
    assert (len(test.queries), len(test.documents)) == (1, 2)
    assert [(p.line, p.field) for p in problems] == [(2, "docstring")]


def test_training_pairs_stream(tmp_path, monkeypatch):
    path = jsonl(tmp_path / "go/train.jsonl", [function(n) for n in range(1, 5001)])
    read = []
    monkeypatch.setattr(functions.Reader, "pair", lambda self, row: read.append(row) or functions.Pair("q", "d"))
    stream = parts("codesearchnet", tmp_path)["go"].train
    assert next(stream()) == functions.Pair("q", "d")
    assert len(read) == 1, "nothing is read ahead"
    assert len(list(stream())) == 5000, "and it can be read again"
    path.write_text(path.read_text() + "{")
    read.clear()
    assert len(list(parts("codesearchnet", tmp_path, limit=3)["go"].train())) == 3
    assert len(read) == 3


COUNTS = {"python": (7519, 802), "go": (1112, 76), "java": (5915, 773), "javascript": (1185, 20), "php": (2271, 246),
          "ruby": (1536, 103)}  # fmt: skip


@pytest.mark.parametrize("language", sorted(COUNTS))
def test_real_rows_are_all_accounted_for(language):
    part = parts("codesearchnet", data("codesearchnet"), languages=(language,))[language]
    pairs, problems = split(part.train())
    test, bad = part.test()
    assert (len(pairs) + len(problems), len(test.queries) + len(bad)) == COUNTS[language]
    assert len(test.documents) == COUNTS[language][1], "what asks nothing is still a candidate"
    assert {problem.reason for problem in (*problems, *bad)} <= {"its first paragraph is empty"}
    assert all(json.dumps(dict(pair.extra)) and pair.extra["repo"] for pair in pairs)


def test_the_official_ruby_split():
    file = data("codesearchnet") / "official_ruby_valid.jsonl.gz"
    for text in ("source", "tokens"):
        test, problems = parts("codesearchnet", file, text=text)["ruby"].test()
        assert (len(test.queries), len(test.documents), problems) == (1400, 1400, ())
    assert any(
        document.text.startswith("def preparse ( unparsed , args = [ ] ,") for document in test.documents.values()
    )
