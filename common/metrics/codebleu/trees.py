"""Syntax trees as plain records, brought into the shape that an implementation's own grammar would have given.

Both published implementations are tied to the grammar of their day: the same code has other nodes under the present
one, and with them other figures. A language says in `reshape` what to change; trees are built from the leaves up, so
it sees a node whose children are in shape already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tree_sitter import Parser

Point = tuple[int, int]
"""Row and column; columns count bytes, as tree-sitter does."""
Span = tuple[Point, Point]


@dataclass(slots=True)
class Tree:
    """A node with what lies below it."""

    type: str
    named: bool
    """False for what the grammar writes as a literal: punctuation, keywords."""
    span: Span
    text: bytes = b""
    """Of a leaf; other nodes have none."""
    children: list[Tree] = field(default_factory=list)
    field: str | None = None
    """The role that its parent gives it: `left`, `body`."""
    missing: bool = False
    """Put there by error recovery; there is nothing in the text."""
    nameless: bool = False
    """Printed under its name within its parent, and without one when printed by itself."""

    def child(self, role: str) -> Tree | None:
        """The first child with a role."""
        return next((child for child in self.children if child.field == role), None)


Reshape = Callable[[Tree], Sequence[Tree]]
"""From a node to those that stand in its place: itself, another, several, or none."""


def unchanged(tree: Tree) -> Sequence[Tree]:
    """The reshaping that leaves the grammar's nodes as they are."""
    return (tree,)


def parse(parser: Parser, text: str, reshape: Reshape = unchanged) -> Tree:
    """The tree of a text in shape. Without recursion: generated code may nest deeper than Python's stack."""
    cursor = parser.parse(text.encode("utf-8", "surrogatepass")).walk()
    open_nodes: list[Tree] = []
    going_down = True
    while True:
        if going_down:
            node = cursor.node
            assert node is not None
            (row, column), (last_row, last_column) = node.start_point, node.end_point
            span = ((row, column), (last_row, last_column))
            leaf = (node.text or b"") if node.child_count == 0 else b""
            open_nodes.append(Tree(node.type, node.is_named, span, leaf, [], cursor.field_name, node.is_missing))
            if cursor.goto_first_child():
                continue
        done = open_nodes.pop()
        if not open_nodes:
            return next(iter(reshape(done)))
        open_nodes[-1].children += reshape(done)
        going_down = cursor.goto_next_sibling()
        if not going_down:
            cursor.goto_parent()


def from_the_leaves(tree: Tree) -> Iterator[Tree]:
    """Every node after its children."""
    waiting = [(tree, False)]
    while waiting:
        node, seen = waiting.pop()
        if seen or not node.children:
            yield node
        else:
            waiting.append((node, True))
            waiting += ((child, False) for child in reversed(node.children))


def depth(tree: Tree) -> int:
    """Nodes on the longest way down."""
    deepest, waiting = 0, [(tree, 1)]
    while waiting:
        node, level = waiting.pop()
        deepest = max(deepest, level)
        waiting += ((child, level + 1) for child in node.children)
    return deepest
