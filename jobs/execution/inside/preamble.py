"""Names that a candidate may use without importing them; only those that its code mentions are looked up and loaded.

Loading on mention keeps a candidate's process small: numpy alone costs a fifth of a second and doubles every fork.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import CodeType

TYPE_CHECKING = False  # `typing` is not loaded: its pages would be in every fork
if TYPE_CHECKING:
    from typing import Any

_MODULE = ""  # an entry for the module itself


def _entries(modules: str, members: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """name → (module, member or nothing for the module itself)."""
    entries = {name: (name, _MODULE) for name in modules.split()}
    for module, names in members.items():
        entries.update({name: (module, name) for name in names.split()})
    return entries


_NUMPY = {"np": ("numpy", _MODULE)}
_HEAPQ = "heappush heappop heapify heapreplace merge nlargest nsmallest heappushpop"

REFERENCE = _NUMPY | _entries(
    "sys time itertools collections math fractions random heapq",
    {
        "itertools": "accumulate product permutations combinations",
        "collections": "Counter OrderedDict deque defaultdict ChainMap",
        "functools": "lru_cache",
        "math": "sqrt sin cos tan ceil fabs floor gcd exp log log2",
        "typing": "List Tuple",
        "heapq": _HEAPQ,
    },
)
"""What the reference evaluator puts in front of every candidate."""

USUAL = _NUMPY | _entries(
    "sys re os math cmath itertools collections heapq functools bisect string random operator copy json time datetime"
    " statistics typing fractions decimal numpy",
    {
        "typing": "Any Callable Deque Dict FrozenSet Generator Iterable Iterator List Mapping NamedTuple Optional"
        " Sequence Set Tuple Type TypeVar Union DefaultDict",
        "collections": "ChainMap Counter OrderedDict defaultdict deque namedtuple",
        "itertools": "accumulate chain combinations combinations_with_replacement compress count cycle dropwhile"
        " groupby islice pairwise permutations product repeat starmap takewhile tee zip_longest",
        "functools": "cache cmp_to_key lru_cache partial reduce total_ordering wraps",
        "heapq": _HEAPQ,
        "bisect": "bisect_left bisect_right insort insort_left insort_right",
        "math": "acos asin atan atan2 ceil comb cos dist exp fabs factorial floor fmod fsum gcd hypot inf isclose"
        " isqrt lcm log log10 log2 nan perm pi prod radians sin sqrt tan trunc",
        "fractions": "Fraction",
        "decimal": "Decimal",
        "string": "ascii_letters ascii_lowercase ascii_uppercase digits punctuation",
        "copy": "deepcopy",
        "random": "randint",
        "operator": "itemgetter attrgetter mul",
    },
)
"""What judges of functions put in front of a solution, star imports spelt out."""


def mentioned(code: CodeType) -> set[str]:
    """Every name that the code and the code inside it look up outside their own functions."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= mentioned(constant)
    return names


def names_for(code: CodeType, offered: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """The offered names that `code` mentions. A module that is not installed leaves its names undefined."""
    found = {}
    for name in mentioned(code) & offered.keys():
        module, member = offered[name]
        try:
            loaded = importlib.import_module(module)
        except ImportError:
            continue
        found[name] = getattr(loaded, member) if member else loaded
    return found
