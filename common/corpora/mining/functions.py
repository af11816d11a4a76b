"""One function found in source code, whatever its language."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Function:
    """A function or method with its documentation taken out of its code."""

    path: str
    """Where it was found, as the caller named the file; `/` between the parts."""
    symbol: str
    """Dotted name inside the file: `Class.method`."""
    start_line: int
    """First line, counted from 1; decorators and annotations belong to the function."""
    end_line: int
    code: str
    """Source text without the documentation, indented as if it stood at the top level."""
    documentation: str
    """The whole documentation, comment marks and indentation removed; empty where there is none."""
    language: str
    parameters: tuple[str, ...] = ()
    """Names of the parameters in order, with the marks of variable ones (`*args`)."""
    is_stub: bool = False
    """The body does nothing: it is empty, `pass`, or only says that it is not implemented."""

    @property
    def name(self) -> str:
        """The last part of the symbol."""
        return self.symbol.rsplit(".", 1)[-1]


@dataclass(frozen=True)
class ParsedFile:
    """The functions of one file in source order; `broken_line` is where the parser gave up first, at or
    before the first syntax error."""

    functions: tuple[Function, ...]
    broken_line: int | None = None
