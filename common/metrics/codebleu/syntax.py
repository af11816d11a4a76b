"""The syntactic part: how many subtrees of the reference's tree occur in the prediction's.

A subtree is every node that has children, with all below it, and the root. Two are the same where their named nodes
and the roles of these agree: names, literals and operators do not count (Ren et al. 2020, CodeBLEU, section 3.3). One
subtree of the prediction may answer for several of the reference, in both published implementations.
"""

from __future__ import annotations

from common.metrics.codebleu.trees import Tree, from_the_leaves

Outline = tuple[object, ...]


class Outlines:
    """Numbers for outlines: equal outlines have one number, however large they are."""

    def __init__(self) -> None:
        self._numbers: dict[Outline, int] = {}

    def subtrees(self, tree: Tree) -> list[int]:
        """The number of each subtree, as often as it occurs."""
        found: list[int] = []
        visible: dict[int, tuple[tuple[str | None, int], ...]] = {}  # what a node adds to the outline of its parent
        for node in from_the_leaves(tree):
            below = tuple(part for child in node.children for part in visible.pop(id(child)))
            number = self._number((*_label(node), below))
            visible[id(node)] = ((node.field, number),) if node.named or node.missing else below
            if node.children or node is tree:
                found.append(self._alone(below) if node.nameless else number)
        return found

    def _number(self, outline: Outline) -> int:
        return self._numbers.setdefault(outline, len(self._numbers))

    def _alone(self, below: tuple[tuple[str | None, int], ...]) -> int:
        if len(below) == 1 and below[0][0] is None:
            return below[0][1]
        return self._number(("", below))


def subtree_match(prediction: Tree, reference: Tree) -> tuple[int, int]:
    """(subtrees of the reference that occur in the prediction, subtrees of the reference)."""
    outlines = Outlines()
    there, wanted = set(outlines.subtrees(prediction)), outlines.subtrees(reference)
    return sum(number in there for number in wanted), len(wanted)


def _label(node: Tree) -> Outline:
    # an error without children is a sign that the parser could not use at all, and tree-sitter prints which
    stray = node.text[:1] if node.type == "ERROR" and not node.children else b""
    return node.type, node.missing, stray
