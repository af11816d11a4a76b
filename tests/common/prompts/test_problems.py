"""What a model is asked for a problem with tests."""

from common.corpora.problems.record import CodeProblem
from common.prompts import prompt_of, stops_of


def asked(**more):
    given = {"id": "1", "question": "Double it. ", "kind": "stdin", "inputs": ("1",), "outputs": ("2",)}
    rest = {"fn_name": None, "starter_code": "", "difficulty": "", "solutions": ()}
    return CodeProblem(**{**given, **rest, **more})


def test_apps_is_asked_as_its_authors_ask():
    assert prompt_of(asked()) == "\nQUESTION:\nDouble it.\nUse Standard Input format\nANSWER:\n"
    called = asked(kind="call", fn_name="f", starter_code="class Solution:\n    def f(self, n):\n")
    assert prompt_of(called) == (
        "\nQUESTION:\nDouble it.\nclass Solution:\n    def f(self, n):\nUse Call-Based format\nANSWER:\n"
    )


def test_a_function_s_head_is_gone_on_with():
    head = asked(kind="script", prompt_prefix="def f(n):\n    '''Double.'''\n")
    assert prompt_of(head) == head.prompt_prefix
    assert "\ndef " in stops_of(head) and "\ndef " not in stops_of(asked())


def test_a_function_s_head_is_not_touched():
    head = asked(kind="script", prompt_prefix="\n\ndef f(n):\n    '''Braces {n}.'''\n  ")
    assert prompt_of(head) == head.prompt_prefix
