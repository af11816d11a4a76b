"""The documentation of a file as a whole: Python's docstring, elsewhere the comment at its head that is about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from common.corpora.mining import python
from common.corpora.mining.comments import TYPES as COMMENTS
from common.corpora.mining.comments import comment_text
from common.corpora.mining.grammar import Grammar
from common.corpora.mining.markup import rst
from common.corpora.mining.rules import MIN_WORDS
from common.corpora.mining.source_text import text_of

_BRANCHES = frozenset({"preproc_ifdef", "preproc_if"})
_WORD = re.compile(r"[^\W\d_]{2,}|\b[aAI]\b")
_BEFORE = re.compile(  # what may stand before the comment of a file
    r"#!|package\b|['\"]use |declare\b|<\?php|namespace\s[\w\\.]+\s*;"
    r"|#\s*(?:pragma\b|if\b|ifndef\b|define[ \t]+\w+[ \t]*$)",
    re.MULTILINE,
)
_BELOW = re.compile(  # what may stand right below it, where a function or a class would take it for its own
    r"package\b|['\"]use |declare\b|<\?php|namespace\b|#\s*(?:pragma|if|ifndef|define|include|import)\b|//|/\*|#!"
    r"|(?:import|using|use|require\w*|include\w*|load|extern)\b|(?:const|let|var)\b.*\brequire\b"
)
_FILE_TAG = re.compile(
    r"[@\\](?:(?:fileoverview|overview|mainpage|packageDocumentation)\b|module\b[ \t]*[\w./-]*"
    r"|file\b(?:[ \t]+[\w./-]+\.\w+(?=\s|$))?)"
)
_PACKAGE_TAG = re.compile(r"(?m)^[ \t*]*[@\\](?:sub)?package\b.*$")
_FOR_TOOLS = re.compile(
    r"(?i)\s*(?:eslint|jshint|jslint|tslint|istanbul|prettier-|biome-|c8 |vim?:|-\*-"
    r"|(?:globals?|exported) [\w$]+\s*(?:[,:]|\Z)"
    r"|@(?:ts-|flow\b|jsx|preserve|charset)|<(?:reference|auto-?generated))"
    r"|\W*(?:(?:this|code|file|is|was|has been)\s+)*(?:auto-?(?:matically )?)?generated"
    r" (?:by|from|automatically|with)\b"
    r"|.*\bdo not (?:edit|modify)\b"
)
_TERMS = re.compile(
    r"(?i)\b(?:copyright|public domain|free software|merchantability|without (?:any )?warrant\w*|terms of|governed by"
    r"|(?:see|under|in|for|full|and) (?:the )?(?:[\w.-]+ ){0,3}licen[sc]e"
    r"|licen[sc]e(?:s|d under|:| (?:file|information|text))|this file is part of)\b"
)
_PARAGRAPHS = re.compile(r"\n[ \t]*\n")


class ModuleDocumentation(NamedTuple):
    """What is said of a file, and the first and last line of it, counted from 1."""

    text: str
    first_line: int
    last_line: int


def of_python(root: Node, text: bytes) -> ModuleDocumentation | None:
    """The docstring of a module, None where it has none of three words."""
    if (found := python.docstring(text, root)) is None:
        return None
    statement, value = found
    return _worded(rst(value), statement, statement)


def of_grammar(root: Node, text: bytes, grammar: Grammar) -> ModuleDocumentation | None:
    """The first comment in front of imports and definitions that is about the file and has three words, or None.

    It says so by a tag (`@file`, `@fileoverview`, `@module`), or stands apart from the code or on top of imports;
    in Go it stands on top of `package`. Licences and notes to tools are passed over.
    """
    lines = text.split(b"\n") if root.child_count else []
    for block in _head(root, text):
        raws = [text_of(text, comment) for comment in block]
        below = lines[_last_row(block[-1]) + 1 : _last_row(block[-1]) + 2]
        line = below[0].decode("utf-8").strip() if below else ""
        tagged = any(_FILE_TAG.search(raw) for raw in raws)
        if not (tagged or (line.startswith("package") if grammar.language == "go" else not line or _BELOW.match(line))):
            continue
        written = comment_text([_PACKAGE_TAG.sub("", _FILE_TAG.sub("", raw)) for raw in raws])
        if found := _worded(_without_terms(grammar.reduce(written)), block[0], block[-1]):
            return found
    return None


def _without_terms(text: str) -> str:
    """The paragraphs that are about the file and neither its licence nor for a tool."""
    if _FOR_TOOLS.match(text):
        return ""
    kept = (paragraph for paragraph in _PARAGRAPHS.split(text) if not _TERMS.search(" ".join(paragraph.split())))
    return "\n\n".join(kept).strip()


def _worded(text: str, first: Node, last: Node) -> ModuleDocumentation | None:
    if len(_WORD.findall(text)) < MIN_WORDS:
        return None
    return ModuleDocumentation(text, first.start_point.row + 1, _last_row(last) + 1)


def _last_row(node: Node) -> int:
    return node.end_point.row - (node.end_point.column == 0)


def _head(root: Node, text: bytes) -> Iterator[list[Node]]:
    """The comments before the first import or definition: block by block, lines that follow each other together."""
    block: list[Node] = []
    for comment in _comments(root, text):
        one_line = not text_of(text, comment).startswith(("/*", "=begin"))
        if block and not (one_line and _last_row(block[-1]) + 1 == comment.start_point.row):
            yield block
            block = []
        block.append(comment)
        if not one_line:
            yield block
            block = []
    if block:
        yield block


def _comments(root: Node, text: bytes) -> Iterator[Node]:
    stack = list(reversed(root.children))
    while stack:
        node = stack.pop()
        if node.type in COMMENTS:
            line = text.rfind(b"\n", 0, node.start_byte) + 1
            if not text[line : node.start_byte].strip():
                yield node
        elif node.type in _BRANCHES:
            stack.extend(reversed([child for child in node.named_children if child.type != "identifier"]))
        elif node.is_named and not _BEFORE.match(text_of(text, node)):
            return
