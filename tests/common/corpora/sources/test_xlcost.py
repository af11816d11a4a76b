import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.corpora.sources.markers import restored
from common.errors import ConfigError, DataError
from tests.common.corpora.sources.layouts import answers, data, jsonl, parts, split, write

PYTHON = (
    'def f ( n ) : NEW_LINE INDENT if n : NEW_LINE INDENT return " a ▁ b STRNEWLINE " NEW_LINE DEDENT return 0 DEDENT'
)
LAID_OUT = 'def f ( n ) :\n    if n :\n        return " a b \\n "\n    return 0'


def test_markers_become_layout():
    assert restored(PYTHON.split(), "layout") == LAID_OUT
    assert restored(PYTHON.split(), "keep") == PYTHON
    assert restored(["DEDENT", "x", "NEW_LINE", "INDENT", "y", "TABSYMBOL", "z"], "layout") == "x\n    y \\t z"


@given(st.lists(st.sampled_from(["NEW_LINE", "INDENT", "DEDENT", "a", "{", "▁"])))
def test_layout_keeps_every_other_token(tokens):
    kept = [token for token in tokens if token in ("a", "{")]
    assert restored(tokens, "layout").split() == kept
    assert restored(tokens, "keep").split() == tokens


def pair_copy(folder, name, split_, left, right, ids, other=None, ending=""):
    a, b, ext_a, ext_b = name
    write(folder / f"{a}-{b}/{split_}-{a}-{b}-tok.{ext_a}{ending}", "".join(line + "\n" for line in left))
    write(folder / f"{a}-{b}/{split_}-{a}-{b}-tok.{ext_b}{ending}", "".join(line + "\n" for line in right))
    write(folder / f"{a}-{b}/{split_}-{a}-map.jsonl", "".join(f"{i}\n" for i in ids))
    write(folder / f"{a}-{b}/{split_}-{b}-map.jsonl", "".join(f"{i}\n" for i in other or ids))


CPP_PYTHON = ("C++", "Python", "cpp", "py")


@pytest.mark.parametrize("place", ["pair_data_tok_full", "."])
@pytest.mark.parametrize("ending", ["", ".txt", ".txt.gz"])
def test_programs_in_pairs(tmp_path, place, ending):
    for name, ids in {"train": (7, 8), "val": (9,), "test": (7, 7)}.items():
        left = [f"int x{n} ; NEW_LINE" for n in range(len(ids))]
        pair_copy(tmp_path / place, CPP_PYTHON, name, left, [PYTHON] * len(ids), ids, ending=ending)
    found = parts("xlcost", tmp_path)
    assert {name: part.language for name, part in found.items()} == {"cpp-python": "python", "python-cpp": "cpp"}
    pairs, problems = split(found["cpp-python"].train())
    assert not problems
    assert [(p.query, p.document, p.language, p.extra["problem"]) for p in pairs] == [
        ("int x0 ;", LAID_OUT, "python", "7"), ("int x1 ;", LAID_OUT, "python", "8"),
    ]  # fmt: skip
    assert len(found["cpp-python"].dev()[0].queries) == 1
    test, _ = found["cpp-python"].test()
    assert test.qrels == {"q-7-python-1": {"7-python-1": 1}, "q-7-python-2": {"7-python-2": 1}}, "the own row only"
    assert {document.metadata["problem"] for document in test.documents.values()} == {"7"}
    train_text, test_text = pairs[0].document, test.documents["7-python-1"].text
    assert train_text == test_text, "markers are treated alike"
    kept = parts("xlcost", tmp_path, markers="keep", languages=("cpp-python",))["cpp-python"]
    assert next(kept.train()).document == kept.test()[0].documents["7-python-1"].text == PYTHON


def test_a_pair_folder_itself_and_val_as_test(tmp_path):
    pair_copy(tmp_path, CPP_PYTHON, "val", ["int x ;"], ["x = 1"], ["3"])
    part = parts("xlcost", tmp_path / "C++-Python", languages=("Python-C++",))["python-cpp"]
    assert (part.train, part.dev) == (None, None)
    assert answers(part.test()[0]) == {"x = 1": ["int x ;"]}


def test_pairs_that_do_not_fit(tmp_path):
    pair_copy(tmp_path, CPP_PYTHON, "val", ["a", "b", "c"], ["A", "B", "C"], ['"1-C++-2"', "2", "3"], ["1", "5", "3"])
    test, problems = parts("xlcost", tmp_path)["cpp-python"].test()
    assert len(test.queries) == 2
    assert [(p.path.name, p.line, p.reason) for p in problems] == [
        ("val-Python-map.jsonl", 2, "problem '5', but '2' in val-C++-map.jsonl")
    ]
    pair_copy(tmp_path, CPP_PYTHON, "val", ["a", "b"], ["A", "B"], ["1"])
    with pytest.raises(DataError, match=r"val-C\+\+-map.jsonl:2: ends before this line"):
        parts("xlcost", tmp_path)["cpp-python"].test()
    (tmp_path / "C++-Python/val-C++-map.jsonl").unlink()
    with pytest.raises(DataError, match=r"the val split is not complete"):
        parts("xlcost", tmp_path)


