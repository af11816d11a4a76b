"""From source files to units with their texts and words, shard by shard: here where they are few, else over Ray."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from common.corpora.mining.reading import Unusable, read_source
from common.corpora.mining.units import Unit, units_of
from common.corpora.mining.walk import FIRST, Skipped, SourceFile, is_test, shards
from common.errors import DataError
from common.progress import progress
from common.retrieval.store import File, StoredUnit
from common.retrieval.tokens import tokenise
from jobs.ray_session import ClusterConfig, connected

SHARD_BYTES = 2_000_000
FEW = 4_000_000
"""Bytes up to which parsing here takes less time than Ray's start."""


@dataclass
class Parsed:
    """A shard's files with their units, and what became of the others."""

    files: list[tuple[File, list[StoredUnit]]] = field(default_factory=list)
    skipped: Skipped = field(default_factory=Skipped)
    broken: int = 0
    broken_first: list[str] = field(default_factory=list)
    """The first files with a syntax error, with its line; the rest of such a file is indexed."""

    kinds: Counter[str] = field(default_factory=Counter)
    """Units by kind."""

    def merge(self, other: Parsed) -> None:
        """Add another's counts, not its files."""
        self.kinds += other.kinds
        self.skipped.merge(other.skipped)
        self.broken += other.broken
        self.broken_first = sorted([*self.broken_first, *other.broken_first])[:FIRST]


def digest_of(source: bytes) -> str:
    """Of a file's bytes."""
    return hashlib.blake2b(source, digest_size=16).hexdigest()


def parse(root: Path, files: Sequence[SourceFile], max_bytes: int, cluster: ClusterConfig) -> Iterator[Parsed]:
    """Each shard as it is done, in any order."""
    parts = list(shards(tuple(files), SHARD_BYTES))
    with ExitStack() as stack:
        bar = stack.enter_context(progress(len(files), "parsing", "file"))
        if sum(file.size for file in files) <= FEW:
            for part in parts:
                yield parse_shard(root, part, max_bytes)
                bar.update(len(part))
            return
        stack.enter_context(connected(cluster))
        import ray

        remote = ray.remote(num_cpus=1, max_retries=2)(parse_shard)
        waiting = {remote.remote(root, part, max_bytes): len(part) for part in parts}
        while waiting:
            (done,), _ = ray.wait(list(waiting))
            bar.update(waiting.pop(done))
            yield ray.get(done)


def parse_shard(root: Path, files: Sequence[SourceFile], max_bytes: int) -> Parsed:
    """Read and parse files; one that cannot be is counted and named, and costs no other."""
    found = Parsed()
    for file in files:
        try:
            source = read_source(root / file.path, max_bytes)
            parsed = units_of(source, file.path, file.language)
        except Unusable as error:
            found.skipped.add(str(error), file.path)
            continue
        except DataError:
            found.skipped.add("unknown encoding", file.path)
            continue
        except (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError) as error:
            found.skipped.add(f"the parser failed ({type(error).__name__})", file.path)
            continue
        if parsed.broken_line is not None:
            found.broken += 1
            found.broken_first = [*found.broken_first, f"{file.path}:{parsed.broken_line}"][:FIRST]
        found.kinds.update(unit.kind for unit in parsed.units)
        units = [_stored(unit, parsed.lines) for unit in parsed.units]
        language = parsed.units[0].language if parsed.units else file.language  # a C header may hold C++
        found.files.append((File(file.path, language, digest_of(source), is_test(file.path)), units))
    return found


def _stored(unit: Unit, lines: Sequence[str]) -> StoredUnit:
    text = unit.text()
    source = "\n".join(lines[unit.start_line - 1 : unit.end_line])
    return StoredUnit(
        unit.kind, unit.symbol, unit.start_line, unit.end_line, source, unit.digest(), text, " ".join(tokenise(text))
    )
