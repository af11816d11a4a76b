"""What has to be known of a language to find its functions, and where its parser comes from."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tree_sitter import Language, Node, Parser

from common.errors import UserError


class Step(NamedTuple):
    """A node to look at."""

    node: Node
    scope: str = ""
    """Dotted prefix of the names in it: `Class.`."""
    name: str | None = None
    """The name it is given from outside: `const name = () => …`."""
    start: Node | None = None
    """Where the text of the definition begins, if not at the node: at a decorator, `export`, `template <…>`."""
    end: Node | None = None


def field_name(node: Node) -> str | None:
    """The text of the field `name`, which most grammars have."""
    name = node.child_by_field_name("name")
    return _utf8(name) if name else None


def field_parameters(node: Node) -> Node | None:
    """The node of the field `parameters`, which most grammars have."""
    return node.child_by_field_name("parameters")


def field_body(node: Node) -> Node | None:
    """The node of the field `body`, which most grammars have."""
    return node.child_by_field_name("body")


@dataclass(frozen=True)
class Grammar:
    """One language. Node types are those of its tree-sitter grammar; what is named nowhere is not looked into."""

    language: str
    title: str
    """The name for people."""
    package: str
    """The wheel that carries the parser."""
    extensions: tuple[str, ...]
    functions: frozenset[str]
    """Nodes that are a function or a method; they are not looked into."""
    scopes: frozenset[str]
    """Nodes whose name goes before the names in them."""
    passed: frozenset[str]
    """Nodes that may hold definitions and have no name."""
    marks: tuple[str, ...]
    """What a documenting comment begins with."""
    reduce: Callable[[str], str]
    """From the markup of the documentation to text."""
    wrappers: frozenset[str] = frozenset()
    """Nodes that belong to the definition in them."""
    name: Callable[[Node], str | None] = field_name
    """The name of a function or scope, None where it has none."""
    parameters: Callable[[Node], Node | None] = field_parameters
    """The list of a function's parameters."""
    expand: Callable[[Step], Sequence[Step] | None] | None = None
    """Asked first for the nodes to look at instead of this one; None leaves it to the sets above."""
    classes: frozenset[str] = frozenset()
    """Nodes that are a class, an interface, a structure: what a search index keeps beside functions."""
    class_name: Callable[[Node], str | None] = field_name
    """The name of such a node, None where it defines none."""
    class_body: Callable[[Node], Node | None] = field_body
    """Where the header of such a node ends."""
    class_steps: Callable[[Step], Sequence[Step] | None] | None = None
    """Asked before `expand` where classes are looked for: they stand in places that hold no function."""
    namespaces: frozenset[str] = frozenset()
    """The scopes whose functions are no methods."""
    mask: Callable[[bytes], bytes] | None = None
    """Blanks out what the grammar cannot read; the length must stay."""
    entry: str = "language"
    """The function of the package that gives the grammar."""
    entries: Mapping[str, str] = field(default_factory=dict)
    """The same for some extensions."""

    def parser(self, extension: str = "") -> Parser:
        """The parser of files with this extension; raises `UserError` where the package is not installed."""
        return parser(self.title, self.package, self.entries.get(extension, self.entry))


@functools.cache
def parser(title: str, package: str, entry: str = "language") -> Parser:
    """A language's parser, from its wheel; raises `UserError` where the wheel is not installed."""
    try:
        module = importlib.import_module(package.replace("-", "_"))
    except ImportError as error:
        raise UserError(
            f"the grammar for {title} is not installed", f"pip install {package}, or `make setup`"
        ) from error
    return Parser(Language(getattr(module, entry)()))


def _utf8(node: Node) -> str:
    return (node.text or b"").decode("utf-8")
