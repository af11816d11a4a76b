"""Taking documentation out of code: with it, search would be a comparison of equal sentences."""

from __future__ import annotations

import re

from common.corpora.lines import is_unicode
from common.corpora.mining.languages import parse_file
from common.errors import DataError

INSIDE = frozenset({"python"})
"""Languages whose documentation stands inside the function. In the others it stands before, and published rows begin
with the function itself."""

# The string that a body begins with, after a line that ends in a colon
_HEAD = re.compile(
    r"""(?:[^\n]*\n)*?[^\n]*:[ \t]*(?:\#[^\n]*)?\n
        (?P<literal>\s*[rRuU]?(?P<quote>\"{3}|'{3}|"|').*?(?P=quote)[ \t]*(?:\n|\Z))""",
    re.DOTALL | re.VERBOSE,
)
_BLOCK_COMMENT = re.compile(r"[ \t]*/\*.*?\*/[ \t]*\n?", re.DOTALL)
_HELPER_DOCSTRING = re.compile(r"(?<=:\n)[ \t]*\"{3}.*?\"{3}[ \t]*\n", re.DOTALL)


def without_documentation(code: str, documentation: str, language: str) -> str | None:
    """The code of a function without its documentation; None where it is in there and cannot be taken out.

    Code that does not hold the first line of its documentation is already without. The rest is parsed; where that
    fails (Python 2, cut-off code), the string with which the body begins is taken out by its place.
    """
    first = next((line.strip() for line in documentation.splitlines() if line.strip()), "")
    if language not in INSIDE or not first or first not in code:
        return code
    if not is_unicode(code):
        return None
    try:
        functions = parse_file(code.encode(), "code", language).functions
    except DataError:
        functions = ()
    if len(functions) == 1 and functions[0].documentation:
        return functions[0].code
    if (found := _HEAD.match(code)) and first in found["literal"]:
        return (code[: found.start("literal")] + code[found.end("literal") :]).rstrip()
    # A function that parses and has no documentation only says the same words somewhere: in a message, in a comment
    return code if len(functions) == 1 else None


def without_blocks(code: str, language: str) -> str:
    """Code without block comments, or for Python without the strings that document helper functions."""
    return (_HELPER_DOCSTRING if language == "python" else _BLOCK_COMMENT).sub("", code)
