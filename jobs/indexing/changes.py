"""Which files of a tree are new, changed, gone, or as they were. By content: times and names decide nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.corpora.mining.reading import Unusable, read_source
from common.corpora.mining.walk import SourceFile
from common.retrieval.store import File
from jobs.indexing.parsing import digest_of


@dataclass(frozen=True)
class Changes:
    """What a build has to do."""

    parse: tuple[SourceFile, ...]
    """New and changed files that are not staged yet."""
    gone: tuple[str, ...]
    """Indexed files that are no more, or are no longer taken."""
    unstage: tuple[str, ...]
    """Files that a killed build staged, and that have changed since."""
    new: int
    changed: int
    same: int


def compare(
    root: Path, files: Sequence[SourceFile], max_bytes: int, indexed: Mapping[str, File], staged: Mapping[str, File]
) -> Changes:
    """Read each file once and compare it with what is stored under its path."""
    parse: list[SourceFile] = []
    pending: set[str] = set()
    new = changed = same = 0
    for file in files:
        try:
            digest = digest_of(read_source(root / file.path, max_bytes))
        except Unusable:
            digest = ""  # parsing will say why
        before = indexed.get(file.path)
        if before and before.digest == digest:
            same += 1
            continue
        new, changed = new + (before is None), changed + (before is not None)
        if file.path in staged and staged[file.path].digest == digest:
            pending.add(file.path)
        else:
            parse.append(file)
    there = {file.path for file in files}
    return Changes(
        parse=tuple(parse),
        gone=tuple(path for path in indexed if path not in there),
        unstage=tuple(path for path in staged if path not in pending),
        new=new,
        changed=changed,
        same=same,
    )
