"""Comments go before the syntactic and the data-flow part; the implementations differ in how."""

from __future__ import annotations

import io
import re
import tokenize

_JAVA = re.compile(
    r"""
    (?P<comment> //[^\n]* | /\*.*?\*/ )
    | " (?: [^"\\] | \\. )* "
    | ' (?: [^'\\] | \\. )* '
    """,
    re.VERBOSE | re.DOTALL,
)


def without_java_comments(text: str) -> str:
    """Each comment of Java is a space, blank lines go; comment marks in quotes stay.

    The official implementation does this whatever the language. In Python it cuts `a // b` short, and takes an
    apostrophe in a `#` comment for the start of a string that ends at the next apostrophe, lines further down.
    """
    return _without_blank_lines(_JAVA.sub(lambda found: " " if found["comment"] else found[0], text))


def without_python_comments(text: str) -> str:
    """Comments, docstrings and blank lines go, and lines continued by a backslash become one.

    A docstring here is any string that begins a line of code or stands at the left margin, as the published package
    has it; and as there, indentation by tabs becomes one space a tab on all lines of a block but its first, which may
    break it. What cannot be tokenised stays as it is.
    """
    lines = [*io.StringIO(text), ""]
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return text
    kept: list[str] = []
    before, row, column = tokenize.INDENT, 0, 0
    for token in tokens:
        (first_row, first_column), (last_row, last_column) = token.start, token.end
        kept.append(lines[row - 1][column:first_column] if first_row == row else " " * first_column)
        if token.type != tokenize.COMMENT and not _is_docstring(token, before):
            kept.append(token.string)
        before, row, column = token.type, last_row, last_column
    return _without_blank_lines("".join(kept))


def _is_docstring(token: tokenize.TokenInfo, before: int) -> bool:
    begins_line = before in (tokenize.INDENT, tokenize.NEWLINE) or token.start[1] == 0
    return token.type == tokenize.STRING and begins_line


def _without_blank_lines(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if line.strip())
