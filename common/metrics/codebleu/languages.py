"""What CodeBLEU has to know of a language: one record a language."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from tree_sitter import Parser

from common.corpora.mining.grammar import parser
from common.errors import ConfigError
from common.metrics.codebleu.comments import without_java_comments, without_python_comments
from common.metrics.codebleu.dataflow import FlowRules
from common.metrics.codebleu.python_0_21 import as_in_0_21
from common.metrics.codebleu.python_2020 import as_in_2020
from common.metrics.codebleu.trees import Reshape

Mode = Literal["official", "pypi"]
"""Whose figures: `official` is microsoft/CodeXGLUE, `pypi` the package `codebleu` (0.7)."""


@dataclass(frozen=True)
class ModeRules:
    """Where the implementations differ on a language."""

    keywords: frozenset[str]
    without_comments: Callable[[str], str]
    reshape: Reshape


@dataclass(frozen=True)
class CodeLanguage:
    """A language that code can be scored in."""

    title: str
    package: str
    """The wheel that carries the parser."""
    flow: FlowRules
    modes: Mapping[Mode, ModeRules]

    def parser(self) -> Parser:
        """The parser; raises `UserError` where the wheel is not installed."""
        return parser(self.title, self.package)


def code_language(name: str) -> CodeLanguage:
    """The record of a language; raises `ConfigError` for one that has none."""
    known = _languages()
    if name not in known:
        raise ConfigError(
            f"CodeBLEU knows no language {name!r}",
            f"it knows {', '.join(known)}; another is a record in common/metrics/codebleu/languages.py",
        )
    return known[name]


@functools.cache
def _languages() -> dict[str, CodeLanguage]:
    return {"python": _python()}


def _python() -> CodeLanguage:
    words = (
        "False None True and as assert async await break class continue def del elif else except finally for from "
        "global if import in is lambda nonlocal not or pass raise return try while with yield"
    )
    keywords = frozenset(words.split())
    flow = FlowRules(
        strings=frozenset({"string"}),
        identifiers=frozenset({"identifier"}),
        comments=frozenset({"comment"}),
        assignments=frozenset({"assignment", "augmented_assignment"}),
        clauses=frozenset({"for_in_clause"}),
        defaults=frozenset({"default_parameter"}),
        branches=frozenset({"if_statement"}),
        alternatives=frozenset({"elif_clause", "else_clause"}),
        for_loops=frozenset({"for_statement"}),
        loops=frozenset({"while_statement"}),
        block="block",
    )
    official = ModeRules(keywords, without_java_comments, as_in_2020)
    pypi = ModeRules(keywords | {"match", "case", "type"}, without_python_comments, as_in_0_21)
    return CodeLanguage("Python", "tree-sitter-python", flow, {"official": official, "pypi": pypi})
