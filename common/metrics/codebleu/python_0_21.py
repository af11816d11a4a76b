"""Python's trees of today's tree-sitter-python (0.25) in the shape of 0.21, which the PyPI package asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from common.metrics.codebleu.trees import Tree

_ESCAPE = re.compile(rb"""\\(u[\da-fA-F]{4}|U[\da-fA-F]{8}|x[\da-fA-F]{2}|\d{3}|\r?\n|['"abfrntv\\]|N\{.*)""")


def as_in_0_21(tree: Tree) -> Sequence[Tree]:
    """The node as tree-sitter-python 0.21 would have it."""
    match tree.type:
        case "not in" | "is not" if tree.children:
            for word in tree.children:
                word.type, word.named, word.field = tree.type, tree.named, tree.field
            return tree.children
        case "except_clause":
            if any(child.type == "*" for child in tree.children):
                tree.type = "except_group_clause"
            for child in tree.children:
                child.field = None
        case "string_content":
            tree.children = [child for child in tree.children if child.named and not _is_plain(child)]
    return (tree,)


def _is_plain(part: Tree) -> bool:
    return part.type == "escape_sequence" and _ESCAPE.fullmatch(part.text) is None
