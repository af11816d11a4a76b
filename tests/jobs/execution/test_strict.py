"""What counts as the expected answer."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.execution.strict import stdout_matches, value_matches


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("3\n", "3"),
        ("1 2  \r\n3\n\n \n", "1 2\n3"),
        ("  1   2", "1 2"),
        ("a\nb\n", ["a", "b"]),
        ("1\n2\n", [1, 2]),
        ("0.3333333", "0.33333333333"),
        ("1000000.4", "1000000.0"),  # relative above 1
        ("3.0", "3"),
        ("-0.0", "0"),
        ("+7 007", "7 7"),
        ("1e3", "1000"),
        ("inf nan", "inf nan"),
        ("", ""),
        ("\n\n", ""),
        ("2 1", {"any_of": ["1 2", "2 1"]}),
        ("a\nb", {"any_of": ["b\na", ["a", "b"]]}),
    ],
)
def test_right(output, expected):
    assert stdout_matches(output, expected)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("3 2 1", "1 2 2 3"),
        ("b\na", "a\nb"),
        ("a", "a\na"),
        ("0.1233", "0.1234"),
        ("100001", "100000"),
        ("50000000000000001", "50000000000000000"),
        ("no yes no", "yes no"),
        ("1\n\n2", "1\n2"),
        ("1 2", "1\n2"),
        ("1e999", "2e999"),
        ("NaN", "nan"),
        ("1_000", "1000"),
        ("0.000002", "0.0000005"),
        ("Yes", "yes"),
        ("-5", "5"),
        ("", "0"),
        ("٣", "3"),
        ("x", {"a": 1}),
        ("x", [["x"]]),
        ("None", None),
        ("3", {"any_of": ["1 2", "2 1"]}),
        ("1 2\n2 1", {"any_of": ["1 2", "2 1"]}),
        ("x", {"any_of": []}),
        ("x", {"any_of": ["x"], "more": 1}),
    ],
)
def test_wrong(output, expected):
    assert not stdout_matches(output, expected)


def test_integers_longer_than_python_likes_to_print():
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(4300)
    try:
        assert stdout_matches("0" + "7" * 6000, "7" * 6000)
        assert not stdout_matches("7" * 6000, "7" * 5999 + "8")
    finally:
        sys.set_int_max_str_digits(limit)


@given(st.text(), st.one_of(st.text(), st.lists(st.text()), st.none(), st.integers(), st.floats()))
def test_never_raises(output, expected):
    assert stdout_matches(output, expected) in (True, False)
    assert value_matches(output, expected) in (True, False)


tokens = st.one_of(st.integers().map(str), st.floats(allow_nan=False).map(repr), st.text("abc+-.e1", min_size=1))
pages = st.lists(st.lists(tokens, min_size=1, max_size=4), min_size=1, max_size=4)


@given(
    pages, st.sampled_from([" ", "  ", "\t"]), st.sampled_from(["", " ", "\r"]), st.sampled_from(["", "\n", "\n \n"])
)
def test_layout_makes_no_difference(page, between, after, end):
    wanted = "\n".join(" ".join(line) for line in page)
    assert stdout_matches((after + "\n").join(between.join(line) for line in page) + after + end, wanted)


@given(pages, st.integers(0))
def test_a_token_more_or_less_does(page, where):
    wanted = "\n".join(" ".join(line) for line in page)
    line = page[where % len(page)]
    line.append("extra")
    assert not stdout_matches("\n".join(" ".join(line) for line in page), wanted)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (3, [3]),
        (3, {"any_of": [4, [3]]}),
        ([3], [3]),
        ([1, 2], [[1, 2]]),
        (2, 2.0),
        (True, [1]),
        (None, [None]),
        ({"1": 2}, [{"1": 2}]),
        ([], [[]]),
    ],
)
def test_right_values(value, expected):
    assert value_matches(value, expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, [1, 2]),
        (3, 4),
        (3, {"any_of": [4, 5]}),
        ("3", 3),
        (0.3, 0.1 + 0.2),
        ([2, 1], [1, 2]),
        (None, 0),
        (None, []),
        ({"1": 2}, {"1": 3}),
        ([3], 3),
    ],
)
def test_wrong_values(value, expected):
    assert not value_matches(value, expected)


def test_endless_depth_is_no_answer():
    deep, deeper = [], []
    for _ in range(100_000):
        deep, deeper = [deep], [deeper]
    assert not value_matches(deep, deeper)
