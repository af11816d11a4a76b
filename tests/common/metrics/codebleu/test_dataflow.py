"""Which edges there are, and how they are compared."""

import pytest

from common.metrics.codebleu import corpus_codebleu
from common.metrics.codebleu.dataflow import DEEPEST, flow_match, flows
from common.metrics.codebleu.languages import code_language
from common.metrics.codebleu.python_2020 import as_in_2020
from common.metrics.codebleu.trees import parse

PYTHON = code_language("python")


def flow(code):
    return flows(parse(PYTHON.parser(), code, as_in_2020), code, PYTHON.flow)


def test_an_assignment_computes_its_target_from_its_value():
    assert flow("b = a") == [("var_1", "computedFrom", ("var_0",)), ("var_0", "comesFrom", ())]


def test_a_literal_is_a_place_too():
    assert flow("b = 1") == flow("b = a")


def test_a_use_comes_from_the_last_assignment():
    assert flow("a = 1\nf(a)")[2:] == [("var_1", "comesFrom", ("var_1",))]


def test_parallel_values_go_to_their_targets_only():
    first, second = [edge for edge in flow("a, b = c, d") if edge[1] == "computedFrom"]
    assert len(first[2]) == len(second[2]) == 1


def test_one_value_goes_to_all_targets():
    first, second = [edge for edge in flow("a, b = c(d)") if edge[1] == "computedFrom"]
    assert first[2] == second[2] and len(first[2]) == 2


def test_a_branch_without_else_leaves_the_old_value_possible():
    """What a name may come from is compared by name alone, so the two places show in the number of edges: with `else`
    the first value reaches nothing."""
    with_else, without = flow("a = 1\nif b: a = 2\nelse: a = 3\nf(a)"), flow("a = 1\nif b: a = 2\nf(a)")
    assert with_else[-1][1:] == without[-1][1:] == ("comesFrom", (without[-1][0],))


def test_a_loop_is_walked_twice():
    """`a` in the body comes from the end of the body."""
    assert ("var_1", "comesFrom", ("var_1",)) in flow("while b:\n    f(a)\n    a = 1")
    assert ("var_1", "comesFrom", ("var_1",)) not in flow("if b:\n    f(a)\n    a = 1")


def test_the_body_of_a_for_with_else_is_lost():
    lost = flow("for a in b:\n    c = a\nelse:\n    d = a")
    assert [edge[1] for edge in lost].count("computedFrom") == 1


def test_the_parts_of_a_string_are_one_token():
    assert flow("a = f'{b} {c}'") == flow("a = b")


def test_renaming_changes_nothing():
    code = "def f(x, y=1):\n    t = 0\n    for i in x:\n        t += i * y\n    return t"
    assert flow(code) == flow(
        code.replace("x", "values")
        .replace("t = ", "total = ")
        .replace("t +", "total +")
        .replace("return t", "return total")
    )


def test_an_edge_answers_once():
    edge = ("var_0", "comesFrom", ())
    assert flow_match([edge], [edge, edge]) == (1, 2)
    assert flow_match([edge, edge], [edge]) == (1, 1)


def test_nothing_flows_in_a_tree_broken_at_an_assignment():
    assert flow("for in : pass") == []


def test_nothing_flows_beyond_the_deepest():
    nested = "a = " + "(" * DEEPEST + "b" + ")" * DEEPEST
    assert flow(nested) == []
    assert flow("a = " + "(" * (DEEPEST - 20) + "b" + ")" * (DEEPEST - 20))


@pytest.mark.parametrize(("mode", "adds"), [("official", 0.0), ("pypi", 0.25)])
def test_a_reference_without_data_flow(mode, adds):
    code = "print(os.path.join(first, second, third, fourth))\nf(a) or g(b) or h(c) or i(d)"
    figures = corpus_codebleu([code], [[code]], mode=mode)
    assert figures.dataflow == 0
    assert figures.codebleu == pytest.approx(0.75 + adds)


def test_signs_beyond_ascii_shift_the_names_behind_them():
    """As in both implementations: columns count bytes, and the text is cut by them as if they counted characters."""
    assert flow("x = 'é'; aa = bb; cc = aa") != flow("x = 'e'; aa = bb; cc = aa")
