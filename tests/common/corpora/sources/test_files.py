import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.corpora.lines import Problem
from common.corpora.sources.config import SetConfig
from common.corpora.sources.files import chosen, json_array, language_name, parallel_lines, variant
from common.errors import ConfigError, DataError
from tests.common.corpora.sources.layouts import write

VALUES = st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.integers() | st.lists(st.integers(), max_size=2))


@given(st.lists(VALUES, max_size=6), st.sampled_from([None, 1]))
def test_an_array_is_read_as_json_reads_it(tmp_path_factory, records, indent):
    path = write(tmp_path_factory.mktemp("array") / "a.json", json.dumps(records, indent=indent, ensure_ascii=False))
    found = list(json_array(path))
    assert [record for _, _, record in found] == records
    lines = path.read_text("utf-8").split("\n")
    for _, line, _ in found:
        assert lines[line - 1].lstrip(" [,").startswith("{")


@pytest.mark.parametrize(
    ("text", "good", "line", "reason"),
    [
        ('[\n{"a": 1},\n{"a": }\n,{"a": 2}]', 1, 3, "not JSON"),
        ('[\n{"a": 1},\n3,\n{"a": 2}]', 2, 3, "object is needed"),
        ('{"a": 1}', 0, 1, "array is needed"),
        ('[{"a": 1},\n', 1, 1, "cut off"),
        ('[{"a": NaN}]', 0, 1, "NaN"),
        ("", 0, 1, "array is needed"),
    ],
)
def test_a_broken_array_says_where(tmp_path, text, good, line, reason):
    found = list(json_array(write(tmp_path / "a.json.gz", text)))
    problems = [item for item in found if isinstance(item, Problem)]
    assert len(found) - len(problems) == good
    assert [(problem.path.name, problem.line) for problem in problems] == [("a.json.gz", line)]
    assert reason in problems[0].reason


def test_parallel_lines_pair_by_number(tmp_path):
    one, two = write(tmp_path / "1", "a\n\nc\nd\n\n"), write(tmp_path / "2.gz", "A\nB\nC\nD\n")
    found = list(parallel_lines([one, two]))
    assert found == [(1, ("a", "A")), Problem(one, 2, None, "blank, it pairs with nothing"), (3, ("c", "C")),
                     (4, ("d", "D"))]  # fmt: skip


def test_files_of_different_length_do_not_pair(tmp_path):
    one, two = write(tmp_path / "1", "a\nb\n"), write(tmp_path / "2", "A\nB\nC\n")
    read = parallel_lines([one, two])
    assert [next(read)[0], next(read)[0]] == [1, 2]
    with pytest.raises(DataError, match=r"1:3: ends before this line, which 2 has"):
        next(read)


def test_names_of_languages_and_directions(tmp_path):
    published = ("C++", "C#", "cs", "Javascript", "js", "PHP", "Python")
    assert [language_name(n) for n in published] == ["cpp", "csharp", "csharp", *["javascript"] * 2, "php", "python"]
    config = SetConfig(name="xlcost", languages=("C++-C#", "java-cpp", "cpp-csharp"))
    assert chosen(config, ["java-cpp", "cpp-csharp", "c-php"]) == ["cpp-csharp", "java-cpp"]
    with pytest.raises(ConfigError, match=r"no cpp-csharp here\n.*there are c-php, java-cpp"):
        chosen(config, ["java-cpp", "c-php"])


def test_plain_files_come_before_packed_ones(tmp_path):
    write(tmp_path / "b.jsonl.gz", "")
    assert variant(tmp_path, "a.jsonl", "b.jsonl").name == "b.jsonl.gz"
    write(tmp_path / "a.jsonl", "")
    assert variant(tmp_path, "a.jsonl", "b.jsonl").name == "a.jsonl"
    assert variant(tmp_path, "c.jsonl") is None
