"""Where functions and classes stand in a file, what is their header and what documents them: the parts of units.

Functions and their documentation are those that mining finds; classes come from the same walk with more nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from tree_sitter import Node

from common.corpora.mining import extract, python
from common.corpora.mining.comments import TYPES as COMMENTS
from common.corpora.mining.comments import Comments, comment_text
from common.corpora.mining.functions import Function
from common.corpora.mining.grammar import Grammar, Step
from common.corpora.mining.markup import rst
from common.corpora.mining.source_text import text_of

_DECORATORS = frozenset({"decorator", "annotation", "marker_annotation", "attribute_list"})
_INITIALIZERS = frozenset({"field_initializer_list", "constructor_initializer"})
_BEHIND_HEADER = re.compile(rb"(?:\s|=>|[:={;])*\Z")
_EMPTY_RUBY = re.compile(rb"(?:;|\s)\s*end\Z")
_MAY_CUT = re.compile(rb"[@\[#]|//|/\*")


@dataclass(frozen=True)
class Definition:
    """A function or a class; bytes are counted in the file's text."""

    kind: Literal["function", "method", "class"]
    symbol: str
    enclosing: str
    start: int
    """First byte, decorators included."""
    end: int
    header_end: int
    """The byte behind the header: what follows is the body."""
    signature: str
    documentation: str
    comments: tuple[tuple[int, int], ...]
    """First and last byte of what documents it; not given for Python's functions, whose body holds it."""
    first_line: int
    """Counted from 1; comments above that document it are included."""
    last_line: int
    function: Function | None
    """What mining finds; None for a class."""
    kept: bool
    """Whether it is a unit: no syntax error, and no function that does nothing and says nothing."""


def of_python(root: Node, text: bytes, path: str) -> Iterator[Definition]:
    """The definitions of a Python file in source order, a class before what is in it."""
    for found in python.definitions(root, text):
        node, bare, body = found.node, found.bare, found.body
        broken = node.has_error
        function = None if found.is_class or broken else python.function_of(text, path, found)
        documented = python.docstring(text, body) if found.is_class else None
        owner = found.symbol.rpartition(".")[0]
        header_end = _header_end(text, bare, body, bare.start_byte, node.end_byte)
        yield Definition(
            kind="class" if found.is_class else "method" if owner else "function",
            symbol=found.symbol,
            enclosing=owner,
            start=node.start_byte,
            end=node.end_byte,
            header_end=header_end,
            signature=_signature(text, bare, bare, header_end),
            documentation=function.documentation if function else rst(documented[1]) if documented else "",
            comments=((documented[0].start_byte, documented[0].end_byte),) if documented else (),
            first_line=node.start_point.row + 1,
            last_line=node.end_point.row + 1,
            function=function,
            kept=not broken and _says_something(function),
        )


def of_grammar(root: Node, text: bytes, path: str, grammar: Grammar) -> Iterator[Definition]:
    """The definitions of a file in source order, a class before what is in it."""
    comments, namespaces = Comments(text, grammar.marks), set[str]()
    for step in extract.definitions(root, _with_classes(grammar), comments):
        kind = step.node.type
        if kind in grammar.namespaces:
            namespaces.add(f"{step.scope}{(grammar.name(step.node) or '').replace('::', '.')}.")
        elif kind in grammar.functions and (name := step.name or grammar.name(step.node)):
            owner = _owner(step.scope, step.scope + name, namespaces)
            yield _function(step, step.scope + name, owner, text, path, grammar, comments)
        elif kind in grammar.classes and (name := step.name or grammar.class_name(step.node)):
            symbol = step.scope + name.replace("::", ".")
            yield _class(step, symbol, _owner(step.scope, symbol, namespaces), text, grammar, comments)


def _with_classes(grammar: Grammar) -> Grammar:
    """The same record, whose walk goes also where only classes are."""
    return replace(grammar, scopes=grammar.scopes | grammar.classes, expand=grammar.class_steps or grammar.expand)


