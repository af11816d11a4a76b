"""One shard of a tree: read, parse, filter and sign its files, and write what is kept. Runs as a Ray task.

RUN/shards/00012.jsonl        the pairs kept (beside it the index of `PairStore`)
RUN/shards/00012.columns.npz  their hashes and signatures, and the file of each
RUN/shards/00012.json         the account, written last: the shard is finished where it exists
"""

from __future__ import annotations

import heapq
import os
import pickle
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from common.corpora.config import CorpusConfig
from common.corpora.mining.functions import Function, ParsedFile
from common.corpora.mining.languages import parse_file
from common.corpora.mining.reading import Unusable, read_source
from common.corpora.mining.rules import first_failing
from common.corpora.mining.walk import FIRST, Skipped, SourceFile
from common.corpora.pair_store import write_store
from common.corpora.pairs import Pair
from common.corpora.search_corpus import pair_of
from common.corpora.selection import Columns, columns_of
from common.corpora.splits import seeded_hash
from common.errors import DataError
from common.runs import whole_file, write_json
from jobs.mining.source import Repository


@dataclass(frozen=True)
class ShardTask:
    """What a shard's task needs to know."""

    number: int
    files: tuple[SourceFile, ...]
    first_file: int
    """Position of its first file among all files of the tree."""
    root: Path
    folder: Path
    """RUN/shards."""
    repositories: Mapping[str, Repository]
    languages: frozenset[str]
    max_bytes: int
    corpus: CorpusConfig
    sample: int
    """Rejects remembered for each rule."""

    def path(self, ending: str) -> Path:
        """One of its files."""
        return self.folder / f"{self.number:05d}.{ending}"


@dataclass
class _Account:
    """What becomes of the files and functions of a shard."""

    files: int = 0
    bytes: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    """Functions by language."""
    kept: Counter[str] = field(default_factory=Counter)
    dropped: dict[str, Counter[str]] = field(default_factory=dict)
    """Language → rule → functions."""
    skipped: Skipped = field(default_factory=Skipped)
    broken_files: int = 0
    broken_first: list[str] = field(default_factory=list)
    rejects: dict[str, list[tuple[str, int, int]]] = field(default_factory=dict)
    """Rule → (seeded hash, position of the file, first line), the smallest hashes."""


def mine_shard(task: ShardTask, *, isolated: bool = False) -> dict[str, Any]:
    """Mine a shard and return its account; a finished one is read back by the caller.

    No file of it makes this raise: what cannot be read is counted. `isolated` parses each file in a process of its
    own, for shards with a file that kills the parser. Raises `UserError` for a missing grammar.
    """
    started = time.process_time()
    account = _Account()
    pairs: list[Pair] = []
    file_of: list[int] = []
    for position, file in enumerate(task.files, start=task.first_file):
        parsed = _parsed(task, file, account, isolated=isolated)
        for function in parsed.functions if parsed else ():
            if _keeps_the_rules(task, function, position, account):
                pairs.append(_pair(task, file, function))
                file_of.append(position)
    parsed_at = time.process_time()
    write_store(task.path("jsonl"), pairs)
    columns = columns_of(pairs, task.corpus)
    save_columns(task.path("columns.npz"), columns, np.array(file_of, dtype=np.int64))
    return _written(task, account, {"parse": parsed_at - started, "sign": time.process_time() - parsed_at})


def save_columns(path: Path, columns: Columns, files: np.ndarray) -> None:
    """Write the arrays of a shard as a whole."""
    with whole_file(path) as file:
        np.savez(file, files=files, **vars(columns))


def _parsed(task: ShardTask, file: SourceFile, account: _Account, *, isolated: bool) -> ParsedFile | None:
    """The functions of a file; None, and it is counted, where it is no source code after all."""
    try:
        source = read_source(task.root / file.path, task.max_bytes)
        parse: Callable[..., ParsedFile] = _parse_apart if isolated else parse_file
        parsed = parse(source, file.path, file.language)
    except Unusable as error:
        account.skipped.add(str(error), file.path)
        return None
    except DataError:
        account.skipped.add("unknown encoding", file.path)
        return None
    except (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError) as error:
        account.skipped.add(f"the parser failed ({type(error).__name__})", file.path)
        return None
    if any(function.language not in task.languages for function in parsed.functions):
        account.skipped.add("other language", file.path)  # a C header with C++ in it
        return None
    account.files += 1
    account.bytes += len(source)
    if parsed.broken_line is not None:
        account.broken_files += 1
        if len(account.broken_first) < FIRST:
            account.broken_first.append(f"{file.path}:{parsed.broken_line}")
    return parsed


def _parse_apart(source: bytes, path: str, language: str) -> ParsedFile:
    """`parse_file` in a forked process, so that a crash of native code costs one file."""
    out, into = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(out)
            with os.fdopen(into, "wb") as pipe:
                try:
                    outcome: Any = parse_file(source, path, language)
                except Exception as error:  # handed to the parent, which knows what to make of it
                    outcome = error
                pickle.dump(outcome, pipe)
        finally:
            os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if status or not answer:
        raise Unusable("the parser crashed")
    outcome = pickle.loads(answer)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _keeps_the_rules(task: ShardTask, function: Function, position: int, account: _Account) -> bool:
    """Ask the rules and count the answer."""
    account.seen[function.language] += 1
    rule = first_failing(function)
    if rule is None:
        account.kept[function.language] += 1
        return True
    account.dropped.setdefault(function.language, Counter())[rule] += 1
    if task.sample:
        remembered = account.rejects.setdefault(rule, [])
        remembered.append((seeded_hash(task.corpus.seed, f"{function.path}:{function.start_line}"), position,
                           function.start_line))  # fmt: skip
        if len(remembered) > 4 * task.sample:
            account.rejects[rule] = heapq.nsmallest(task.sample, remembered)
    return False


def _pair(task: ShardTask, file: SourceFile, function: Function) -> Pair:
    repository = task.repositories[file.repository]
    more = {}
    if url := repository.url(file.path, function.start_line, function.end_line):
        more["url"] = url
    return pair_of(function, {"repo": repository.name, "path": repository.inside(file.path)}, more)


def _written(task: ShardTask, account: _Account, seconds: Mapping[str, float]) -> dict[str, Any]:
    found = {
        "files": account.files,
        "bytes": account.bytes,
        "seen": account.seen,
        "kept": account.kept,
        "dropped": account.dropped,
        "skipped": account.skipped.stored(),
        "broken": {"files": account.broken_files, "first": account.broken_first},
        "rejects": {rule: heapq.nsmallest(task.sample, each) for rule, each in account.rejects.items()},
        "cpu_seconds": {stage: round(value, 4) for stage, value in seconds.items()},
    }
    write_json(task.path("json"), found)
    return found
