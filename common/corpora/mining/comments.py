"""Which comments document a function, and what stands in them without the comment marks."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence

from tree_sitter import Node

from common.corpora.mining.source_text import indent_at, text_of

TYPES = frozenset({"comment", "line_comment", "block_comment"})
_LINES = ("//", "///", "//!", "#")
_MARK = re.compile(r"/\*+!?<?|//[/!]*<?|#+|=begin")
_LINE_MARK = re.compile(r"\s*(?://[/!]?|#+)")
_RULER = re.compile(r"\s*(?:[-=*#~_/+<>|^]\s*){3,}")
_LONG = 10  # signs of a line that cuts a comment in two; shorter ones may underline a heading or belong to a table
_HEADING = re.compile(r"\s*[-=*~_/+]{3,}\s*\S|[^\n]*[-=*~_/+]{5,}\s*\Z")
_DIRECTIVE = re.compile(
    r"#!|//[a-z]+:[a-z]|//(?:line|extern|export|nolint)\b|//\s*\+build\b"
    r"|(?:#|//)\s*(?:-\*-|rubocop:|frozen_string_literal:|encoding:|coding:|:nodoc:|:\w+:\s*\Z|typed:"
    r"|NOLINT|IWYU|clang-|cppcheck-|coverity|[LG]COV_|pragma\b)"
)
_LICENCE = re.compile(
    r"(?i)\bcopyright\s+(?:\(c\)|©|\d{4})|\(c\)\s*\d{4}|©|\bSPDX-|\blicen[sc]ed under\b"
    r"|\ball rights reserved\b|\bpermission is hereby granted\b|\bgnu (?:lesser |affero )?general public\b"
)
_OF_SOMETHING_ELSE = re.compile(
    r"\s*[@\\](?:file|fileoverview|overview|license|licence|module|namespace|typedef|callback|package|defgroup|addtogroup"
    r"|ingroup\s+\w+\s*$|name\b|page|mainpage|dir\b|\{|\})"
)


class Comments:
    """The comments of one file that stand on lines of their own, to be asked what is documented by them."""

    def __init__(self, source: bytes, marks: tuple[str, ...]) -> None:
        self._source = source
        self._marks = marks
        self._plain = tuple(mark for mark in marks if mark in ("//", "/*", "#"))
        self._by_last_row: dict[int, Node] = {}

    def add(self, node: Node) -> None:
        """Take note of a comment; what stands behind code belongs to that code."""
        start = node.start_byte
        if start == 0 or self._source[start - 1] == 0x0A or indent_at(self._source, start):
            last_row = node.end_point.row - (node.end_point.column == 0)
            self._by_last_row[last_row] = node

    def above(self, row: int) -> list[Node]:
        """The comment that ends right above a row or in front of it: one block, or lines of one kind.

        Comments of another kind in between (`// eslint-disable-next-line`) are passed over; a blank line ends the
        search.
        """
        node = self._by_last_row.get(row) or self._by_last_row.get(row - 1)
        while node is not None and self._kind(node) is None:
            node = self._above(node)
        if node is None:
            return []
        kind = self._kind(node)
        if kind not in _LINES:
            return [node]
        run: list[Node] = []
        while node is not None and self._kind(node) == kind:
            run.append(node)
            node = self._above(node)
        return run[::-1]

    def _kind(self, node: Node) -> str | None:
        """The mark of a documenting comment, None for any other."""
        raw = text_of(self._source, node)
        found = _MARK.match(raw)
        mark = found[0] if found else ""
        if mark.endswith("<") or raw == "/**/" or not mark.startswith(self._marks):
            return None
        if mark in self._marks or mark.startswith(self._plain):
            return "#" if mark[0] == "#" else mark[:3]
        return None  # `/****` and `////` draw a line where only `/**` and `///` document

    def _above(self, node: Node) -> Node | None:
        return self._by_last_row.get(node.start_point.row - 1)


def comment_text(raws: Sequence[str]) -> str:
    """The text of a comment, given as one block or as its lines; empty where it documents no function.

    Comment marks, the lines drawn around the text and directives to tools go; licences, headings of sections and
    documentation of files, groups and types are not a function's.
    """
    if raws[0].startswith("/*"):
        lines = _block(raws[0])
    elif raws[0].startswith("=begin"):
        lines = ["", *(line for line in raws[0].split("\n")[1:] if not line.startswith("=end"))]
    else:
        lines = [_LINE_MARK.sub("", raw, count=1) for raw in raws if not _DIRECTIVE.match(raw)]
        cut = max((i + 1 for i, line in enumerate(lines[:-1]) if _is_ruler(line) and len(line) >= _LONG), default=0)
        lines = ["", *lines[cut:]]
    text = inspect.cleandoc("\n".join(_without_frame(lines)))
    if _HEADING.match(text) or _LICENCE.search(text) or _OF_SOMETHING_ELSE.match(text):
        return ""
    return text


def _block(raw: str) -> list[str]:
    inside = re.sub(r"\A/\*[*!]?", "", raw)
    lines = inside.rstrip().removesuffix("*/").split("\n")
    if lines[-1].strip(" \t*"):
        lines[-1] = lines[-1].rstrip(" \t*")
    following = [line for line in lines[1:] if line.strip()]
    if following and all(line.lstrip().startswith("*") for line in following):
        lines[1:] = [re.sub(r"\A\s*\*", "", line) for line in lines[1:]]
        if all(line.rstrip().endswith("*") for line in following):  # a box
            lines = [line.rstrip().removesuffix("*") for line in lines]
    return lines


def _without_frame(lines: list[str]) -> list[str]:
    """The lines without those drawn around them; a single line in a frame is the heading of a section."""
    framed = False
    while lines and (not lines[-1].strip() or _is_ruler(lines[-1])):
        framed = framed or _is_ruler(lines[-1])
        lines = lines[:-1]
    first = next((index for index, line in enumerate(lines) if line.strip() and not _is_ruler(line)), 0)
    lines = ["", *lines[first:]] if first else lines
    return [] if framed and sum(1 for line in lines if line.strip()) == 1 else lines


def _is_ruler(line: str) -> bool:
    return _RULER.fullmatch(line) is not None
