"""What is taken for a comment, in each of the two ways."""

import pytest

from common.metrics.codebleu.comments import without_java_comments, without_python_comments


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a = b // c\nd", "a = b  \nd"),
        ("a = 1 # b\n\n  \nc", "a = 1 # b\nc"),
        ("a /* b\nc */ d", "a   d"),
        ("'http://a' + \"/*\" + b", "'http://a' + \"/*\" + b"),
        (r"'\'//' // x", r"'\'//'  "),
        ("a # don't\nb // c\nd # won't", "a # don't\nb // c\nd # won't"),
        ("a // b", "a  "),
    ],
)
def test_as_java(text, left):
    assert without_java_comments(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a = b // c  # d\n\n# e\nf", "a = b // c  \nf"),
        ('def f():\n    """Doc\n    string."""\n    return 1', "def f():\n    return 1"),
        ("x = 'kept'\n'gone'", "x = 'kept'"),
        ("f('a',\n  'b',\n'c')", "f('a',\n  'b',\n)"),
        ("a = 1 + \\\n    2", "a = 1 +    2"),
        ("if a:\n\tb\n\tc", "if a:\n\tb\n c"),
        ("a = '# no comment'", "a = '# no comment'"),
        ("a = f'{{b}} {c}'  # d", "a = f'{{b}} {c}'"),
        ("# é\né = 'é' # é", "é = 'é'"),
        ("", ""),
    ],
)
def test_as_python(text, left):
    assert [line.rstrip() for line in without_python_comments(text).split("\n")] == [
        line.rstrip() for line in left.split("\n")
    ]


@pytest.mark.parametrize("text", ["f(  # open", "  a\n b # c", "'''open # a"])
def test_what_is_not_python_stays(text):
    assert without_python_comments(text) == text
