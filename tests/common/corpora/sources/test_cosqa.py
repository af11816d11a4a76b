import json

import pytest

from common.errors import ConfigError, DataError
from tests.common.corpora.sources.layouts import answers, data, parts, split, write

CODES = {"def a():\n    pass": 0, "def b():\n    return  2": 1, "def c(): return 3": 2}


def row(number, code, label=1, **more):
    text = list(CODES)[code]
    return {"idx": f"cosqa-train-{number}", "doc": f"query  number {number}", "code": text, "label": label,
            "retrieval_idx": code, **more}  # fmt: skip


def copy(folder, codes=CODES, packed="", **splits):
    write(folder / f"code_idx_map.txt{packed}", json.dumps(codes, indent=1))
    for name, rows in splits.items():
        write(folder / f"{name.replace('_', '-')}.json{packed}", json.dumps(rows, indent=1))
    return folder


def files(train=(), dev=(), test=()):
    return {"cosqa_retrieval_train_19604": list(train), "cosqa_retrieval_dev_500": list(dev),
            "cosqa_retrieval_test_500": list(test)}  # fmt: skip


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_only_label_1_is_an_answer(tmp_path, packed):
    rows = [row(1, 0), row(2, 1, label=0), row(3, 2)]
    part = parts("cosqa", copy(tmp_path, packed=packed, **files(rows, rows, [row(4, 1)])))["python"]
    pairs, problems = split(part.train())
    assert [(pair.query, pair.document) for pair in pairs] == [
        (row(n, c)["doc"], list(CODES)[c]) for n, c in ((1, 0), (3, 2))
    ]
    assert dict(pairs[0].extra) == {"idx": "cosqa-train-1"}
    assert [str(problem) for problem in problems] == [
        f"{tmp_path}/cosqa-retrieval-train-19604.json{packed}: field 'label': 1 of 3 pairs are labelled 0, no answers: "
        "left out"
    ]
    dev, bad = part.dev()
    assert len(dev.documents) == 3, "all codes are candidates"
    assert dev.qrels == {"cosqa-train-1": {"0": 1}, "cosqa-train-3": {"2": 1}}
    assert len(bad) == 1
    assert len(part.test()[0].queries) == 1


def test_bad_rows_say_where_they_are(tmp_path):
    rows = [
        row(1, 0),
        row(2, 0, label=2),
        row(3, 0, label=True),
        row(4, 0, label=None),
        row(1, 1),
        row(5, 1, retrieval_idx=2),
        row(6, 1, retrieval_idx=77),
        {**row(7, 1), "code": "def unknown(): pass"},
        row(8, 1, doc=" "),
    ]
    test, problems = parts("cosqa", copy(tmp_path, **files(test=rows)))["python"].test()
    assert list(test.queries) == ["cosqa-train-1"]
    assert [problem.field for problem in problems] == [
        "label", "label", "label", "idx", "retrieval_idx", "retrieval_idx", "retrieval_idx", "doc",
    ]  # fmt: skip
    text = (tmp_path / "cosqa-retrieval-test-500.json").read_text().split("\n")
    for problem in problems:
        assert text[problem.line - 1].strip() == "{"
    assert "not 2 (record 2, idx 'cosqa-train-2')" in problems[0].reason


def test_the_files_for_question_answering_fill_a_gap_only(tmp_path):
    without = [{key: value for key, value in row(n, n).items() if key != "retrieval_idx"} for n in (0, 1)]
    part = parts("cosqa", copy(tmp_path, cosqa_dev=without, cosqa_retrieval_test_500=[row(2, 2)]))["python"]
    assert part.train is None
    assert part.dev()[0].qrels == {"cosqa-train-0": {"0": 1}, "cosqa-train-1": {"1": 1}}
    write(tmp_path / "cosqa-retrieval-dev-500.json", json.dumps([row(2, 2)]))
    part = parts("cosqa", tmp_path)["python"]
    assert list(part.dev()[0].queries) == ["cosqa-train-2"]
    assert [note.path.name for note in part.notes] == ["cosqa-dev.json"]


def test_tokens_treat_queries_and_codes_alike(tmp_path):
    part = parts("cosqa", copy(tmp_path, **files([row(1, 1)], [row(1, 1)])), text="tokens")["python"]
    pair = next(part.train())
    assert (pair.query, pair.document) == ("query number 1", "def b(): return 2")
    assert answers(part.dev()[0]) == {pair.query: [pair.document]}


def test_a_pool_that_is_no_map(tmp_path):
    part = parts("cosqa", copy(tmp_path, codes=["a"], **files(dev=[row(1, 0)])))["python"]
    with pytest.raises(DataError, match=r"code_idx_map.txt:1: a JSON object is needed"):
        part.dev()
    write(tmp_path / "code_idx_map.txt", '{"a": 0,\n "b": }')
    with pytest.raises(DataError, match=r"code_idx_map.txt:2: not JSON"):
        part.dev()
    write(tmp_path / "code_idx_map.txt", json.dumps({**CODES, "x": 2, "y": "3"}))
    problems = part.dev()[1]
    assert [problem.field for problem in problems] == ["id", "number"]


def test_python_is_its_only_language(tmp_path):
    with pytest.raises(ConfigError, match="no java here"):
        parts("cosqa", tmp_path, languages=("java",))


def test_real_dev_split():
    part = parts("cosqa", data("cosqa"))["python"]
    dev, problems = part.dev()
    assert (len(dev.queries), len(dev.documents), problems) == (500, 6267, ())
    assert (part.train, part.test) == (None, None)
