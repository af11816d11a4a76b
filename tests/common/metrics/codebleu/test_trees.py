"""Trees of today's grammar in the shape of older ones: `trees.jsonl` was printed by tree-sitter-python 0.16.1 and
0.21.0 themselves, for snippets whose tree is another today. A line without one of the two has a syntax error there."""

import json
from pathlib import Path

import pytest

from common.corpora.mining.grammar import parser
from common.metrics.codebleu.python_0_21 import as_in_0_21
from common.metrics.codebleu.python_2020 import as_in_2020
from common.metrics.codebleu.syntax import subtree_match
from common.metrics.codebleu.trees import depth, from_the_leaves, parse

SHAPES = {"0.16": as_in_2020, "0.21": as_in_0_21}
ROWS = [json.loads(line) for line in Path(__file__).with_name("trees.jsonl").read_text(encoding="utf-8").splitlines()]
PYTHON = parser("Python", "tree-sitter-python")


def printed(node):
    """As tree-sitter prints a tree."""
    below = " ".join(filter(None, map(printed, node.children)))
    if not (node.named or node.missing):
        return below
    name = "MISSING " + node.type if node.missing else node.type
    return (f"{node.field}: " if node.field else "") + f"({name} {below})".replace(" )", ")")


@pytest.mark.parametrize("grammar", SHAPES)
def test_the_shape_is_what_the_older_grammar_prints(grammar):
    rows = [row for row in ROWS if grammar in row]
    assert len(rows) > 100
    wrong = [row["code"] for row in rows if printed(parse(PYTHON, row["code"], SHAPES[grammar])) != row[grammar]]
    assert not wrong


def test_a_deep_tree_needs_no_deep_stack():
    tree = parse(PYTHON, "(" * 3000 + "a" + ")" * 3000, as_in_2020)
    assert depth(tree) > 3000
    assert subtree_match(tree, tree)[0] == subtree_match(tree, tree)[1] > 3000


def test_leaves_come_before_what_holds_them():
    seen = set()
    for node in from_the_leaves(parse(PYTHON, "def f(a):\n    return a + 1\n")):
        assert all(id(child) in seen for child in node.children)
        seen.add(id(node))


def match(prediction, reference, shape=as_in_2020):
    return subtree_match(parse(PYTHON, prediction, shape), parse(PYTHON, reference, shape))


def test_names_and_operators_do_not_count():
    assert match("total = first + 2", "n = m * 7") == (6, 6)  # module, statement, assignment, two lists, operator


def test_a_subtree_of_the_prediction_answers_for_several_of_the_reference():
    there, wanted = match("f(a)", "f(a)\ng(b)\nh(c)")
    assert (there, wanted) == (9, 10)  # all but the module


def test_a_block_on_the_line_of_its_colon_is_printed_without_its_name():
    """So `(block (pass_statement))` on a line of its own is not found in `if a: pass`, which has it within only."""
    assert match("while a: pass", "while a:\n    pass") == (3, 4)
    assert match("while a: pass", "while a:\n    pass", as_in_0_21) == (4, 4)
