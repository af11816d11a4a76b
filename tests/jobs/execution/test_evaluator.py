"""What becomes of results that a candidate has made to be hard to read."""

import pytest

from common.corpora.problems.record import CodeProblem
from jobs.execution.evaluator import MOST_DIGITS, Evaluator
from jobs.execution.sandbox.host import Sandbox, SandboxError
from jobs.execution.sandbox.spec import Jail, Limits, SandboxConfig


@pytest.fixture(scope="module")
def evaluator():
    for level in ("full", "reduced"):
        try:
            Sandbox(Jail(level)).close()
        except SandboxError:
            continue
        with Evaluator(SandboxConfig(isolation=level), Limits()) as made:
            yield made
        return
    pytest.skip("this host gives no sandbox")


def call(expected):
    return CodeProblem("1", "", "call", ([1],), (expected,), "f", "", "", ())


def test_a_result_far_longer_than_the_answer_is_wrong_and_not_read(evaluator, monkeypatch):
    monkeypatch.setattr("jobs.execution.evaluator._integer", lambda digits: pytest.fail("it was read"))
    verdict = evaluator.judge(call([1, 2]), "def f(x): return [10**20000] * 20")
    assert verdict.results == ("fail",)


def test_long_integers_are_compared(evaluator):
    assert evaluator.judge(call(10**6000), "def f(x): return 10**6000").passed
    assert not evaluator.judge(call(10**6000), "def f(x): return 10**6000 + 1").passed


@pytest.mark.parametrize("mode", ["strict", "reference"])
def test_an_integer_without_end_is_no_result(evaluator, mode):
    code = f"def f(x): return 10**{MOST_DIGITS + 1}"
    assert not evaluator.judge(call(10**MOST_DIGITS), code, mode=mode).passed


@pytest.mark.parametrize(("expected", "code"), [
    (["é" * 500], "def f(x): return ['é' * 500]"), ([1.0] * 400, "def f(x): return (1,) * 400"),
    ([1] * 400, "def f(x): return [True] * 400"), ([[3]], "def f(x): return [3]"),
])  # fmt: skip
def test_equal_values_that_are_written_longer_pass(evaluator, expected, code):
    assert evaluator.judge(call(expected), code).passed
