"""Which functions of JavaScript and TypeScript have a name: those declared, and those assigned to one.

A function that is called at once or passed to a call of the file (`(function () { … })()`, `define([…], function () {
… })`) stands for the file: its functions are the file's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tree_sitter import Node

from common.corpora.mining.comments import TYPES as COMMENTS
from common.corpora.mining.grammar import Step

VALUES = frozenset({"function_expression", "arrow_function", "generator_function"})
_THROUGH = frozenset({
    "parenthesized_expression", "unary_expression", "await_expression", "as_expression", "satisfies_expression",
    "non_null_expression", "sequence_expression", "return_statement",
})  # fmt: skip
_FIELDS = frozenset({"field_definition", "public_field_definition"})
_HOLDER = re.compile(r"\A(?:(?:module\.)?exports|window|globalThis|global|self|root|this)\.")


def expand(step: Step) -> Sequence[Step] | None:
    """The nodes to look at instead of this one; None for what is a function, a class or of no interest."""
    node, kind = step.node, step.node.type
    if kind in VALUES:
        return None if step.name else _inside(node.child_by_field_name("body"), step.scope)
    if kind in _THROUGH:
        return [step._replace(node=child) for child in node.named_children]
    handler = _HANDLERS.get(kind)
    return handler(step) if handler else None


def class_steps(step: Step) -> Sequence[Step] | None:
    """`static Name = class { … }`, a class in a class, besides what `expand` finds; and of `a = …, b = …`, which is how
    minified files are written, each part by itself."""
    node, value = step.node, step.node.child_by_field_name("value")
    if node.type == "sequence_expression":
        return [Step(child, step.scope, step.name, child, child) for child in node.named_children]
    if node.type not in _FIELDS or value is None or value.type != "class":
        return expand(step)
    name = node.child_by_field_name("property") or node.child_by_field_name("name")
    return [Step(value, step.scope, _text(name), step.start or node, node)] if name else []


def own_name(node: Node) -> str | None:
    """The name of a declaration; `[Symbol.iterator]` and `'quoted'` without the signs around them."""
    name = node.child_by_field_name("name")
    return _text(name).strip("[]'\"`") if name else None


def _statement(step: Step) -> list[Step]:
    node = step.node
    return [Step(child, step.scope, None, step.start or node, step.end or node) for child in node.named_children]


def _export(step: Step) -> list[Step]:
    """`export` belongs to what it exports."""
    node, value = step.node, step.node.child_by_field_name("value")
    if value is None:
        declared = node.child_by_field_name("declaration")
        return [Step(declared, step.scope, None, node, node)] if declared else []
    name = (own_name(value) or "default") if value.type in VALUES or value.type == "class" else None
    return [Step(value, step.scope, name, node, node)]


def _declaration(step: Step) -> list[Step]:
    """`const a = …, b = …`: a declaration of one name belongs to its function as a whole."""
    node = step.node
    declarators = [child for child in node.named_children if child.type == "variable_declarator"]
    steps = [Step(child) for child in node.named_children if child.type in COMMENTS]
    for declarator in declarators:
        name, value = declarator.child_by_field_name("name"), declarator.child_by_field_name("value")
        if name is not None and value is not None:
            whole = node if len(declarators) == 1 else declarator
            given = _text(name) if name.type == "identifier" else None
            start, end = (step.start or whole, step.end or whole) if whole is node else (whole, whole)
            steps.append(Step(value, step.scope, given, start, end))
    return sorted(steps, key=lambda found: found.node.start_byte)


def _assignment(step: Step) -> list[Step]:
    left, right = step.node.child_by_field_name("left"), step.node.child_by_field_name("right")
    if left is None or right is None:
        return []
    name = step.name
    if name is None and left.type in ("identifier", "member_expression"):
        name = _HOLDER.sub("", re.sub(r"\s+|\?", "", _text(left)), count=1)
        prototype = name.endswith(".prototype")
        name = name.replace(".prototype", "")
        if name in ("module.exports", "exports", "exports.default", "default"):
            name = (own_name(right) or "default") if right.type in VALUES or right.type == "class" else None
        elif prototype and right.type != "object":
            name = None
    return [step._replace(node=right, name=name)]


def _either(step: Step) -> list[Step]:
    """`name = name || …`"""
    right = step.node.child_by_field_name("right")
    return [step._replace(node=right)] if right else []


def _call(step: Step) -> list[Step]:
    """What is called at once, what a chain of calls began with, objects and functions that are passed."""
    node, steps = step.node, []
    called = node.child_by_field_name("function")
    while called is not None and called.type in ("member_expression", "parenthesized_expression"):
        called = called.child_by_field_name("object") if called.type == "member_expression" else called.named_child(0)
    if called is not None and called.type in VALUES | {"call_expression"}:
        steps.append(Step(called, step.scope))
    arguments = node.child_by_field_name("arguments")
    for argument in arguments.named_children if arguments else ():
        if argument.type == "object":
            steps.append(Step(argument, step.scope, step.name))
        elif argument.type in COMMENTS or (argument.type in VALUES and step.name is None):
            steps.append(Step(argument, step.scope))
    return steps


def _object(step: Step) -> list[Step]:
    scope = f"{step.scope}{step.name}." if step.name else step.scope
    return [Step(child, scope) for child in step.node.named_children]


def _pair(step: Step) -> list[Step]:
    node = step.node
    key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
    if key is None or value is None:
        return []
    return [Step(value, step.scope, _text(key).strip("[]'\"`"), node, node)]


def _field(step: Step) -> list[Step]:
    node = step.node
    name = node.child_by_field_name("property") or node.child_by_field_name("name")
    value = node.child_by_field_name("value")
    if name is None or value is None or value.type not in VALUES:
        return []
    return [Step(value, step.scope, _text(name), step.start or node, node)]


def _class_body(step: Step) -> list[Step]:
    """TypeScript's decorators stand beside the method they belong to."""
    steps: list[Step] = []
    first: Node | None = None
    for child in step.node.named_children:
        if child.type == "decorator":
            first = first or child
        elif child.type in COMMENTS:
            steps.append(Step(child))
        else:
            steps.append(Step(child, step.scope, None, first, child if first else None))
            first = None
    return steps


def _inside(body: Node | None, scope: str) -> list[Step]:
    return [Step(child, scope) for child in body.named_children] if body else []


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8")


_HANDLERS = {
    "expression_statement": _statement,
    "export_statement": _export,
    "lexical_declaration": _declaration,
    "variable_declaration": _declaration,
    "assignment_expression": _assignment,
    "binary_expression": _either,
    "call_expression": _call,
    "new_expression": _call,
    "object": _object,
    "pair": _pair,
    "field_definition": _field,
    "public_field_definition": _field,
    "class_body": _class_body,
}
