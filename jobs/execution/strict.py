"""What `strict` takes for a right answer. Pure, and nothing here raises, whatever a candidate has written.

Programs: the output, as lines of tokens, must be the expected one, in order. Ignored: white space at the end of a
line, blank lines at the end, the amount of white space between tokens. Two integers must be equal, however long; where
either is written with a point or an exponent, they may differ by `TOLERANCE`, absolute up to 1 and relative above.
Everything else must be equal to the letter: `nan` and `inf` are words, not numbers.

Functions: the result, after JSON has made lists of tuples and texts of keys, must be `==` to the expected value or to
the only element of an expected list of one. That is Python's equality: numbers exactly, 2 equal to 2.0, and True equal
to 1. The sites that APPS comes from judge so, and it has accepted solutions that return True where 1 is expected.

APPS writes one accepted output a test, as a text or as a list of its lines. An output `{"any_of": [...]}` has several,
each as one would be written alone; any of them is right.
"""

from __future__ import annotations

import math
import re
from typing import Any

from common.corpora.problems.record import accepted

TOLERANCE = 1e-6
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def stdout_matches(output: str, expected: Any) -> bool:
    """Whether a program's output is an expected text or list of lines; False where that is neither."""
    texts = map(expected_text, accepted(expected))
    return any(text is not None and _stdout_matches(output, text) for text in texts)


def _stdout_matches(output: str, wanted: str) -> bool:
    if output == wanted or output.rstrip() == wanted.rstrip():
        return True
    lines, wanted_lines = _lines(output), _lines(wanted)
    return len(lines) == len(wanted_lines) and all(map(_same_line, lines, wanted_lines))


def value_matches(value: Any, expected: Any) -> bool:
    """Whether a function's result, as JSON gives it, is the expected value or the only element of the expected list."""
    try:
        return any(
            value == wanted or (isinstance(wanted, list) and len(wanted) == 1 and value == wanted[0])
            for wanted in accepted(expected)
        )
    except RecursionError:  # deeper than any answer
        return False


def expected_text(expected: Any) -> str | None:
    """The expected output as one text, or None where it is no text and no list of texts and numbers."""
    if isinstance(expected, str):
        return expected
    if isinstance(expected, list) and all(isinstance(line, (str, int, float)) for line in expected):
        return "\n".join(map(str, expected))
    return None


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _same_line(line: str, wanted: str) -> bool:
    if line == wanted:
        return True
    tokens, wanted_tokens = line.split(), wanted.split()
    return len(tokens) == len(wanted_tokens) and all(map(_same_token, tokens, wanted_tokens))


def _same_token(token: str, wanted: str) -> bool:
    if token == wanted:
        return True
    if not (_NUMBER.fullmatch(token) and _NUMBER.fullmatch(wanted)):
        return False
    if _INTEGER.fullmatch(token) and _INTEGER.fullmatch(wanted):
        return _plain(token) == _plain(wanted)
    number, other = float(token), float(wanted)  # of any length; too large a one is infinite
    return math.isfinite(number) and abs(number - other) <= TOLERANCE * max(1.0, abs(other)) < math.inf


def _plain(integer: str) -> str:
    """An integer without plus sign and leading zeros: compared as text, because Python limits the digits of `int`."""
    digits = integer.lstrip("+-").lstrip("0")
    return "-" + digits if integer[0] == "-" and digits else digits
