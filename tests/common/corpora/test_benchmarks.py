import gzip
import json

import pytest

from common.corpora.beir import Document, RetrievalSet, write_beir
from common.corpora.benchmarks import read_benchmark
from common.errors import DataError

BODY = "    total = 0\n    for x in xs:\n        total += x\n    return total\n"
CODE = "def add(xs):\n" + BODY.rstrip()


def written(path, *rows):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("row", "query"),
    [
        ({"query": "Add up a list.", "document": CODE, "language": "python"}, "Add up a list."),
        ({"task_id": "HumanEval/0", "prompt": 'def add(xs):\n    """ Add up a list.\n    >>> add([])\n    0\n    """\n',
          "canonical_solution": BODY, "entry_point": "add"}, "Add up a list."),
        ({"task_id": 3, "text": "Add up a list.", "code": CODE, "test_list": []}, "Add up a list."),
        ({"task_id": 3, "prompt": "Add up a list.", "code": CODE}, "Add up a list."),
        ({"problem_id": 1, "question": "Add up a list.", "solutions": json.dumps([CODE]), "input_output": ""},
         "Add up a list."),
    ],
    ids=["pairs", "humaneval", "mbpp", "mbpp-sanitized", "apps"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["bench.jsonl", "bench.jsonl.gz"])
def test_every_shape_gives_the_question_and_the_bare_function(tmp_path, row, query, name):
    benchmark, problems = read_benchmark(written(tmp_path / name, row))
    assert not problems
    assert benchmark.name == "bench"
    assert benchmark.queries == (query,)
    assert CODE in benchmark.documents


def test_humaneval_x_is_parsed_in_its_language(tmp_path):
    row = {"task_id": "Go/0", "prompt": "package main\n\n// Add adds up.\nfunc Add(a int) int {\n",
           "canonical_solution": "    return a + 1\n}\n", "declaration": "func Add(a int) int {\n"}  # fmt: skip
    benchmark, _ = read_benchmark(written(tmp_path / "x.jsonl", row))
    assert benchmark.queries == ("Add adds up.",)
    assert benchmark.documents == ("func Add(a int) int {\n    return a + 1\n}",)


def test_a_question_in_a_plain_comment_counts(tmp_path):
    row = {"task_id": "CPP/0", "prompt": "/*\nAdd two\nnumbers.\n*/\n#include<x>\nint add(int a){\n",
           "canonical_solution": "    return a;\n}\n"}  # fmt: skip
    benchmark, _ = read_benchmark(written(tmp_path / "x.jsonl", row))
    assert benchmark.queries == ("Add two numbers.",)
    assert benchmark.documents == ("int add(int a){\n    return a;\n}",)


def test_a_beir_folder(tmp_path):
    made = RetrievalSet("b", {"q": "add up"}, {"d": Document(CODE), "e": Document("x", title="T")}, {"q": {"d": 1}})
    write_beir(tmp_path / "beir", made, split="dev")
    benchmark, problems = read_benchmark(tmp_path / "beir")
    assert (benchmark.name, benchmark.queries, problems) == ("beir", ("add up",), ())
    assert benchmark.documents == (CODE, "T\nx")


def test_bad_lines_are_reported_and_the_good_ones_used(tmp_path):
    bad = [{"query": "q"}, {"query": 1, "document": CODE}, {"question": "q", "solutions": "{"}]
    file = written(tmp_path / "b.jsonl", {"query": "q", "document": CODE}, *bad)
    benchmark, problems = read_benchmark(file)
    assert benchmark.documents == (CODE,)
    assert [(problem.line, problem.field) for problem in problems] == [(2, None), (3, "query"), (4, "solutions")]
    assert "fields query" in problems[0].reason


@pytest.mark.parametrize("rows", [[], [{"instruction": "i", "output": "o"}]])
def test_a_file_without_anything_known_is_refused(tmp_path, rows):
    with pytest.raises(DataError, match=r"b\.jsonl"):
        read_benchmark(written(tmp_path / "b.jsonl", *rows))


def test_what_is_not_there_or_no_beir_folder_is_said(tmp_path):
    with pytest.raises(DataError, match="no such benchmark"):
        read_benchmark(tmp_path / "none")
    with pytest.raises(DataError, match="no BEIR folder"):
        read_benchmark(tmp_path)
