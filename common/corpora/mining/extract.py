"""Functions of any language whose grammar has a record: walk to the definitions, take the documentation out.

Functions inside functions are not taken out: their code is part of the outer one's, and a query for one would have
two answers. A function with a syntax error in it is left out, the others in the file are kept (The Vault's rule).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from tree_sitter import Node

from common.corpora.mining.comments import TYPES as COMMENTS
from common.corpora.mining.comments import Comments, comment_text
from common.corpora.mining.functions import Function, ParsedFile
from common.corpora.mining.grammar import Grammar, Step
from common.corpora.mining.source_text import as_utf8, dedented, first_error, indent_at, text_of

_BLOCKS = frozenset({
    "block", "compound_statement", "statement_block", "constructor_body", "body_statement", "statement_list",
})  # fmt: skip
_NOT_DONE = r"not[ _]?(?:yet[ _]?)?(?:been[ _]?)?implemented"
_DOES_NOTHING = re.compile(
    rf"(?is)\s*(?:=>\s*)?(?:return\b.{{0,40}}?\b{_NOT_DONE}"
    rf"|(?:throw|raise|fail|panic|abort|assert|die)\b.{{0,80}}?(?:{_NOT_DONE}|unimplemented|unsupported[ _]?operation"
    r"|notsupported|must (?:be )?(?:implement|overrid)|abstract method|implement me|\bTODO\b))"
)
_VARIABLE = {"splat_parameter": "*", "hash_splat_parameter": "**", "block_parameter": "&"} | dict.fromkeys(
    ("spread_parameter", "variadic_parameter", "variadic_parameter_declaration"), "..."
)
_NAME_FIELDS = ("name", "pattern", "declarator", "left")
_NAMES = frozenset({
    "identifier", "variable_name", "rest_pattern", "object_pattern", "array_pattern", "this", "field_identifier",
})  # fmt: skip


def parse_file(source: bytes, path: str, grammar: Grammar) -> ParsedFile:
    """Parse one file.

    Raises `DataError` where the bytes are no text, `UserError` where the grammar is not installed.
    """
    parser = grammar.parser(PurePath(path).suffix)
    text = as_utf8(source, path)
    root = parser.parse(grammar.mask(text) if grammar.mask else text).root_node
    comments = Comments(text, grammar.marks)
    steps = (step for step in definitions(root, grammar, comments) if step.node.type in grammar.functions)
    found = (function_of(step, text, path, grammar, comments) for step in steps)
    return ParsedFile(tuple(function for function in found if function), first_error(root))


def definitions(root: Node, grammar: Grammar, comments: Comments) -> Iterator[Step]:
    """The functions and the scopes around them in source order, a scope before what is in it; `comments` has heard of
    all that stand before one when it comes."""
    stack = [Step(child) for child in reversed(root.named_children)]
    while stack:
        step = stack.pop()
        node, kind = step.node, step.node.type
        if kind in COMMENTS:
            comments.add(node)
        elif grammar.expand and (steps := grammar.expand(step)) is not None:
            stack.extend(reversed(steps))
        elif kind in grammar.functions:
            yield step
        elif kind in grammar.scopes:
            yield step
            name = (step.name or grammar.name(node) or "").replace("::", ".")
            scope = f"{step.scope}{name}." if name else step.scope
            stack.extend(Step(child, scope) for child in reversed(node.named_children))
        elif kind in grammar.wrappers:
            start, end = step.start or node, step.end or node
            stack.extend(Step(child, step.scope, None, start, end) for child in reversed(node.named_children))
        elif kind in grammar.passed or kind == "ERROR":
            stack.extend(Step(child, step.scope) for child in reversed(node.named_children))


def function_of(step: Step, text: bytes, path: str, grammar: Grammar, comments: Comments) -> Function | None:
    """The function at a step of `definitions`; None where it has no name, or a syntax error in it."""
    node, start, end = step.node, step.start or step.node, step.end or step.node
    name = step.name or grammar.name(node)
    if not name or node.has_error or end.has_error:
        return None
    body = node.child_by_field_name("body")
    taken = documenting(step, body, comments)
    written = comment_text([text_of(text, comment) for comment in taken]) if taken else ""
    return Function(
        path=path,
        symbol=step.scope + name,
        start_line=start.start_point.row + 1,
        end_line=end.end_point.row + 1,
        code=_code(text, start, end, taken),
        documentation=grammar.reduce(written) if written else "",
        language=grammar.language,
        parameters=_parameters(text, grammar.parameters(node) or node.child_by_field_name("parameter")),
        is_stub=_is_stub(text, body),
    )


def documenting(step: Step, body: Node | None, comments: Comments) -> list[Node]:
    """The comment of a definition: above it or, in front of its body, between what it is made of."""
    start = step.start or step.node
    return comments.above(start.start_point.row) or _in_front(step.node, body, start, comments)


def _in_front(node: Node, body: Node | None, start: Node, comments: Comments) -> list[Node]:
    """A comment between annotations, decorators or `template <…>` and the name."""
    if start != node and (found := comments.above(node.start_point.row)):
        return found
    stack = [child for child in node.named_children if body is None or child.end_byte <= body.start_byte]
    if stack and stack[0].type == "modifiers":
        stack = stack[0].named_children + stack[1:]
    for child in stack:
        if child.type in COMMENTS:
            comments.add(child)
            return comments.above(child.end_point.row + 1)
    return []


def _code(text: bytes, start: Node, end: Node, taken: list[Node]) -> str:
    """The text from `start` to `end` without the comments that document it."""
    pieces, position = [], start.start_byte
    for comment in taken:
        if comment.start_byte >= position and comment.end_byte <= end.end_byte:
            pieces.append(text[position : comment.start_byte])
            position = comment.end_byte
            position += len(text[position : end.end_byte]) - len(text[position : end.end_byte].lstrip())
    pieces.append(text[position : end.end_byte])
    return dedented(b"".join(pieces).decode("utf-8"), indent_at(text, start.start_byte))


def _is_stub(text: bytes, body: Node | None) -> bool:
    """No body, an empty one, or one that only says that it is not implemented."""
    if body is None:
        return True
    if body.type not in _BLOCKS:
        return _DOES_NOTHING.match(text_of(text, body)) is not None
    statements = [child for child in body.named_children if child.type not in COMMENTS]
    if len(statements) == 1 and statements[0].type == "statement_list":
        statements = statements[0].named_children
    return all(_DOES_NOTHING.match(text_of(text, statement)) for statement in statements)


def _parameters(text: bytes, node: Node | None) -> tuple[str, ...]:
    if node is None or node.type in _NAMES:
        return (text_of(text, node),) if node else ()
    names: list[str] = []
    for child in node.named_children:
        mark = _VARIABLE.get(child.type, "")
        if child.type == "spread_parameter":  # its name is that of a declarator
            child = child.named_children[-1]
        for name in child.children_by_field_name("name") or [_declared(child)]:
            if name.type in _NAMES:
                names.append(mark + " ".join(text_of(text, name).split()))
            elif name.type == "variadic_parameter":  # C's `...` has no name
                names.append(mark)
    return tuple(names)


def _declared(node: Node) -> Node:
    """The innermost name of a parameter: `*argv[]` declares argv."""
    inner: Node | None = node
    while inner is not None and inner.type not in _NAMES:
        node = inner
        inner = next((found for field in _NAME_FIELDS if (found := node.child_by_field_name(field))), None)
        if inner is None and node.type.endswith("_declarator") and node.named_child_count:  # C++: `T&& ...rest`
            inner = node.named_children[-1]
    return inner or node
