"""CodeXGLUE Java-C#, HumanEval-X and AdvTest."""

import json

import pytest

from common.errors import ConfigError, DataError
from tests.common.corpora.sources.layouts import answers, data, function, jsonl, parts, split, write


def trans(folder, name, java, cs, packed=""):
    write(folder / f"{name}.java-cs.txt.java{packed}", "".join(line + "\n" for line in java))
    write(folder / f"{name}.java-cs.txt.cs{packed}", "".join(line + "\n" for line in cs))


def test_java_and_csharp_in_both_directions(tmp_path):
    trans(tmp_path, "train", ["int a();", "int b();"], ["int A();", "int B();"], ".gz")
    trans(tmp_path, "valid", ["int c();"], ["int C();"])
    found = parts("codetrans", tmp_path)
    assert {name: part.language for name, part in found.items()} == {"java-csharp": "csharp", "csharp-java": "java"}
    pairs, problems = split(found["csharp-java"].train())
    assert not problems
    assert [(p.query, p.document, p.language, p.extra["problem"]) for p in pairs] == [
        ("int A();", "int a();", "java", "train-1"), ("int B();", "int b();", "java", "train-2"),
    ]  # fmt: skip
    assert found["java-csharp"].dev is None
    test, _ = found["java-csharp"].test()
    assert answers(test) == {"int c();": ["int C();"]}
    assert dict(next(iter(test.documents.values())).metadata) == {"language": "csharp", "problem": "valid-1"}
    assert list(parts("codetrans", tmp_path, languages=("Java-C#",))) == ["java-csharp"]


def test_lines_that_do_not_pair(tmp_path):
    trans(tmp_path, "train", ["a", "", "c", "d"], ["A", "B", "C"])
    stream = parts("codetrans", tmp_path)["java-csharp"].train()
    assert next(stream).query == "a"
    assert next(stream).line == 2
    assert next(stream).query == "c"
    with pytest.raises(DataError, match=r"train.java-cs.txt.cs:4: ends before this line"):
        next(stream)
    (tmp_path / "train.java-cs.txt.cs").unlink()
    with pytest.raises(DataError, match=r"train.java-cs.txt.cs: missing"):
        parts("codetrans", tmp_path)


def test_real_parallel_methods():
    part = parts("codetrans", data("codetrans"))["java-csharp"]
    pairs, problems = split(part.train())
    test, bad = part.test()
    assert (len(pairs), problems, len(test.queries), len(test.documents), bad) == (10_295, [], 499, 499, ())


def solution(language, number, **more):
    return {"task_id": f"{language}/{number}", "prompt": "/* Says it all */", "declaration": f"int f{number}() {{\n",
            "canonical_solution": f"    return {number}; }}\n", **more}  # fmt: skip


def test_humaneval_x_aligns_by_number(tmp_path):
    jsonl(tmp_path / "humaneval_cpp.jsonl", [solution("CPP", n) for n in (0, 1, 2)])
    jsonl(tmp_path / "humaneval_js.jsonl.gz", [solution("JavaScript", n) for n in (2, 1, 1, 3)])
    found = parts("humaneval-x", tmp_path)
    assert list(found) == ["cpp-javascript", "javascript-cpp"]
    part = found["cpp-javascript"]
    assert (part.train, part.dev, part.language) == (None, None, "javascript")
    test, problems = part.test()
    assert test.qrels == {"q-javascript/1": {"javascript/1": 1}, "q-javascript/2": {"javascript/2": 1}}
    assert test.queries["q-javascript/1"] == "int f1() {\n    return 1; }", "without the prompt"
    assert test.documents["javascript/1"].metadata["problem"] == "1"
    assert [(p.path.name, p.line) for p in problems] == [
        ("humaneval_js.jsonl.gz", 3), ("humaneval_cpp.jsonl", 1), ("humaneval_js.jsonl.gz", 4),
    ]  # fmt: skip


def test_humaneval_x_bad_records(tmp_path):
    bad = [solution("Java", 0), solution("Java", "x"), {"task_id": "Java/3"}, "[1]"]
    jsonl(tmp_path / "humaneval_java.jsonl", bad)
    jsonl(tmp_path / "humaneval_go.jsonl", [solution("Go", 0)])
    test, problems = parts("humaneval-x", tmp_path, languages=("java-go",))["java-go"].test()
    assert len(test.queries) == 1
    assert [(p.line, p.field) for p in problems] == [(2, "task_id"), (3, "declaration"), (4, None)]
    with pytest.raises(ConfigError, match=r"no java-rust here\n.*there are go-java, java-go"):
        parts("humaneval-x", tmp_path, languages=("java-rust",))


def test_real_humaneval_x_holds_no_description():
    found = parts("humaneval-x", data("humaneval_x"))
    assert len(found) == 20
    for part in found.values():
        test, problems = part.test()
        assert (len(test.queries), len(test.documents), problems) == (164, 164, ())
        for text in (*test.queries.values(), *(document.text for document in test.documents.values())):
            assert ">>>" not in text
            assert "Check if in given list" not in text
            assert "encoded string by shifting" not in text, "not even of a helper function"


def test_advtest(tmp_path):
    jsonl(tmp_path / "dataset/train.jsonl", [function(n, idx=n) for n in (1, 2)])
    jsonl(tmp_path / "dataset/valid.jsonl", [function(3, idx=3)])
    obscured = [
        {**function(n, idx=n), "function": f"def Func(arg_0):\n    return {n}", "function_tokens": ["def", str(n)]}
        for n in (4, 5, 4)
    ]
    jsonl(tmp_path / "dataset/test.jsonl.gz", obscured)
    part = parts("advtest", tmp_path)["python"]
    assert len(split(part.train())[0]) == 2
    assert len(part.dev()[0].queries) == 1
    test, problems = part.test()
    assert list(test.documents) == ["4", "5"]
    assert test.documents["4"].text.startswith("def Func(arg_0)"), "the code with its names obscured"
    assert [(p.line, p.field) for p in problems] == [(3, "id")]
    tokens = parts("advtest", tmp_path, text="tokens")["python"].test()[0]
    assert answers(tokens) == {f"Adds the number {n}": [f"def {n}"] for n in (4, 5)}
    assert json.loads(json.dumps(dict(test.documents["4"].metadata)))["language"] == "python"
