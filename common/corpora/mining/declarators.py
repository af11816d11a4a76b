"""Names where they are not simply a field of the node: C, C++, C#, Go, Ruby."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tree_sitter import Node

from common.corpora.mining.grammar import Step, field_name

_KEYWORDS = frozenset({
    "if", "else", "for", "while", "do", "switch", "case", "return", "sizeof", "catch", "try", "defined",
})  # fmt: skip
_EXPORTED_CLASS = re.compile(
    rb"\b(?:class|struct|union)[ \t]+((?:[A-Z][A-Z0-9_]{2,}(?:\([^()\n]*\))?[ \t]+)+)"
    rb"(?=[A-Za-z_][\w:]*\s*(?:final\b\s*)?[:{])"
)
_C_LINKAGE = re.compile(
    rb"^([ \t]*#[ \t]*if[^\n]*\b__cplusplus\b[^\n]*\n)"
    rb"((?:[ \t]*(?:extern[ \t]*\"C\"[ \t]*\{?|[{}])?[ \t]*(?:/[/*][^\n]*)?\n)+)(?=[ \t]*#[ \t]*endif)",
    re.MULTILINE,
)
_CPLUSPLUS = re.compile(
    rb"^[ \t]*(?:namespace\b[\w: \t]*(?:\{|$)|template[ \t]*<|(?:public|private|protected)[ \t]*:"
    rb"|using[ \t]+(?:namespace\b|[\w:]+[ \t]*[=;])|class[ \t]+[\w \t]+(?:[:{;]|$)|#[ \t]*include[ \t]*<[a-z_]+>)"
    rb"|\bstd::|\bstatic_cast<|\bconstexpr\b|\boperator[ \t]*[-+*/=<>!(\[]",
    re.MULTILINE,
)


def is_cplusplus(source: bytes) -> bool:
    """Whether a header is C++: one line says what C cannot (a namespace, a template, `public:`, `std::`, a header of
    the library without `.h`). C++ reads nearly all of C, so a C header that serves both by `#ifdef __cplusplus` and
    holds such lines is read as C++."""
    return _CPLUSPLUS.search(source) is not None


def without_c_linkage(source: bytes) -> bytes:
    """`extern "C" {` and its `}`, each between `#ifdef __cplusplus` and `#endif`, blanked out: the grammar reads every
    branch of the preprocessor as a whole and finds the brackets wanting."""
    return _C_LINKAGE.sub(lambda found: found[1] + re.sub(rb"[^\n]", b" ", found[2]), source)


def without_macros(source: bytes) -> bytes:
    """C++: in `class MYLIB_EXPORT Name {` the grammar would take the macro for the name; `without_c_linkage`."""
    source = _EXPORTED_CLASS.sub(lambda found: found[0].replace(found[1], b" " * len(found[1])), source)
    return without_c_linkage(source)


def declared_name(node: Node) -> str | None:
    """C and C++: the name of a function, `A.b` for `A::b`, or of a class or namespace."""
    if node.type != "function_definition":
        name = node.child_by_field_name("name")
        return _qualified(name) if name else None
    function = _function_declarator(node)
    name = (
        function.child_by_field_name("declarator") if function and function.type == "function_declarator" else function
    )
    found = _qualified(name) if name else ""
    return found if found and found not in _KEYWORDS else None


def declared_parameters(node: Node) -> Node | None:
    """C and C++: the parameter list of a function."""
    function = _function_declarator(node)
    return function.child_by_field_name("parameters") if function else None


def receiver_name(node: Node) -> str | None:
    """Go: `Stack.Push` for `func (s *Stack[T]) Push`."""
    name, receiver = field_name(node), node.child_by_field_name("receiver")
    found = re.search(rb"([^\W\d]\w*)\s*(?:\[[^\]]*\]\s*)?\)\Z", receiver.text or b"") if receiver else None
    return f"{found[1].decode()}.{name}" if found and name else name


def type_body(node: Node) -> Node | None:
    """Go: where the fields of a structure or the methods of an interface begin; None for any other type."""
    kind = node.child_by_field_name("type")
    if kind is None or kind.type not in ("struct_type", "interface_type"):
        return None
    return next((child for child in kind.children if child.type in ("field_declaration_list", "{")), None)


def type_name(node: Node) -> str | None:
    """Go, C, C++: the name of a type that is defined at a node, None where it is only used or another's name."""
    if node.type == "type_spec":
        return field_name(node) if type_body(node) else None
    name = node.child_by_field_name("name") if node.child_by_field_name("body") else None
    return _qualified(name) if name else None


def types_of_go(step: Step) -> Sequence[Step] | None:
    """`type Name struct { … }` belongs together; of `type ( … )` each line is a declaration."""
    node = step.node
    if node.type != "type_declaration":
        return None
    whole = None if any(child.type == "(" for child in node.children) else node
    return [Step(child, step.scope, None, whole, whole) for child in node.named_children]


def types_of_c(step: Step) -> Sequence[Step] | None:
    """C and C++: types are defined in type definitions, in declarations of variables and in other types.

    `typedef struct { … } Name` gives the structure its name where it has none of its own.
    """
    node = step.node
    if node.type == "type_definition":
        given = node.child_by_field_name("declarator")
        name = _text(given) if given and given.type == "type_identifier" else None
        return [
            Step(child, step.scope, None if child.child_by_field_name("name") else name, node, node)
            for child in node.named_children
        ]
    if node.type in ("declaration", "field_declaration", "field_declaration_list"):
        return [Step(child, step.scope) for child in node.named_children]
    return None


def constant_name(node: Node) -> str | None:
    """Ruby: beside ordinary names the constant that `Name = Struct.new(…) do … end` is assigned to."""
    left = node.child_by_field_name("left")
    return _text(left) if left and left.type == "constant" else field_name(node)


def operator_name(node: Node) -> str | None:
    """C#: `operator ==`, `operator Type` and `~Name` beside ordinary names."""
    name = field_name(node)
    if node.type == "destructor_declaration":
        return f"~{name}"
    operator = node.child_by_field_name("operator") or node.child_by_field_name("type")
    if name or operator is None or "operator" not in node.type:
        return name
    return f"operator {_text(operator)}"


def _function_declarator(node: Node) -> Node | None:
    """The innermost function declarator: a function may return a pointer to a function; an operator of conversion."""
    found, inner = None, node.child_by_field_name("declarator")
    while inner is not None:
        if inner.type == "function_declarator":
            found = inner
        elif inner.type == "operator_cast" or (inner.type == "qualified_identifier" and found is None):
            return inner if found is None else found
        following = inner.child_by_field_name("declarator")
        if following is None and inner.type in (
            "reference_declarator",
            "parenthesized_declarator",
            "attributed_declarator",
        ):
            following = next(
                (child for child in inner.named_children if child.type.endswith(("declarator", "identifier"))), None
            )
        inner = following
    return found


def _qualified(node: Node) -> str:
    parts: list[str] = []
    while node.type == "qualified_identifier":
        scope, name = node.child_by_field_name("scope"), node.child_by_field_name("name")
        if scope is not None:
            parts.append(_bare(scope))
        if name is None:
            break
        node = name
    return ".".join([*parts, _bare(node)])


def _bare(node: Node) -> str:
    """A name without template arguments."""
    if node.type == "operator_cast":
        kind = node.child_by_field_name("type")
        return f"operator {_text(kind)}" if kind else "operator"
    if node.type in ("template_type", "template_function", "template_method"):
        node = node.child_by_field_name("name") or node
    return _text(node).replace("::", ".")


def _text(node: Node) -> str:
    return " ".join((node.text or b"").decode("utf-8").split())
