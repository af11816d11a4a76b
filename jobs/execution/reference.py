"""What the reference evaluator (codeparrot/apps_metric) would say of a candidate, from the records of its run.

Pure; `jobs.execution.inside.reference_run` makes the records. The verdicts are the reference's: True, False, -1 for an
error or a time-out, and [-2] alone, whatever the number of tests, for code that does not load. Its rules accept wrong
answers and refuse right ones; they are kept, because figures are to be compared with published ones.

One false positive is not kept: a returned object whose own `__eq__` says yes. It cannot leave the sandbox, and counts
as unequal to everything.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from operator import index
from typing import Any

from common.corpora.problems.record import accepted
from jobs.execution.inside.reference_run import whole_keys

LOAD_FAILED, TEST_FAILED = -2, -1
_RELATIVE, _ABSOLUTE, _DECIMALS = 1e-5, 1e-8, 3  # numpy.allclose's tolerances; the last comparison's rounding
_SAFE_DTYPES = "biufcU"


def judge(records: Sequence[Mapping[str, Any]], expected: Sequence[Any]) -> list[bool | int]:
    """The reference's list of verdicts for the tests with these `expected` outputs, which are as in the file.

    A run that did not get to its end, because it met the outer time limit or died of something else, has no result:
    -1 for every test, those that had passed as well. A result that was complete when the limit came counts.
    """
    if records and "load" in records[0]:
        return [LOAD_FAILED]
    if len(records) != len(expected) or any("ended" not in record for record in records):
        return [TEST_FAILED] * len(expected)
    texts = (_text(one) for some in expected for one in accepted(some))
    if any("stdout" in record for record in records) and None in texts:
        return [TEST_FAILED] * len(expected)  # the reference dies of an expected output that is no text
    return [_best(record, accepted(some)) for record, some in zip(records, expected, strict=True)]


def _best(record: Mapping[str, Any], answers: Sequence[Any]) -> bool | int:
    """The verdict by the answer that is kindest; the reference itself knows one answer a test."""
    verdicts = [_verdict(record, wanted) for wanted in answers]
    return True if True in verdicts else verdicts[0]


def _verdict(record: Mapping[str, Any], expected: Any) -> bool | int:
    if record["ended"] != "ok":
        return TEST_FAILED
    try:
        if "stdout" in record:
            return _output_matches(record["stdout"], _text(expected) or "")
        same = _value_matches(decode(record["value"]), _expected_value(expected))
        return bool(same.item(0)) if hasattr(same, "item") else bool(same)  # of an array, its first element
    except Exception:  # numpy's arrays refuse to be true or false or to meet another shape; a forged record, anything
        return TEST_FAILED


def _text(expected: Any) -> str | None:
    if isinstance(expected, list) and all(isinstance(line, str) for line in expected):
        return "\n".join(expected)
    return expected if isinstance(expected, str) else None


def _output_matches(output: str, wanted: str) -> bool:
    """A program's verdict: equal as stripped text or lines, else close as numbers, else equal as a set of sets."""
    lines = output.splitlines()
    if wanted.strip() in ("\n".join(lines).strip(), "\n".join(line.strip() for line in lines).strip()):
        return True
    wanted_lines = [line.strip() for line in wanted.split("\n") if line]
    filled = [line for line in lines if line]
    return (
        lines == wanted_lines
        or filled == wanted_lines
        or _all_close(filled, wanted_lines)
        or _same_sets(filled, wanted_lines)
    )


def _all_close(lines: list[str], wanted: list[str]) -> bool:
    """Each line one number, and all near the wanted ones."""
    try:
        numbers, others = [float(line) for line in lines], [float(line) for line in wanted]
    except ValueError:
        return False
    return len(numbers) == len(others) and all(map(_close, numbers, others))


def _close(number: float, wanted: float) -> bool:
    if math.isfinite(number) and math.isfinite(wanted):
        return abs(number - wanted) <= _ABSOLUTE + _RELATIVE * abs(wanted)
    return number == wanted


def _same_sets(lines: list[str], wanted: list[str]) -> bool:
    """The sets of the lines' tokens make the same set, as texts or rounded; of blank lines only the output's go."""
    sets = [tokens for tokens in (line.split() for line in lines) if tokens]
    wanted_sets = [line.split() for line in wanted]
    if {frozenset(tokens) for tokens in sets} == {frozenset(tokens) for tokens in wanted_sets}:
        return True
    try:
        return _rounded(sets) == _rounded(wanted_sets)
    except (ValueError, OverflowError):
        return False


def _rounded(lines: Iterable[list[str]]) -> set[frozenset[float]]:
    return {frozenset(round(float(token), _DECIMALS) for token in tokens) for tokens in lines}


def _value_matches(value: Any, expected: Any) -> Any:
    """A function's verdict: `==` to the expected value or to its first element, tuples being lists on two levels."""
    value = list(value) if isinstance(value, tuple) else value
    same = value == expected
    if isinstance(expected, list) and expected:
        same = same or value == expected[0]
    try:
        if isinstance(value[0], tuple):
            same = same or [list(item) for item in value] == expected[0]
    except Exception:  # no sequence, or nothing in it
        pass
    return same


def _expected_value(expected: Any) -> Any:
    """As the arguments: a dict becomes a list of itself with integers for keys; so does a list that begins with one."""
    if not isinstance(expected, dict):
        return whole_keys(expected)
    try:
        return [{int(key): value for key, value in expected.items()}]
    except ValueError:
        return expected


def decode(encoded: Any) -> Any:
    """The value that `jobs.execution.inside.values` has encoded; an opaque one equals nothing.

    Raises an `Exception` where it is no such encoding. Takes time and memory in proportion to the encoding's size.
    """
    if isinstance(encoded, list):
        return [decode(item) for item in encoded]
    if not isinstance(encoded, dict):
        return encoded
    ((kind, inner),) = encoded.items()
    if kind == "opaque":
        return object()
    if kind in ("array", "scalar"):
        return _decode_numpy(*inner)
    if kind == "int":
        return int(inner, 16)
    if kind == "dict":
        return {decode(key): decode(item) for key, item in inner}
    if kind in ("tuple", "set", "deque"):
        return {"tuple": tuple, "set": set, "deque": deque}[kind](map(decode, inner))
    if kind == "Fraction":
        return Fraction(*map(index, map(decode, inner)))  # integers only: a forged text may stand for endless digits
    return {"complex": complex, "Decimal": Decimal}[kind](*map(decode, inner))


def _decode_numpy(dtype: str, inner: Any) -> Any:
    import numpy  # here, because few results need it

    kind = numpy.dtype(dtype)
    if kind.kind not in _SAFE_DTYPES:
        raise ValueError(f"no type of plain values: {dtype}")
    array = numpy.array(decode(inner), dtype=None if kind.kind == "U" else kind)  # a forged width takes no memory
    return array if array.ndim else array[()]