@pytest.mark.parametrize(("level", "folder", "kind"), [
    ("program", "pair_data_tok_full_desc", "desc"), ("program", "pair_data_tok_full_desc_comment", "desc"),
    ("snippet", "pair_data_tok_1_comment", "comment"),
])  # fmt: skip
def test_descriptions_in_pairs(tmp_path, level, folder, kind):
    name = ("Python", kind, "py", "txt")
    for split_ in ("train", "val", "test"):
        pair_copy(tmp_path / folder, name, split_, [PYTHON], ["Check  a NEW_LINE number"], ["12"])
    found = parts("xlcost", tmp_path, task="text2code", level=level)
    assert list(found) == ["python"]
    pair = next(found["python"].train())
    assert (pair.query, pair.document, pair.extra["problem"]) == ("Check a NEW_LINE number", LAID_OUT, "12")
    assert answers(found["python"].test()[0]) == {pair.query: [pair.document]}


def searched(url, query=("int", "x", ";"), code=("y", "=", "1", "NEW_LINE")):
    return {"idx": url, "url": url, "docstring_tokens": list(query), "code_tokens": list(code)}


@pytest.mark.parametrize("root", ["", "retrieval"])
def test_the_search_layout_has_all_targets_in_one_pool(tmp_path, root):
    folder = tmp_path / root / "code2code_search/program_level"
    rows = [searched("1-Java/1-Python"), searched("1-Java/1-C#"), searched("2-Java/2-Python", ["a"], ["b"])]
    jsonl(folder / "Java/train.jsonl", rows)
    jsonl(folder / "Java/valid.jsonl", rows[:1])
    jsonl(folder / "Java/test.jsonl.gz", rows)
    jsonl(folder / "C#/test.jsonl", [searched("1-C#/1-Java")])
    found = parts("xlcost", tmp_path)
    assert list(found) == ["csharp", "java"], "the published parts: one for each language that is searched with"
    test, _ = found["java"].test()
    assert [document.metadata["language"] for document in test.documents.values()] == ["python", "csharp", "python"]
    assert [document.metadata["problem"] for document in test.documents.values()] == ["1", "1", "2"]
    assert test.qrels["q-1-Java/1-C#"] == {"1-Java/1-C#": 1}
    assert len(found["java"].dev()[0].queries) == 1
    assert len(split(found["java"].train())[0]) == 3
    direction = parts("xlcost", tmp_path, languages=("java-csharp",))["java-csharp"]
    assert (direction.language, len(direction.test()[0].documents)) == ("csharp", 1)


def test_search_rows_that_are_wrong(tmp_path):
    good = searched("1-C-1/1-PHP-1")
    rows = [good, good, searched("1-C-1/2-PHP-1"), searched("1-C-1/1-Cobol-1"), {**good, "url": 5},
            {**good, "code_tokens": "x"}, searched("3-C-1/3-PHP-4", code=["NEW_LINE"]), "{"]  # fmt: skip
    jsonl(tmp_path / "code2code_search/snippet_level/C/test.jsonl", rows)
    test, problems = parts("xlcost", tmp_path, level="snippet")["c"].test()
    assert len(test.queries) == 1
    assert [(p.line, p.field) for p in problems] == [
        (2, "id"), (3, "url"), (4, "url"), (5, "url"), (6, "code_tokens"), (7, "text"), (8, None),
    ]  # fmt: skip


def test_english_queries_for_snippets(tmp_path):
    row = {**searched("93-C-1", ["count", "bits"], ["int", "n", ";"]), "idx": 931}
    jsonl(tmp_path / "nl2code_search/snippet_level/C/test.jsonl", [row])
    part = parts("xlcost", tmp_path, task="text2code", level="snippet")["c"]
    test, problems = part.test()
    assert (answers(test), problems) == ({"count bits": ["int n ;"]}, ())
    assert test.documents["93-C-1"].metadata["problem"] == "93"
    with pytest.raises(ConfigError, match=r"no python here\n.*there are c\b"):
        parts("xlcost", tmp_path, task="text2code", level="snippet", languages=("python",))
    with pytest.raises(DataError, match=r"text2code, program level.*\n.*nl2code_search/program_level"):
        parts("xlcost", tmp_path, task="text2code")


def test_it_needs_a_path():
    with pytest.raises(ConfigError, match=r"not on the Hub.*\n.*code2code_search/program_level"):
        parts("xlcost")


def test_real_java_and_cpp_programs():
    found = parts("xlcost", data("xlcost"))
    assert list(found) == ["java-cpp", "cpp-java"]
    for part in found.values():
        test, problems = part.test()
        assert (len(test.queries), len(test.documents), problems) == (792, 792, ())
        texts = [*test.queries.values(), *(document.text for document in test.documents.values())]
        assert not any(marker in text.split() for text in texts for marker in ("NEW_LINE", "▁", "STRNEWLINE"))
