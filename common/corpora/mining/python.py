"""Functions from Python source, by tree-sitter: a file need not run on this interpreter, nor be free of errors.

Functions inside functions are not taken out: their code is part of the outer one's, and a query for one would have
two answers. A function with a syntax error in it is left out, the others in the file are kept (The Vault's rule).
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import tokenize
import warnings
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from common.corpora.mining.functions import Function, ParsedFile
from common.corpora.mining.grammar import parser
from common.corpora.mining.markup import rst
from common.corpora.mining.source_text import decoded, dedented, first_error, indent_at, text_of
from common.errors import DataError

LANGUAGE, TITLE, PACKAGE = "python", "Python", "tree-sitter-python"
_DEFINITIONS = {"function_definition", "class_definition", "decorated_definition"}
_COMPOUND = {  # statements that may hold definitions
    "module", "block", "if_statement", "elif_clause", "else_clause", "try_statement", "except_clause",
    "except_group_clause", "finally_clause", "with_statement", "for_statement", "while_statement",
    "match_statement", "case_clause",
}  # fmt: skip
_WALKED = _COMPOUND | _DEFINITIONS
_DOES_NOTHING = re.compile(r"(?:pass|\.\.\.)\Z|(?:raise|return) NotImplemented(?:Error)?\b")


class Definition(NamedTuple):
    """A function or a class."""

    node: Node
    """With its decorators."""
    bare: Node
    """Without them."""
    body: Node
    symbol: str

    @property
    def is_class(self) -> bool:
        """Whether it is a class."""
        return self.bare.type == "class_definition"


def extract_functions(source: bytes, path: str) -> list[Function]:
    """The functions and methods of one file in source order. Raises like `parse_file`."""
    return list(parse_file(source, path).functions)


def parse_file(source: bytes, path: str) -> ParsedFile:
    """Parse one file.

    Raises `DataError` where the bytes are no text in the encoding the file declares, `UserError` where the grammar is
    not installed.
    """
    text = as_utf8(source, path)
    root = parser(TITLE, PACKAGE).parse(text).root_node
    found = (found for found in definitions(root, text) if not (found.is_class or found.node.has_error))
    return ParsedFile(tuple(function_of(text, path, definition) for definition in found), first_error(root))


def definitions(root: Node, text: bytes) -> Iterator[Definition]:
    """The functions and classes in source order, a class before what is in it."""
    stack: list[tuple[Node, str]] = [(root, "")]
    while stack:
        node, scope = stack.pop()
        if node.type in _COMPOUND:
            inner = [(child, scope) for child in node.named_children if child.type in _WALKED]
            stack.extend(reversed(inner))
            continue
        bare = node.child_by_field_name("definition") if node.type == "decorated_definition" else node
        name = bare.child_by_field_name("name") if bare else None
        body = bare.child_by_field_name("body") if bare else None
        if bare is None or name is None or body is None:
            continue
        definition = Definition(node, bare, body, scope + text_of(text, name))
        yield definition
        if definition.is_class:
            stack.append((body, definition.symbol + "."))


def as_utf8(source: bytes, path: str) -> bytes:
    """What the tree is parsed from, read in the encoding that the file declares, as Python's own reader does."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise DataError(path, None, None, f"cannot be decoded: {error}") from error
    return decoded(source, path, encoding)


def function_of(text: bytes, path: str, definition: Definition) -> Function:
    """The function at a definition without syntax errors."""
    node, body = definition.node, definition.body
    documentation, without = _take_documentation(text, node, body)
    return Function(
        path=path,
        symbol=definition.symbol,
        start_line=node.start_point.row + 1,
        end_line=node.end_point.row + 1,
        code=dedented(without, indent_at(text, node.start_byte)),
        documentation=rst(documentation),
        language=LANGUAGE,
        parameters=_parameters(text, definition.bare.child_by_field_name("parameters")),
        is_stub=_is_stub(text, body, documented=bool(documentation)),
    )


def _take_documentation(text: bytes, node: Node, body: Node) -> tuple[str, str]:
    """The documentation, and the function's text without it."""
    whole = text_of(text, node)
    found = docstring(text, body)
    if found is None:
        return "", whole
    statement, value = found
    start, end = statement.start_byte, statement.end_byte
    before, after = text[node.start_byte : start].decode(), text[end : node.end_byte].decode()
    if sum(child.type != "comment" for child in body.named_children) == 1:  # a body must not be empty
        return value, before + "pass" + after
    rest = after.lstrip(" \t;")
    if rest.startswith("\n") and not before.rsplit("\n", 1)[-1].strip():
        following = re.sub(r"\A(?:[ \t]*\n)+", "\n", rest)  # the blank lines set the documentation off
        return value, before.rstrip(" \t").removesuffix("\n") + following
    return value, before + rest


def docstring(text: bytes, body: Node) -> tuple[Node, str] | None:
    """The statement that documents a body or a module, and its cleaned value without quotes; None without one."""
    first = next((child for child in body.named_children if child.type != "comment"), None)
    value = _string(text, first) if first else None
    return None if first is None or value is None else (first, value)


def _string(text: bytes, statement: Node) -> str | None:
    """The cleaned value of a statement that is nothing but a string; None for f-strings, bytes and all else."""
    value = statement.named_children[0] if statement.named_child_count == 1 else None
    while value is not None and value.type == "parenthesized_expression" and value.named_child_count == 1:
        value = value.named_children[0]
    if statement.type != "expression_statement" or value is None or value.type not in ("string", "concatenated_string"):
        return None
    try:
        with warnings.catch_warnings():  # `\d` in an old docstring is not our business
            warnings.simplefilter("ignore")
            content = ast.literal_eval(f"({text_of(text, value)})")  # in brackets its parts may stand on several lines
    except (ValueError, SyntaxError):
        return None
    return inspect.cleandoc(content) if isinstance(content, str) else None


def _is_stub(text: bytes, body: Node, *, documented: bool) -> bool:
    statements = [child for child in body.named_children if child.type != "comment"][documented:]
    return all(_DOES_NOTHING.match(text_of(text, statement)) for statement in statements)


def _parameters(text: bytes, node: Node | None) -> tuple[str, ...]:
    names = []
    for child in node.named_children if node else ():
        inner = child.child_by_field_name("name")
        if inner is None and child.type == "typed_parameter":
            inner = child.named_children[0]
        name = inner or child
        if name.type in ("identifier", "list_splat_pattern", "dictionary_splat_pattern"):
            names.append(text_of(text, name))
    return tuple(names)
