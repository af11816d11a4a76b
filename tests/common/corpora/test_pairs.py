import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.corpora.pairs import FIELDS, Pair, read_pairs, write_pairs
from common.errors import DataError

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
EXTRA = st.dictionaries(TEXT.filter(lambda key: key not in FIELDS), JSON, max_size=3)
PAIRS = st.lists(st.builds(Pair, TEXT, TEXT, st.just("") | TEXT, EXTRA), min_size=1, max_size=5)
GOOD = b'{"query": "sum a list", "document": "def f(): ..."}\n'


@given(PAIRS)
def test_what_is_written_is_read_back(tmp_path_factory, pairs):
    path = tmp_path_factory.getbasetemp() / "pairs.jsonl"
    write_pairs(path, pairs)
    found = read_pairs(path)
    assert list(found.pairs) == pairs
    assert found.problems == ()


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (b"\xff\xfe\n", None, "not UTF-8 at byte 1"),
        (b'{"query": \n', None, "not JSON"),
        (b"[1]\n", None, "not an array"),
        (b'{"document": "d"}\n', "query", "missing"),
        (b'{"query": "q", "document": " \\n"}\n', "document", "empty"),
        (b'{"query": 3, "document": "d"}\n', "query", "not a number"),
        (b'{"query": "q", "document": null}\n', "document", "not null"),
        (b'{"query": "q\\u0000", "document": "d"}\n', "query", "NUL"),
        (b'{"query": "q\\ud800", "document": "d"}\n', "query", "surrogate"),
        (b'{"query": "q", "document": "d", "language": ["python"]}\n', "language", "not an array"),
        (b'{"query": "q", "document": "d", "score": NaN}\n', None, "NaN"),
        (b'{"query": "q", "document": ' + b"[" * 100_000 + b"\n", None, "nested too deeply"),
    ],
)
def test_a_bad_line_is_named_and_the_good_ones_stay(tmp_path, line, field, reason):
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(GOOD + b"\n" + line + GOOD)
    found = read_pairs(path)
    assert [pair.query for pair in found.pairs] == ["sum a list"] * 2
    (problem,) = found.problems
    assert (problem.path, problem.line, problem.field) == (path, 3, field)
    assert reason in problem.reason
    assert str(problem).startswith(f"{path}:3: " + (f"field {field!r}: " if field else ""))


def test_extra_keys_are_kept_and_language_is_optional(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text('\ufeff{"query": "q", "document": "d", "stars": 3}\r\n', encoding="utf-8")
    assert read_pairs(path).pairs == (Pair("q", "d", "", {"stars": 3}),)


def test_limit_counts_good_pairs(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(b"no\n" + GOOD * 5)
    assert len(read_pairs(path, limit=2).pairs) == 2
    with pytest.raises(ValueError, match="at least 1"):
        read_pairs(path, limit=0)


def test_a_packed_file_is_read_as_far_as_it_is_whole(tmp_path):
    path = tmp_path / "pairs.jsonl.gz"
    lines = b"".join(json.dumps({"query": f"q{n}", "document": f"d{n * 7919}"}).encode() + b"\n" for n in range(5000))
    whole = gzip.compress(lines)
    path.write_bytes(whole)
    assert len(read_pairs(path).pairs) == 5000
    path.write_bytes(whole[: len(whole) // 2])
    torn = read_pairs(path)
    assert 0 < len(torn.pairs) < 5000
    assert "damaged gzip" in str(torn.problems[-1])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b'{"query": "q"}\nx\n', ":1: field 'document'"),
    ],
)
def test_a_file_without_a_pair_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "pairs.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_pairs(path)
    assert str(path) in caught.value.message


@pytest.mark.parametrize(
    "bad",
    [Pair("", "d"), Pair("q", "\0"), Pair("q", "d", extra={"query": 1}), Pair("q", "d", extra={"x": float("nan")}),
     Pair("q", "d", extra={"x": "\ud800"}), Pair("q", "d", extra={"x": object()})],
)  # fmt: skip
def test_what_could_not_be_read_back_is_not_written(tmp_path, bad):
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, [Pair("old", "old")])
    with pytest.raises(DataError, match=":2: "):
        write_pairs(path, [Pair("q", "d"), bad])
    assert read_pairs(path).pairs == (Pair("old", "old"),)
    assert [file.name for file in tmp_path.iterdir()] == ["pairs.jsonl"]


def test_plain_text_is_not_written_under_a_packed_name(tmp_path):
    with pytest.raises(DataError, match="plain JSONL"):
        write_pairs(tmp_path / "pairs.jsonl.gz", [Pair("q", "d")])
