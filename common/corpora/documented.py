"""Putting documentation back into code. Pure.

Pairs for training have it taken out, or the query would stand in its document. Code that people search mostly has it,
though, and an adapter that never sees any forgets how to read it (docs/forgetting.md).
"""

from __future__ import annotations

import re

from common.corpora.splits import seeded_hash

_HASH = frozenset({"python", "ruby"})
_HEADER_END = re.compile(r":\s*(#.*)?$")
_SHARE_BITS = 32


def with_documentation(code: str, text: str, language: str) -> str:
    """The code with `text` as its documentation: a docstring below a Python function's header, else a comment above."""
    if language == "python":
        lines = code.split("\n")
        for at, line in enumerate(lines[:-1]):
            if _HEADER_END.search(line):
                body = lines[at + 1]
                indent = body[: len(body) - len(body.lstrip())] or "    "
                quoted = text.replace("\\", "\\\\").replace('"""', "'''")
                quoted += " " * quoted.endswith('"')
                return "\n".join([*lines[: at + 1], f'{indent}"""{quoted}"""', *lines[at + 1 :]])
    mark = "# " if language in _HASH else "// "
    return "\n".join([*(mark + line for line in text.split("\n")), code])


def keeps_documentation(place: str, share: float, seed: int) -> bool:
    """Whether the pair of this place is among the seeded `share` that keep it."""
    drawn = int(seeded_hash(seed, f"documentation:{place}")[: _SHARE_BITS // 4], 16)
    return drawn < share * 2**_SHARE_BITS
