"""What a search index of source code stores: functions, methods, classes and the documentation of files.

Names, documentation and code are those that mining finds, and its decisions hold: a function inside a function belongs
to the outer one, a definition with a syntax error in it is left out and the rest of the file is kept.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from tree_sitter import Node

from common.corpora.mining import languages, module_docs, python, unit_definitions
from common.corpora.mining.grammar import parser
from common.corpora.mining.module_docs import ModuleDocumentation
from common.corpora.mining.source_text import as_utf8, decoded, dedented, first_error, indent_at
from common.corpora.mining.unit_definitions import Definition
from common.errors import DataError

Kind = Literal["function", "method", "class", "module"]

_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True)
class Unit:
    """One thing to find in a file."""

    path: str
    """As the caller named the file."""
    language: str
    """A header that is C++ is `cpp`, whatever its extension says."""
    kind: Kind
    """A method is what belongs to a class, or to what stands for one: an object of JavaScript, Go's receiver."""
    symbol: str
    """Dotted name inside the file: `Class.method`; of a module its file name without the extension."""
    start_line: int
    """First line, counted from 1; decorators, annotations and the comments above that document it are included."""
    end_line: int
    signature: str
    """The header as written, on one line, without decorators, comments and body; empty for a module."""
    documentation: str
    """Its markup reduced to text; empty where there is none."""
    code: str
    """Source without the documentation, as if it stood at the top level. Of a class its header, its fields and the
    signatures of its members; empty for a module."""
    enclosing: str
    """Dotted name of the class it is in, empty where there is none."""

    def text(self) -> str:
        """What is embedded and indexed by words; independent of where the unit stands."""
        return "\n".join(part for part in (self.enclosing, self.documentation, self.code) if part)

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of language, kind, symbol and text: equal for equal content wherever it stands."""
        content = "\0".join((self.language, self.kind, self.symbol, self.text()))
        return hashlib.sha256(content.encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class UnitFile:
    """The units of one file in source order; `broken_line` is where the parser gave up first, at or before the first
    syntax error."""

    units: tuple[Unit, ...]
    broken_line: int | None = None
    lines: tuple[str, ...] = ()
    """The file's lines as they were read, whatever its encoding."""


def units_of(source: bytes, path: str, language: str) -> UnitFile:
    """The units of one file.

    Python is read as it declares; all else as UTF-8, as UTF-16 with a byte order mark, and where it is neither as
    Windows-1252, of which ISO-8859-1's letters are a part: old sources have such signs in comments and in strings.
    Raises `DataError` where the bytes are no text, `UserError` for an unknown language or a missing grammar.
    """
    if language == python.LANGUAGE:
        text = _not_binary(python.as_utf8(source, path), path)
        root = parser(python.TITLE, python.PACKAGE).parse(text).root_node
        module, found = module_docs.of_python(root, text), unit_definitions.of_python(root, text, path)
        return _file(root, text, path, language, module, [*found])
    grammar = languages.grammar_of(source, path, language)
    parse = grammar.parser(PurePath(path).suffix).parse
    text = _text(source, path)
    root = parse(grammar.mask(text) if grammar.mask else text).root_node
    module, found = module_docs.of_grammar(root, text, grammar), unit_definitions.of_grammar(root, text, path, grammar)
    return _file(root, text, path, grammar.language, module, [*found])


def _text(source: bytes, path: str) -> bytes:
    try:
        text = as_utf8(source, path)
    except DataError:
        if source.startswith(_MARKS) or _CONTROL.search(source):
            raise
        text = decoded(source, path, "cp1252")
    return _not_binary(text, path)


def _not_binary(text: bytes, path: str) -> bytes:
    if b"\0" in text:
        raise DataError(path, None, None, "is no text: there are NUL bytes in it", "leave the file out")
    return text


def _file(
    root: Node, text: bytes, path: str, language: str, module: ModuleDocumentation | None, found: Sequence[Definition]
) -> UnitFile:
    units = [] if module is None else [_module(module, path, language)]
    for position, definition in enumerate(found):
        if definition.kept:
            function = definition.function
            code = function.code if function else _class_code(text, definition, found, position)
            units.append(_unit(definition, path, language, code))
    return UnitFile(tuple(units), first_error(root), tuple(text.decode("utf-8").split("\n")))


def _module(found: ModuleDocumentation, path: str, language: str) -> Unit:
    name = PurePath(path).stem
    return Unit(path, language, "module", name, found.first_line, found.last_line, "", found.text, "", "")


def _unit(definition: Definition, path: str, language: str, code: str) -> Unit:
    return Unit(
        path=path,
        language=language,
        kind=definition.kind,
        symbol=definition.symbol,
        start_line=definition.first_line,
        end_line=definition.last_line,
        signature=definition.signature,
        documentation=definition.documentation,
        code=code,
        enclosing=definition.enclosing,
    )


def _class_code(text: bytes, whole: Definition, found: Sequence[Definition], position: int) -> str:
    """A class without its documentation and without the documentation and the bodies of its members."""
    cuts = [(first, _behind_blanks(text, last, whole.end)) for first, last in whole.comments]
    for index in range(position + 1, len(found)):
        member = found[index]
        if member.start >= whole.end:
            break
        cuts += [(first, _behind_blanks(text, last, whole.end)) for first, last in member.comments]
        cuts.append((member.header_end, member.end))
    pieces, at = [], whole.start
    for first, last in sorted(cuts):
        if first >= at and last <= whole.end:
            pieces.append(text[at:first])
            at = last
    pieces.append(text[at : whole.end])
    return dedented(b"".join(pieces).decode("utf-8"), indent_at(text, whole.start))


def _behind_blanks(text: bytes, position: int, end: int) -> int:
    while position < end and text[position : position + 1].isspace():
        position += 1
    return position
