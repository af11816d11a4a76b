"""From the shards' pairs to three splits on disk, without holding more than hashes, signatures and what is held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from common.corpora.beir import RetrievalSet, write_beir
from common.corpora.mining.grouping import folder_groups
from common.corpora.mining.walk import SourceFile
from common.corpora.pair_store import PairStore, write_store
from common.corpora.pairs import Pair
from common.corpora.search_corpus import fingerprint, retrieval_set
from common.corpora.selection import Benchmark, Columns, Selection, select
from common.corpora.splits import DEV, TEST, TRAIN
from jobs.mining.config import MinePairsConfig
from jobs.mining.source import Repository

ENOUGH_REPOSITORIES = 10


@dataclass(frozen=True)
class Mined:
    """The pairs of all shards by row, in the order of their files."""

    stores: Sequence[PairStore]
    starts: np.ndarray
    """(shards + 1,) the first row of each shard."""
    columns: Columns
    files: np.ndarray
    """(N,) int64: the file of each row, by its position in the tree."""

    @classmethod
    def open(cls, folder: Path, count: int) -> Mined:
        """Open the finished shards 0 … count − 1 of a folder."""
        names = [folder / f"{number:05d}" for number in range(count)]
        stores = [PairStore.open(name.with_suffix(".jsonl")) for name in names]
        arrays: dict[str, list[np.ndarray]] = {}
        for name in names:
            with np.load(name.with_suffix(".columns.npz")) as stored:
                for key in stored.files:
                    arrays.setdefault(key, []).append(stored[key])
        joined = {key: np.concatenate(parts) for key, parts in arrays.items()}
        files = joined.pop("files")
        starts = np.cumsum([0, *(len(store) for store in stores)])
        return cls(stores, starts, Columns(**joined), files)

    def pair(self, row: int) -> Pair:
        """One pair, read from its shard."""
        shard = int(np.searchsorted(self.starts, row, side="right")) - 1
        return self.stores[shard].read([row - int(self.starts[shard])])[0]


def reduce(
    config: MinePairsConfig,
    mined: Mined,
    files: Sequence[SourceFile],
    repositories: dict[str, Repository],
    benchmarks: Sequence[Benchmark],
    run: Path,
) -> dict[str, Any]:
    """Select, write `train.jsonl`, `dev/` and `test/` into the run folder, and say where every pair went.

    Where a held-out split would be empty, every pair goes to train and neither folder is written.
    """
    kind, group_of = _groups(config, mined, files, repositories)
    groups = [group_of[position] for position in mined.files.tolist()]

    def text_of(row: int) -> str:
        return mined.pair(row).document

    selection = select(mined.columns, groups, text_of, config.corpus, benchmarks)
    held_out = bool(len(selection.rows[DEV]) and len(selection.rows[TEST]))
    if not held_out:
        selection = select(mined.columns, groups, text_of, config.corpus, benchmarks, hold_out=False)

    def pairs(split: str) -> Iterator[Pair]:
        for row in selection.rows[split].tolist():
            pair = mined.pair(row)
            yield replace(pair, extra={**pair.extra, "group": groups[row]})

    sets = {split: retrieval_set(f"mined-{split}", list(pairs(split))) for split in (DEV, TEST)}
    for split, retrieval in sets.items():
        if held_out:
            write_beir(run / split, retrieval)
    train = write_store(run / "train.jsonl", pairs(TRAIN))
    return {
        **_account(selection, sets),
        "split_by": kind,
        "held_out": held_out,
        "by_language": _languages(train, sets),
        "fingerprint": fingerprint((train.read([row])[0] for row in range(len(train))), sets[DEV], sets[TEST]),
    }


def _groups(
    config: MinePairsConfig, mined: Mined, files: Sequence[SourceFile], repositories: dict[str, Repository]
) -> tuple[str, dict[int, str]]:
    """What the groups are, and the group of each file that has pairs."""
    sizes = Counter(mined.files.tolist())
    names = {position: repositories[files[position].repository].name for position in sizes}
    count = len(set(names.values()))
    if config.group == "repository" or (config.group == "auto" and count >= ENOUGH_REPOSITORIES):
        return "repository", names
    folders = folder_groups({files[position].path: size for position, size in sizes.items()})
    return "folder", {position: folders[files[position].path] for position in sizes}


def _account(selection: Selection, sets: dict[str, RetrievalSet]) -> dict[str, Any]:
    sizes = {TRAIN: len(selection.rows[TRAIN]), **{split: len(found.documents) for split, found in sets.items()}}
    return {
        "exact_duplicates": selection.exact_duplicates,
        "near_duplicates": selection.near_duplicates,
        "contaminated": dict(selection.contaminated),
        "over_limit": selection.over_limit,
        "sizes": sizes,
        "queries": {split: len(found.queries) for split, found in sets.items()},
        "groups": {split: len(names) for split, names in selection.groups.items()},
    }


def _languages(train: PairStore, sets: dict[str, RetrievalSet]) -> dict[str, dict[str, int]]:
    """Language → split → pairs."""
    counts: dict[str, Counter[str]] = {}
    for row in range(len(train)):
        counts.setdefault(train.read([row])[0].language, Counter())[TRAIN] += 1
    for split, found in sets.items():
        for document in found.documents.values():
            counts.setdefault(document.metadata["language"], Counter())[split] += 1
    return {language: {split: each[split] for split in (TRAIN, DEV, TEST)} for language, each in sorted(counts.items())}
