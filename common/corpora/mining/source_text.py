"""From the bytes of a source file to the text that is parsed: UTF-8, with `\\n` at the end of each line."""

from __future__ import annotations

import codecs

from tree_sitter import Node

from common.errors import DataError

_MARKED = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WIDEST = 1000  # bytes of indentation


def as_utf8(source: bytes, path: str) -> bytes:
    """UTF-8 is what a source file is in unless a byte order mark says UTF-16; raises `DataError` for anything else."""
    encoding = next((encoding for mark, encoding in _MARKED if source.startswith(mark)), "utf-8")
    return decoded(source, path, encoding)


def decoded(source: bytes, path: str, encoding: str) -> bytes:
    """The bytes as UTF-8; raises `DataError` where they are no text in that encoding."""
    try:
        text = source.decode(encoding)
        return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8")
    except (UnicodeError, LookupError) as error:
        raise DataError(path, None, None, f"cannot be decoded: {error}") from error


def text_of(source: bytes, node: Node) -> str:
    """What stands at a node."""
    return source[node.start_byte : node.end_byte].decode("utf-8")


def indent_at(source: bytes, position: int) -> str:
    """The white space that a line begins with, up to a byte in it; empty where something else stands before it."""
    first = max(0, position - _WIDEST)  # a minified file is one line of a megabyte
    line = source.rfind(b"\n", first, position) + 1
    before = source[line:position] if line or not first else b"x"
    return before.decode("utf-8") if not before.strip() else ""


def dedented(code: str, indent: str) -> str:
    """Code without the indentation of its first line.

    `textwrap.dedent` would give up at a multi-line string whose lines start further left; those lines stay.
    """
    if not indent:
        return code.rstrip()
    return code.replace("\n" + indent, "\n").rstrip()


def first_error(root: Node) -> int | None:
    """The line of the first syntax error, counted from 1."""
    if not root.has_error:
        return None
    node: Node | None = root
    deepest = root
    while node is not None:
        deepest = node
        node = None if node.is_error or node.is_missing else next((c for c in node.children if c.has_error), None)
    return deepest.start_point.row + 1
