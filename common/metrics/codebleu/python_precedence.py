"""Where tree-sitter-python 0.16 bound operators otherwise than Python does."""

from __future__ import annotations

from collections.abc import Sequence

from common.metrics.codebleu.trees import Tree

_BEGINNING = {"subscript": "value", "attribute": "object", "call": "function", "binary_operator": "left"}
"""The part that an expression begins with."""
_ENDING = {"boolean_operator": "right", "not_operator": "argument"}
"""The part that a condition ends with, as far as a `not` in it could reach on."""


def subscript_last(tree: Tree) -> Sequence[Tree]:
    """A subscript bound less tightly than any operator: `a + b[0]` was `(a + b)[0]`."""
    operand = tree.child("right") or tree.child("argument")
    subscript, node = None, operand
    while node is not None:  # down the side where the operand begins, to its first `[`
        subscript = node if node.type == "subscript" else subscript
        node = node.child(_BEGINNING.get(node.type, ""))
    if operand is None or subscript is None:
        return (tree,)
    value = subscript.child("value")
    assert value is not None
    value.field, operand.field, tree.field = operand.field, tree.field, "value"
    tree.children[_place(tree, operand)] = value
    subscript.children[_place(subscript, value)] = tree
    return (operand,)


def not_first(tree: Tree) -> Sequence[Tree]:
    """`not` bound less tightly than `and` and `or`: `not a and b` was `not (a and b)`."""
    left = tree.child("left")
    negation, node = None, left
    while node is not None:  # down the side where the left operand ends, to its last `not`
        negation = node if node.type == "not_operator" else negation
        node = node.child(_ENDING.get(node.type, ""))
    if left is None or negation is None:
        return (tree,)
    argument = negation.child("argument")
    assert argument is not None
    left.field, argument.field, tree.field = tree.field, "left", "argument"
    tree.children[_place(tree, left)] = argument
    negation.children[_place(negation, argument)] = tree
    return (left,)


def _place(tree: Tree, child: Tree) -> int:
    return next(place for place, one in enumerate(tree.children) if one is child)
