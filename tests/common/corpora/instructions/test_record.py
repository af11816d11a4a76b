"""Examples on disk."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.corpora.instructions.record import FIELDS, Example, read_examples, write_examples
from common.errors import DataError
from tests.common.corpora.sources.layouts import jsonl

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0")).filter(str.strip)
EXTRA = st.dictionaries(TEXT.filter(lambda key: key not in FIELDS), st.none() | st.integers() | TEXT, max_size=2)
EXAMPLES = st.builds(
    Example, id=TEXT, instruction=TEXT, code=TEXT, starter_code=st.just("") | TEXT,
    form=st.sampled_from([None, "stdin", "call"]), problem_id=st.none() | TEXT, extra=EXTRA,
)  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EXAMPLES, min_size=1, max_size=4, unique_by=lambda example: example.id))
def test_what_is_written_is_read_back(tmp_path, examples):
    path = tmp_path / "e.jsonl"
    write_examples(path, examples)
    read = read_examples(path)
    assert (list(read.examples), read.problems) == (examples, ())


def test_bad_lines_are_kept_out_and_named(tmp_path):
    good = {"instruction": "Add.", "code": "a + b"}
    path = jsonl(tmp_path / "mine.jsonl", [
        good,
        "{not json",
        {"instruction": " ", "code": "x"},
        {"instruction": "Add.", "code": ""},
        {**good, "code": 7},
        {**good, "form": "script"},
        {**good, "id": "twice", "level": 3},
        {**good, "id": "twice"},
        {**good, "starter_code": None},
        {"instruction": "Solve.", "code": "", "problem_id": 7, "form": "stdin", "id": 12},
    ])  # fmt: skip
    read = read_examples(path)
    assert [example.id for example in read.examples] == ["mine-1", "twice", "12"]
    assert read.examples[1].extra == {"level": 3}
    assert read.examples[2].problem_id == "7", "an answer without a reference can be scored by tests"
    assert [str(problem).removeprefix(f"{path}:") for problem in read.problems] == [
        "2: not JSON: Expecting property name enclosed in double quotes at column 2",
        "3: field 'instruction': empty",
        "4: field 'code': empty",
        "5: field 'code': a string is needed, not a number",
        "6: field 'form': stdin or call is needed, not 'script'",
        "8: field 'id': 'twice' was there before; the first one counts",
        "9: field 'starter_code': a string is needed, not null",
    ]


def test_a_file_without_a_good_line_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"it holds no example\n.*instruction"):
        read_examples(jsonl(tmp_path / "e.jsonl", []))
    with pytest.raises(DataError, match=r"e.jsonl:1: field 'code': missing \(no usable example in this file, 2 bad\)"):
        read_examples(jsonl(tmp_path / "e.jsonl", [{"instruction": "a"}, {"code": "a"}]))
    with pytest.raises(DataError, match="no such file"):
        read_examples(tmp_path / "absent.jsonl")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"code": ""}, "'code': empty"),
        ({"instruction": "\0"}, "NUL"),
        ({"extra": {"code": "x"}}, "an extra key must not be named"),
        ({"extra": {"x": float("nan")}}, "cannot be written as JSON"),
        ({"id": "first"}, "'first' was there before"),
    ],
)
def test_what_would_not_be_read_is_not_written(tmp_path, wrong, told):
    path = tmp_path / "e.jsonl"
    path.write_text("before")
    with pytest.raises(DataError, match=f"e.jsonl:2.*{told}"):
        write_examples(
            path, [Example("first", "a", "b"), Example(**{"id": "2", "instruction": "a", "code": "b", **wrong})]
        )
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_optional_fields_are_left_out_of_the_file(tmp_path):
    write_examples(tmp_path / "e.jsonl", [Example("1", "a", "b")])
    assert json.loads((tmp_path / "e.jsonl").read_text()) == {"id": "1", "instruction": "a", "code": "b"}
    with pytest.raises(DataError, match=r"name the file \*.jsonl"):
        write_examples(tmp_path / "e.jsonl.gz", [Example("1", "a", "b")])
