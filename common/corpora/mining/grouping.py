"""Folders as groups: what lies together is held out together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

LARGEST = 0.05  # of all pairs; at the default shares a group of more than 6 % could not be held out for the test


def folder_groups(sizes: Mapping[str, int], largest: float = LARGEST) -> dict[str, str]:
    """The group of each path: its top folder, or, where that holds more than a share `largest` of the summed sizes,
    the subfolder or file below it, and so on."""
    limit = largest * sum(sizes.values())
    assigned: dict[str, str] = {}
    stack: list[tuple[int, Sequence[str]]] = [(1, list(sizes))]
    while stack:
        depth, paths = stack.pop()
        below: dict[str, list[str]] = {}
        for path in paths:
            below.setdefault("/".join(PurePosixPath(path).parts[:depth]), []).append(path)
        for name, members in below.items():
            if members != [name] and sum(sizes[path] for path in members) > limit:
                stack.append((depth + 1, members))
            else:
                assigned.update(dict.fromkeys(members, name))
    return assigned
