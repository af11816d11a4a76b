"""A returned Python value as JSON that keeps its types apart, so that it can be compared outside.

JSON's own scalars and lists stand for themselves; everything else is an object with one key that names the type:
{"tuple": [...]}, {"dict": [[key, value], ...]}, {"set": [...]}, {"deque": [...]}, {"int": hexadecimal text} for long
integers, {"complex": [re, im]}, {"Fraction": [numerator, denominator]}, {"Decimal": [text]},
{"array": [dtype, nested list]}, {"scalar": [dtype, value]}, and {"opaque": type name} for all that cannot travel.
"""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict, deque

TYPE_CHECKING = False  # `typing` is not loaded: its pages would be in every fork
if TYPE_CHECKING:
    from typing import Any

_LONG = 2048  # bits: below, an integer has fewer digits than the lowest limit on digits that Python lets one set
_NUMPY_KINDS = "biufcU"  # those whose values have a counterpart among Python's
_BASES = (int, float, str, list, tuple, dict, set, frozenset, deque, complex)
_LOADED = (("fractions", "Fraction"), ("decimal", "Decimal"))  # of use only where the candidate has imported them


def encode(value: Any) -> Any:
    """`value` for `json.dumps`; what is too deep, goes round in a circle or cannot be read is opaque."""
    try:
        return _encode(value)
    except (RecursionError, TypeError, ValueError, AttributeError):
        return _opaque(value)


def _opaque(value: Any) -> dict[str, str]:
    return {"opaque": type(value).__name__}


def _encode(value: Any) -> Any:
    kind = type(value)
    if kind is list:
        return [_encode(item) for item in value]
    if value is None or kind is str or kind is bool or kind is float:
        return value
    if kind is int:
        return value if value.bit_length() < _LONG else {"int": hex(value)}
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return _encode_numpy(numpy, value)
    return _encode_other(value, kind)


def _encode_other(value: Any, kind: type) -> Any:
    loaded = [getattr(sys.modules[module], name) for module, name in _LOADED if module in sys.modules]
    base = next((base for base in (*_BASES, *loaded) if issubclass(kind, base)), None)
    if base is None or not _compares_like(kind, base):
        return _opaque(value)
    if base is dict:
        return {"dict": [[_encode(key), _encode(item)] for key, item in dict.items(value)]}
    if base is list:
        return [_encode(item) for item in list.__iter__(value)]
    if base is tuple or base is deque:
        return {base.__name__: [_encode(item) for item in base.__iter__(value)]}
    if base is set or base is frozenset:
        return {"set": [_encode(item) for item in base.__iter__(value)]}
    if base is complex:
        return {"complex": [value.real, value.imag]}
    if base in loaded:
        return {
            base.__name__: [str(value)] if base.__name__ == "Decimal" else list(map(_encode, value.as_integer_ratio()))
        }
    return _encode(base(value))  # an IntEnum and the like


def _compares_like(kind: type, base: type) -> bool:
    """Whether the subclass leaves equality to its base: one with a rule of its own is not what it seems."""
    return kind.__eq__ is base.__eq__ or (base is dict and kind.__eq__ in (Counter.__eq__, OrderedDict.__eq__))


def _encode_numpy(numpy: Any, value: Any) -> Any:
    array = isinstance(value, numpy.ndarray)
    if value.dtype.kind not in _NUMPY_KINDS or (array and type(value) is not numpy.ndarray):
        return _opaque(value)
    return {"array" if array else "scalar": [value.dtype.str, _encode(value.tolist())]}
