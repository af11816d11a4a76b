"""What a verdict says of a failure."""

import pytest

from jobs.execution.verdicts import Verdict, why


@pytest.mark.parametrize(("results", "error", "compiled", "said"), [
    (["pass", "pass"], None, True, None),
    ([True, True], None, True, None),
    (["error", "error"], "SyntaxError: x", False, "syntax error"),
    ([-2], "IndentationError: x", True, "syntax error"),
    ([-2], "NameError: no function", True, "NameError"),
    ([True, -1], "timeout", True, "timeout"),
    (["pass", "error", "fail"], "json.decoder.JSONDecodeError: x", True, "JSONDecodeError"),
    ([True, False, -1], "KeyError: 1", True, "wrong answer"),
    (["error"], "exit status 3", True, "error"),
    (["error"], None, True, "error"),
    (["timeout", "skipped"], None, True, "timeout"),
    (["memory"], "MemoryError", True, "memory"),
    (["output-limit"], None, True, "output-limit"),
])  # fmt: skip
def test_the_first_failure_has_a_name(results, error, compiled, said):
    assert why(results, error, compiled=compiled) == said


def test_a_row_is_read_back():
    verdict = Verdict("1", 0, "reference", (True, -1), False, "timeout", None, 0.1, 0.2, 3)
    assert Verdict.of_row(verdict.row()) == verdict


def test_a_list_of_another_length_passes_no_test():
    assert Verdict("1", 0, "reference", (-2,), False, None, None, 0, 0, 0).passes(3) == (False,) * 3
    assert Verdict("1", 0, "reference", (True, -1, False), False, None, None, 0, 0, 0).passes(3) == (True, False, False)
