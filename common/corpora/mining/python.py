"""Functions from Python source, by tree-sitter: a file need not run on this interpreter, nor be free of errors.

Functions inside functions are not taken out: their code is part of the outer one's, and a query for one would have
two answers. A function with a syntax error in it is left out, the others in the file are kept (The Vault's rule).
"""

from __future__ import annotations

import ast
import functools
import inspect
import io
import re
import tokenize
import warnings

from tree_sitter import Language, Node, Parser

from common.corpora.mining.functions import Function, ParsedFile
from common.errors import DataError, UserError

LANGUAGE = "python"
_DEFINITIONS = {"function_definition", "class_definition", "decorated_definition"}
_COMPOUND = {  # statements that may hold definitions
    "module", "block", "if_statement", "elif_clause", "else_clause", "try_statement", "except_clause",
    "except_group_clause", "finally_clause", "with_statement", "for_statement", "while_statement",
    "match_statement", "case_clause",
}  # fmt: skip
_WALKED = _COMPOUND | _DEFINITIONS
_DOES_NOTHING = re.compile(r"(?:pass|\.\.\.)\Z|(?:raise|return) NotImplemented(?:Error)?\b")


def extract_functions(source: bytes, path: str) -> list[Function]:
    """The functions and methods of one file in source order. Raises like `parse_file`."""
    return list(parse_file(source, path).functions)


def parse_file(source: bytes, path: str) -> ParsedFile:
    """Parse one file.

    Raises `DataError` where the bytes are no text in the encoding the file declares, `UserError` where the grammar is
    not installed.
    """
    text = _as_utf8(source, path)
    root = _parser().parse(text).root_node
    found: list[Function] = []
    stack: list[tuple[Node, str]] = [(root, "")]
    while stack:
        node, scope = stack.pop()
        if node.type in _COMPOUND:
            inner = [(child, scope) for child in node.named_children if child.type in _WALKED]
            stack.extend(reversed(inner))
            continue
        definition = node.child_by_field_name("definition") if node.type == "decorated_definition" else node
        name = definition.child_by_field_name("name") if definition else None
        body = definition.child_by_field_name("body") if definition else None
        if definition is None or name is None or body is None:
            continue
        symbol = scope + _text(text, name)
        if definition.type == "class_definition":
            stack.append((body, symbol + "."))
        elif not node.has_error:
            found.append(_function(text, path, symbol, node, definition, body))
    return ParsedFile(tuple(found), _first_error(root))


@functools.cache
def _parser() -> Parser:
    try:
        import tree_sitter_python
    except ImportError as error:
        raise UserError(
            "the grammar for Python is not installed", "pip install tree-sitter-python, or `make setup`"
        ) from error
    return Parser(Language(tree_sitter_python.language()))


def _as_utf8(source: bytes, path: str) -> bytes:
    """What the tree is parsed from; line ends become `\\n`, as Python's own reader has them."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        text = source.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise DataError(path, None, None, f"cannot be decoded: {error}") from error
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8")


def _function(text: bytes, path: str, symbol: str, node: Node, definition: Node, body: Node) -> Function:
    documentation, without = _take_documentation(text, node, body)
    line_start = text.rfind(b"\n", 0, node.start_byte) + 1
    indent = text[line_start : node.start_byte].decode()
    # `textwrap.dedent` would give up at a multi-line string whose lines start further left; those lines stay.
    code = "\n".join(line.removeprefix(indent) for line in without.split("\n"))
    return Function(
        path=path,
        symbol=symbol,
        start_line=node.start_point.row + 1,
        end_line=node.end_point.row + 1,
        code=code.rstrip(),
        documentation=documentation,
        language=LANGUAGE,
        parameters=_parameters(text, definition.child_by_field_name("parameters")),
        is_stub=_is_stub(text, body, documented=bool(documentation)),
    )


def _take_documentation(text: bytes, node: Node, body: Node) -> tuple[str, str]:
    """The documentation, and the function's text without it."""
    whole = _text(text, node)
    statements = [child for child in body.named_children if child.type != "comment"]
    value = _docstring(text, statements[0]) if statements else None
    if value is None:
        return "", whole
    start, end = statements[0].start_byte, statements[0].end_byte
    before, after = text[node.start_byte : start].decode(), text[end : node.end_byte].decode()
    if len(statements) == 1:  # a body must not be empty
        return value, before + "pass" + after
    rest = after.lstrip(" \t;")
    if rest.startswith("\n") and not before.rsplit("\n", 1)[-1].strip():
        following = re.sub(r"\A(?:[ \t]*\n)+", "\n", rest)  # the blank lines set the documentation off
        return value, before.rstrip(" \t").removesuffix("\n") + following
    return value, before + rest


def _docstring(text: bytes, statement: Node) -> str | None:
    """The cleaned value of a statement that is nothing but a string; None for f-strings, bytes and all else."""
    value = statement.named_children[0] if statement.named_child_count == 1 else None
    while value is not None and value.type == "parenthesized_expression" and value.named_child_count == 1:
        value = value.named_children[0]
    if statement.type != "expression_statement" or value is None or value.type not in ("string", "concatenated_string"):
        return None
    try:
        with warnings.catch_warnings():  # `\d` in an old docstring is not our business
            warnings.simplefilter("ignore")
            content = ast.literal_eval(f"({_text(text, value)})")  # in brackets its parts may stand on several lines
    except (ValueError, SyntaxError):
        return None
    return inspect.cleandoc(content) if isinstance(content, str) else None


def _is_stub(text: bytes, body: Node, *, documented: bool) -> bool:
    statements = [child for child in body.named_children if child.type != "comment"][documented:]
    return all(_DOES_NOTHING.match(_text(text, statement)) for statement in statements)


def _parameters(text: bytes, node: Node | None) -> tuple[str, ...]:
    names = []
    for child in node.named_children if node else ():
        inner = child.child_by_field_name("name")
        if inner is None and child.type == "typed_parameter":
            inner = child.named_children[0]
        name = inner or child
        if name.type in ("identifier", "list_splat_pattern", "dictionary_splat_pattern"):
            names.append(_text(text, name))
    return tuple(names)


def _first_error(root: Node) -> int | None:
    node = root
    while node.has_error and not node.is_error and not node.is_missing:
        node = next(child for child in node.children if child.has_error)  # an error is never the inner node's own
    return node.start_point.row + 1 if root.has_error else None


def _text(source: bytes, node: Node) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8")
