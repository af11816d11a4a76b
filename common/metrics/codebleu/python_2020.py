"""Python's trees of today's tree-sitter-python (0.25) in the shape of 0.16, which the official implementation ships.

Held to the real 0.16 on 4,800 texts: the tree is the same wherever both parse, but for a comment or an annotation in
four of them. Newer syntax that 0.16 got over by setting a sign aside (a starred value, `/` among parameters, `except*`,
`f"{x=}"`, `with (a as b):`) has its errors here, too. Where it lost its way (`match`, PEP 695, decorators of any form),
and after other syntax errors, each grammar recovers in its own manner: there figures differ (docs/codebleu.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from common.metrics.codebleu.python_precedence import not_first, subscript_last
from common.metrics.codebleu.trees import Tree

_THEN = {
    "tuple_pattern": "tuple",
    "list_pattern": "list",
    "list_splat_pattern": "list_splat",
    "dictionary_splat_pattern": "dictionary_splat",
}
_ESCAPE = re.compile(rb"""\\(u[\da-fA-F]{4}|U[\da-fA-F]{8}|x[\da-fA-F]{2}|\d{3}|\r?\n|['"abfrntv\\])""")
_UNLISTED = frozenset({"expression_list", "assignment", "augmented_assignment", "yield"})
"""What stands at the right of an assignment without a list around it."""


def as_in_2020(tree: Tree) -> Sequence[Tree]:
    """The node as tree-sitter-python 0.16 would have it."""
    tree.type = _THEN.get(tree.type, tree.type)
    match tree.type:
        case "line_continuation" | ";":
            return ()
        case "binary_operator" | "unary_operator":
            return subscript_last(tree)
        case "not in" | "is not" if tree.children:
            return tree.children
        case "keyword_separator":
            tree.type, tree.children = "list_splat", []
        case "boolean_operator":
            return not_first(tree)
        case "positional_separator":
            tree.type = "ERROR"
        case "expression_list" | "pattern_list" | "subscript":
            return _without_stars(tree)
        case "assignment" | "augmented_assignment":
            _list_of(tree, "left", "expression_list")
            _list_of(tree, "right", "expression_list")
        case "for_statement":
            _list_of(tree, "left", "variables")
            _list_of(tree, "right", "expression_list")
        case "for_in_clause":
            _list_of(tree, "left", "variables")
        case "return_statement" | "delete_statement" | "raise_statement" | "yield":
            _list_value(tree)
        case "parenthesized_expression" | "tuple":
            tree.children = [part for child in tree.children for part in _unnamed(child)]
        case "with_clause":
            return _with_items(tree)
        case "with_item" | "except_clause":
            _alias(tree)
        case "decorator":
            tree.children = [part for child in tree.children for part in _decorator(child)]
        case "string":
            tree.children = [part for child in tree.children for part in _string_part_2020(child)]
        case "interpolation" | "format_expression":
            for child in tree.children:
                child.field = None
            tree.children = [_aside(child) if child.type == "=" else child for child in tree.children]
        case "type_parameter":
            return _type_arguments(tree)
        case "generic_type":
            tree.type, tree.children[0].field = "subscript", "value"
        case "module":
            _comments_at_the_end(tree)
    if tree.type in _WITH_BLOCKS:
        _blocks_on_the_line(tree)
    return _comments_behind(tree) if tree.type in ("block", *_WITH_BLOCKS) else (tree,)


_WITH_BLOCKS = (
    "if_statement",
    "elif_clause",
    "else_clause",
    "for_statement",
    "while_statement",
    "try_statement",
    "except_clause",
    "finally_clause",
    "with_statement",
    "function_definition",
    "class_definition",
    "decorated_definition",
)


def _wrapped(tree: Tree, kind: str) -> Tree:
    """A list of one."""
    around = Tree(kind, True, tree.span, children=[tree], field=tree.field)
    tree.field = None
    return around


def _list_of(tree: Tree, role: str, kind: str) -> None:
    """One target or value stands in a list, as several do."""
    for place, child in enumerate(tree.children):
        if child.field == role and child.named:
            if child.type == "pattern_list":
                child.type = kind
            elif kind == "variables" or child.type not in _UNLISTED:
                tree.children[place] = _wrapped(child, kind)
            return


def _without_stars(tree: Tree) -> Sequence[Tree]:
    """A starred element of a list without brackets was an error, and so it was in a subscript."""
    parts: list[Tree] = []
    for child in tree.children:
        if child.type == "list_splat" and len(child.children) == 2:
            star, element = child.children
            element.field = child.field
            parts += (_aside(star), element)
        else:
            parts.append(child)
    tree.children = parts
    if parts and parts[0].type == "ERROR" and tree.type != "subscript":
        tree.children = parts[1:]
        return (parts[0], tree)
    return (tree,)


def _aside(sign: Tree) -> Tree:
    """A sign that the parser could not use and went on behind."""
    return Tree("ERROR", True, sign.span, children=[sign])


def _list_value(tree: Tree) -> None:
    if any(child.type == "from" and not child.named and tree.type == "yield" for child in tree.children):
        return
    for place, child in enumerate(tree.children):
        if child.named and child.field is None and child.type not in ("comment", "ERROR"):
            if child.type != "expression_list":
                tree.children[place] = _wrapped(child, "expression_list")
            return


def _with_items(clause: Tree) -> Sequence[Tree]:
    """Items stood in the statement; those in parentheses were a tuple."""
    if not clause.children or clause.children[0].type != "(":
        return clause.children
    several = any(child.type == "," for child in clause.children)
    value = Tree("tuple" if several else "parenthesized_expression", True, clause.span, field="value")
    for child in clause.children:
        value.children += _unnamed(child)
    for child in value.children:
        child.field = None
    return (Tree("with_item", True, clause.span, children=[value]),)


def _unnamed(item: Tree) -> Sequence[Tree]:
    """`value as name` in brackets was a value and an error."""
    if item.type not in ("as_pattern", "with_item"):
        return (item,)
    value, *named = item.children if item.type == "with_item" else _named_value(item)
    for part in (value, *named):
        part.field = None
    return (value, Tree("ERROR", True, item.span, children=named)) if named else (value,)


def _alias(tree: Tree) -> None:
    """`value as name` was no node of its own; only `with` gave the two a role."""
    parts: list[Tree] = []
    for child in tree.children:
        parts += _named_value(child) if child.type == "as_pattern" else (_aside(child) if child.type == "*" else child,)
    if tree.type == "except_clause":
        for part in parts:
            part.field = None
    tree.children = parts


def _named_value(pattern: Tree) -> list[Tree]:
    parts: list[Tree] = []
    for child in pattern.children:
        target = child.type == "as_pattern_target"
        for part in child.children if target else (child,):
            part.field = "alias" if target else "value" if part.named and part.type != "comment" else None
            parts.append(part)
    return parts


def _decorator(child: Tree) -> Sequence[Tree]:
    """A dotted name, called or not; other expressions were no decorators."""
    if child.type == "call" and _dotted(child.children[0]) is not None:
        called, arguments = child.children[0], child.children[-1]
        return (*_decorator(called), arguments)
    names = _dotted(child)
    return (child,) if names is None else (Tree("dotted_name", True, child.span, children=names),)


def _dotted(tree: Tree) -> list[Tree] | None:
    """The tokens of `a.b.c`."""
    if tree.type == "identifier":
        tree.field = None
        return [tree]
    if tree.type != "attribute":
        return None
    first = _dotted(tree.children[0])
    if first is None:
        return None
    for token in tree.children[1:]:
        token.field = None
    return first + tree.children[1:]


def _string_part_2020(child: Tree) -> Sequence[Tree]:
    if child.type in ("string_start", "string_end"):
        return (Tree('"', False, child.span, child.text),)
    if child.type == "string_content":
        escapes = (part for part in child.children if part.type == "escape_sequence")
        return [part for part in escapes if _ESCAPE.fullmatch(part.text)]
    return (child,)


def _type_arguments(parameters: Tree) -> Sequence[Tree]:
    """`List[int]` in an annotation was an ordinary subscript."""
    parts: list[Tree] = []
    for child in parameters.children:
        if child.type == "type" and len(child.children) == 1:
            child.children[0].field = "subscript"
            parts += child.children
        else:
            parts.append(child)
    return parts


def _blocks_on_the_line(tree: Tree) -> None:
    """`if a: b`: the block was another rule under a borrowed name, which the parser library printed only within."""
    for before, block in pairwise(tree.children):
        on_the_line = before.type == ":" and before.span[1][0] == block.span[0][0]
        block.nameless = block.type == "block" and on_the_line


def _comments_behind(tree: Tree) -> Sequence[Tree]:
    """Comments on lines below the last statement of a block stood behind the statement that the block belongs to."""
    behind = _trailing_comments(tree, lambda comment, before: comment.span[0][0] > before.span[1][0])
    return (tree, *behind)


def _comments_at_the_end(module: Tree) -> None:
    """At the end of the text, so did a comment on the same line."""
    behind: list[Tree] = []
    node = module
    while node.children:
        behind[:0] = _trailing_comments(node, lambda comment, before: True)
        node = node.children[-1]
    module.children += behind


def _trailing_comments(tree: Tree, goes: Callable[[Tree, Tree], bool]) -> list[Tree]:
    """Takes the comments off the end, as long as each goes, given what it stands behind."""
    cut = len(tree.children)
    while cut > 1 and tree.children[cut - 1].type == "comment" and goes(*tree.children[cut - 2 : cut][::-1]):
        cut -= 1
    behind = tree.children[cut:]
    tree.children = tree.children[:cut]
    if behind:
        tree.span = (tree.span[0], tree.children[-1].span[1])
    return behind