def _owner(scope: str, symbol: str, namespaces: set[str]) -> str:
    """The class, or what stands for one (an object, Go's receiver), that a definition belongs to."""
    if scope and scope not in namespaces:
        return scope[:-1]
    owner = symbol.rpartition(".")[0]  # `Box::size`, `Stack.prototype.push`
    return "" if f"{owner}." in namespaces else owner


def _function(
    step: Step, symbol: str, owner: str, text: bytes, path: str, grammar: Grammar, comments: Comments
) -> Definition:
    function = extract.function_of(step, text, path, grammar, comments)
    body = step.node.child_by_field_name("body")
    taken = extract.documenting(step, body, comments)
    found = _definition(step, symbol, owner, text, body, taken, function.documentation if function else "")
    return replace(
        found, kind="method" if owner else "function", function=function,
        kept=function is not None and _says_something(function),
    )  # fmt: skip


def _class(step: Step, symbol: str, owner: str, text: bytes, grammar: Grammar, comments: Comments) -> Definition:
    body = grammar.class_body(step.node)
    name = step.node.child_by_field_name("name")
    taken = extract.documenting(step, name or body, comments)  # behind the name, a comment is about the first member
    written = comment_text([text_of(text, comment) for comment in taken]) if taken else ""
    return _definition(step, symbol, owner, text, body, taken, grammar.reduce(written) if written else "")


def _definition(
    step: Step, symbol: str, owner: str, text: bytes, body: Node | None, taken: list[Node], documentation: str
) -> Definition:
    start, end = step.start or step.node, step.end or step.node
    first = min([start, *taken], key=lambda node: node.start_byte) if documentation else start
    header_end = _header_end(text, step.node, body, start.start_byte, end.end_byte)
    return Definition(
        kind="class",
        symbol=symbol,
        enclosing=owner,
        start=start.start_byte,
        end=end.end_byte,
        header_end=header_end,
        signature=_signature(text, start, step.node, header_end),
        documentation=documentation,
        comments=tuple((comment.start_byte, comment.end_byte) for comment in taken) if documentation else (),
        first_line=first.start_point.row + 1,
        last_line=end.end_point.row + 1,
        function=None,
        kept=not (step.node.has_error or end.has_error),
    )


def _says_something(function: Function | None) -> bool:
    return function is None or bool(function.documentation) or not function.is_stub


def _header_end(text: bytes, node: Node, body: Node | None, start: int, end: int) -> int:
    """Where the header ends: at the body, in front of the signs and the initialisers between."""
    initializers = next((child for child in node.children if child.type in _INITIALIZERS), None)
    if body is not None:
        end = min(body.start_byte, initializers.start_byte) if initializers else body.start_byte
    header = text[start:end]
    if body is None:
        header = _EMPTY_RUBY.sub(b"", header)
    return start + len(_BEHIND_HEADER.sub(b"", header))


def _signature(text: bytes, start: Node, node: Node, end: int) -> str:
    """The header on one line, without comments and without what decorates the definition."""
    pieces, position = [], start.start_byte
    if _MAY_CUT.search(text, position, end):
        for first, last in _cuts(start, node, end):
            pieces.append(text[position:first])
            position = max(position, last)
    pieces.append(text[position:end])
    return _BEHIND_HEADER.sub(b"", b" ".join(b" ".join(pieces).split())).decode("utf-8")


def _cuts(start: Node, node: Node, end: int) -> list[tuple[int, int]]:
    """Comments and decorators of a header; those of a parameter stay."""
    found: list[tuple[int, int]] = []
    stack = [(start, False)]
    if start.end_byte <= node.start_byte:  # TypeScript's decorators stand beside the method
        stack = [(child, False) for child in (start.parent.children if start.parent else ())]
    while stack:
        inner, in_parameters = stack.pop()
        if inner.start_byte >= end or inner.end_byte <= start.start_byte:
            continue
        if inner.type in COMMENTS or (inner.type in _DECORATORS and not in_parameters):
            found.append((inner.start_byte, inner.end_byte))
        else:
            stack.extend((child, in_parameters or "parameter" in inner.type) for child in inner.children)
    return sorted(found)
