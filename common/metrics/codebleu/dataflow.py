"""The semantic part: how many of the reference's data-flow edges the prediction has.

An edge says that the value of a variable at one place comes from, or is computed from, variables at other places
(GraphCodeBERT, Guo et al. 2021, section 3). A language gives the node types that move values; the walk is the same for
all. Names are replaced by their order of appearance before edges are compared, so renaming changes nothing.

The walk keeps the published extraction's habits where they enter the figures:

- Places are tokens; a literal is a place as well as a variable.
- Tokens are cut out of the text by tree-sitter's columns, which count bytes, as if they counted characters: behind a
  sign beyond ASCII on the same line the names come out shifted.
- A loop is walked twice, so that what its end computes reaches its beginning.
- The body of a `for` is walked only where nothing follows it: with an `else` its edges are lost.
- Where a place has several edges, they become one, with the kind of the last.

Where edges are joined, the published ones take the names in the order of a hash table, which changes from run to run;
here it is the order of hash seed 0 (`hash_order.py`). Beyond DEEPEST nested nodes there is no data flow, as there is
none in the published ones beyond Python's recursion limit (about 980 nodes).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from common.metrics.codebleu.hash_order import hash_order
from common.metrics.codebleu.trees import Span, Tree, depth

DEEPEST = 200
"""A frame of Python a node: leaves four fifths of the default stack to whoever calls."""

Kind = Literal["comesFrom", "computedFrom"]
Flow = tuple[str, Kind, tuple[str, ...]]
"""A variable, how it gets its value, and the variables that it gets it from; names normalised."""


@dataclass(frozen=True)
class FlowRules:
    """Which nodes of a language move values; every one names its two sides by the roles in `sides`."""

    strings: frozenset[str]
    """Nodes that are one token, whatever the grammar finds in them."""
    identifiers: frozenset[str]
    comments: frozenset[str]
    assignments: frozenset[str]
    """The left side is computed from the right side."""
    clauses: frozenset[str]
    """Assignments whose right side is the last child, and which come before what surrounds them: comprehensions."""
    defaults: frozenset[str]
    """A `name` that comes from a `value`."""
    branches: frozenset[str]
    alternatives: frozenset[str]
    """Children of a branch that begin from what was known before it."""
    for_loops: frozenset[str]
    """Loops that assign; the body is their last child if its type is `block`."""
    loops: frozenset[str]
    block: str
    separator: str = ","
    """What stands between parallel targets and values."""
    sides: tuple[str, str] = ("left", "right")


class Edge(NamedTuple):
    """The value of `name` at a place, and where it comes from."""

    name: str
    place: int
    kind: Kind
    sources: tuple[str, ...] = ()
    places: tuple[int, ...] = ()


def flow_match(prediction: Iterable[Flow], reference: Iterable[Flow]) -> tuple[int, int]:
    """(edges of the reference that the prediction has, edges of the reference); each edge answers once."""
    wanted = Counter(reference)
    return (wanted & Counter(prediction)).total(), wanted.total()


def flows(tree: Tree, text: str, rules: FlowRules) -> list[Flow]:
    """The data flow of a text in order of place, names normalised; empty where the tree is broken at an assignment."""
    if depth(tree) > DEEPEST:
        return []
    try:
        edges = _Walk(tree, text, rules).edges(tree, {})
    except _BrokenError:
        return []
    edges.sort(key=lambda edge: edge.place)
    used = {place for edge in edges if edge.places for place in (edge.place, *edge.places)}
    return _normalised(_one_a_place(edge for edge in edges if edge.place in used))


class _BrokenError(Exception):
    """A node without the sides that its type must have: the parser recovered from an error there."""


Known = dict[str, tuple[int, ...]]
"""Name → the places that its value may come from."""


class _Walk:
    """Finds the edges of one text. `known` is brought up to date along the way."""

    def __init__(self, tree: Tree, text: str, rules: FlowRules) -> None:
        self._rules = rules
        lines = text.split("\n")
        self._places: Mapping[Span, tuple[str, int]] = {
            leaf.span: (_cut(lines, leaf.span), place) for place, leaf in enumerate(self._tokens(tree))
        }

    def edges(self, node: Tree, known: Known) -> list[Edge]:
        rules = self._rules
        if self._is_token(node):
            return self._token(node, known)
        if node.type in rules.defaults:
            return self._default(node, known)
        if node.type in rules.assignments:
            if node.child(rules.sides[1]) is None:
                return []
            return self._assigned(*self._parallel(node), known)
        if node.type in rules.clauses:
            return self._assigned([_side(node, rules.sides[0])], node.children[-1:], known)
        if node.type in rules.branches:
            return self._branch(node, known)
        if node.type in rules.for_loops:
            return _joined(self._for_round(node, known) + self._for_round(node, known))
        if node.type in rules.loops:
            return _joined(self._all(node.children, known) + self._all(node.children, known))
        clauses_first = sorted(node.children, key=lambda child: child.type not in rules.clauses)
        return self._all(clauses_first, known)

    def _all(self, nodes: Iterable[Tree], known: Known) -> list[Edge]:
        found: list[Edge] = []
        for node in nodes:
            found += self.edges(node, known)
        return found

    def _token(self, node: Tree, known: Known) -> list[Edge]:
        name, place = self._places[node.span]
        if node.type == name:  # punctuation and keywords
            return []
        if name in known:
            places = known[name]
            return [Edge(name, place, "comesFrom", (name,), places)]
        if node.type in self._rules.identifiers:
            known[name] = (place,)
        return [Edge(name, place, "comesFrom")]

    def _default(self, node: Tree, known: Known) -> list[Edge]:
        names = self._variables(_side(node, "name"))
        value = node.child("value")
        found: list[Edge] = []
        if value is not None:
            found += self.edges(value, known)
        for name, place in names:
            if value is None:
                found.append(Edge(name, place, "comesFrom"))
            else:
                sources = self._variables(value)
                found += (Edge(name, place, "comesFrom", (source,), (where,)) for source, where in sources)
            known[name] = (place,)
        return found

    def _parallel(self, node: Tree) -> tuple[list[Tree], list[Tree]]:
        """Targets and values one by one where there are as many of them, else the two sides."""
        whole = [_side(node, role) for role in self._rules.sides]
        parts = [[child for child in side.children if child.type != self._rules.separator] for side in whole]
        if len(parts[0]) != len(parts[1]) or not parts[0]:
            return [whole[0]], [whole[1]]
        return parts[0], parts[1]

    def _assigned(self, targets: list[Tree], values: list[Tree], known: Known) -> list[Edge]:
        found = self._all(values, known)
        for target, value in zip(targets, values, strict=True):
            sources = self._variables(value)
            names, places = tuple(name for name, _ in sources), tuple(place for _, place in sources)
            for name, place in self._variables(target):
                found.append(Edge(name, place, "computedFrom", names, places))
                known[name] = (place,)
        return found

    def _branch(self, node: Tree, known: Known) -> list[Edge]:
        before, exhaustive = dict(known), False
        outcomes: list[Known] = []
        found: list[Edge] = []
        for child in node.children:
            exhaustive = exhaustive or "else" in child.type
            if child.type in self._rules.alternatives:
                outcomes.append(dict(before))
                found += self.edges(child, outcomes[-1])
            else:
                found += self.edges(child, known)
        if not exhaustive:
            outcomes.append(before)
        for outcome in outcomes:
            for name, places in outcome.items():
                known[name] = tuple(sorted({*known.get(name, ()), *places}))
        return found

    def _for_round(self, node: Tree, known: Known) -> list[Edge]:
        found = self._assigned(*self._parallel(node), known)
        if node.children[-1].type == self._rules.block:
            found += self.edges(node.children[-1], known)
        return found

    def _variables(self, node: Tree) -> list[tuple[str, int]]:
        tokens = ((leaf, self._places[leaf.span]) for leaf in self._tokens(node))
        return [place for leaf, place in tokens if leaf.type != place[0]]

    def _tokens(self, tree: Tree) -> Iterator[Tree]:
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            if self._is_token(node):
                yield node
            else:
                waiting += reversed(node.children)

    def _is_token(self, node: Tree) -> bool:
        return (not node.children or node.type in self._rules.strings) and node.type not in self._rules.comments


def _side(node: Tree, role: str) -> Tree:
    side = node.child(role)
    if side is None:
        raise _BrokenError
    return side


def _joined(edges: Iterable[Edge]) -> list[Edge]:
    """One edge for all of the same name, place and kind; a name is a source of it once."""
    by_key: dict[tuple[str, int, Kind], Edge] = {}
    for edge in edges:
        key = edge[:3]
        by_key[key] = _with_sources_of(by_key[key], edge) if key in by_key else edge
    return list(by_key.values())


def _one_a_place(edges: Iterable[Edge]) -> list[Edge]:
    by_place: dict[int, Edge] = {}
    for edge in edges:
        old = by_place.get(edge.place)
        by_place[edge.place] = _with_sources_of(old, edge)._replace(kind=edge.kind) if old else edge
    return list(by_place.values())


def _with_sources_of(edge: Edge, other: Edge) -> Edge:
    return edge._replace(
        sources=hash_order(edge.sources + other.sources),
        places=tuple(dict.fromkeys(edge.places + other.places)),
    )


def _normalised(edges: Iterable[Edge]) -> list[Flow]:
    numbers: dict[str, str] = {}

    def normal(name: str) -> str:
        return numbers.setdefault(name, f"var_{len(numbers)}")

    found = []
    for edge in edges:
        sources = tuple(normal(source) for source in edge.sources)  # before the variable itself: the order matters
        found.append((normal(edge.name), edge.kind, sources))
    return found


def _cut(lines: list[str], span: Span) -> str:
    (first, start), (last, end) = span
    if first == last:
        return lines[first][start:end]
    return "".join([lines[first][start:], *lines[first + 1 : last], lines[last][:end]])
