"""Which pairs of a source end up in train, dev and test, decided from hashes and signatures alone.

The texts stay where they are, in a list or on disk; what is held here is about 180 bytes a pair. Every pair has one
fate, so that the counts add up: all = exact duplicates + contamination + near-duplicates + the training limit + the
three splits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from common.corpora.config import CorpusConfig
from common.corpora.mining.neardup import Signed, copies, first_of_each, sign
from common.corpora.pair_store import text_hash
from common.corpora.pairs import Pair
from common.corpora.splits import DEV, TEST, TRAIN, seeded_hash, split_groups


@dataclass(frozen=True)
class Columns:
    """What is known of N pairs."""

    documents: np.ndarray
    """(N,) uint64, equal where the documents are."""
    queries: np.ndarray
    """(N,) uint64, equal where the normalised queries are."""
    order: np.ndarray
    """(N,) uint64: a seeded hash of each pair's place; the training limit takes the smallest."""
    bands: np.ndarray
    """(N, B) uint32, see `Signed`."""
    sizes: np.ndarray
    """(N,) int32, see `Signed`."""

    def __len__(self) -> int:
        return len(self.documents)

    def signed(self, text_of: Callable[[int], str], threshold: float) -> Signed:
        """The signatures, with the way to a row's document."""
        return Signed(self.bands, self.sizes, text_of, threshold)


def columns_of(pairs: Sequence[Pair], config: CorpusConfig) -> Columns:
    """The columns of some pairs."""
    signed = sign([pair.document for pair in pairs], config.near_duplicate_threshold)
    return Columns(
        documents=_hashes(pair.document for pair in pairs),
        queries=_hashes(normalised(pair.query) for pair in pairs),
        order=np.array([int(seeded_hash(config.seed, place(pair))[:16], 16) for pair in pairs], dtype=np.uint64),
        bands=signed.bands,
        sizes=signed.sizes,
    )


@dataclass(frozen=True)
class Benchmark:
    """What somebody wants to be measured on later: none of it may be learnt or searched."""

    name: str
    queries: tuple[str, ...]
    documents: tuple[str, ...]


@dataclass(frozen=True)
class Selection:
    """Where every pair went."""

    rows: Mapping[str, np.ndarray]
    """The rows of each split, ascending."""
    exact_duplicates: int
    near_duplicates: int
    contaminated: Mapping[str, int]
    """Dropped because of a benchmark, or from train and dev because of a held-out pair, by place and reason."""
    over_limit: int
    groups: Mapping[str, tuple[str, ...]]
    """Which groups each split got, whatever is left of them."""


def select(
    columns: Columns,
    groups: Sequence[str],
    text_of: Callable[[int], str],
    config: CorpusConfig,
    benchmarks: Iterable[Benchmark] = (),
    *,
    hold_out: bool = True,
) -> Selection:
    """Duplicates out, benchmarks out, whole groups held out, and nothing that is held out is trained on.

    `groups[row]` is the group of a row, `text_of(row)` its document. Without `hold_out` everything is for training.
    With few or very large groups dev or test can come out empty: the caller has to look.
    """
    signed = columns.signed(text_of, config.near_duplicate_threshold)
    cleaner = _Cleaner(columns.queries, signed)

    rows = _first_ones(columns.documents) if config.deduplicate else np.arange(len(columns))
    unique = len(rows)
    for benchmark in benchmarks:
        asked = _hashes(normalised(query) for query in benchmark.queries)
        theirs = sign(benchmark.documents, config.near_duplicate_threshold)
        rows = cleaner.clean(f"benchmark {benchmark.name}", rows, asked, theirs, range(len(benchmark.documents)))

    assignment = _assign(Counter(groups[row] for row in rows.tolist()), config, hold_out=hold_out)
    parts = {split: rows[[assignment[groups[row]] == split for row in rows.tolist()]] for split in (TRAIN, DEV, TEST)}
    near = 0
    if config.deduplicate:
        before = sum(map(len, parts.values()))
        parts = {split: first_of_each(signed, part) for split, part in parts.items()}
        near = before - sum(map(len, parts.values()))
    if config.decontaminate and hold_out:
        for split, others in ((DEV, (TEST,)), (TRAIN, (DEV, TEST))):
            held = np.concatenate([parts[other] for other in others])
            parts[split] = cleaner.clean(split, parts[split], columns.queries[held], signed, held)
    trainable = len(parts[TRAIN])
    if config.limit_train is not None and trainable > config.limit_train:
        chosen = np.argsort(columns.order[parts[TRAIN]], kind="stable")[: config.limit_train]
        parts[TRAIN] = parts[TRAIN][np.sort(chosen)]
    return Selection(
        rows=parts,
        exact_duplicates=len(columns) - unique,
        near_duplicates=near,
        contaminated=dict(cleaner.leaks),
        over_limit=trainable - len(parts[TRAIN]),
        groups={split: tuple(sorted(g for g, its in assignment.items() if its == split)) for split in parts},
    )


def normalised(query: str) -> str:
    """What two queries are compared by: their words without case and punctuation."""
    return " ".join(re.findall(r"\w+", query.casefold()))


def place(pair: Pair) -> str:
    """Where the document stands: REPOSITORY/PATH:LINE; for pairs that do not say, a hash of its text."""
    if "path" in pair.extra and "start_line" in pair.extra:
        repository = pair.extra.get("repo") or pair.extra.get("repository")
        return f"{repository}/" * bool(repository) + f"{pair.extra['path']}:{pair.extra['start_line']}"
    return seeded_hash(0, pair.document)[:16]


def _assign(sizes: Mapping[str, int], config: CorpusConfig, *, hold_out: bool) -> dict[str, str]:
    """The split of each group; `limit_dev` and `limit_test` bound the shares."""
    total = sum(sizes.values())
    if not hold_out or not total:
        return dict.fromkeys(sizes, TRAIN)
    dev, test = (
        min(share, most / total)
        for share, most in ((config.dev_share, config.limit_dev), (config.test_share, config.limit_test))
    )
    return split_groups(sizes, dev_share=dev, test_share=test, seed=config.seed)


class _Cleaner:
    """Takes out what neither may be learnt nor searched, and counts it."""

    def __init__(self, queries: np.ndarray, signed: Signed) -> None:
        self.leaks: Counter[str] = Counter()
        self._queries, self._signed = queries, signed

    def clean(
        self, name: str, rows: np.ndarray, asked: np.ndarray, held: Signed, held_rows: Sequence[int] | np.ndarray
    ) -> np.ndarray:
        """The rows that neither ask what is asked nor nearly repeat a held text."""
        fresh = rows[~np.isin(self._queries[rows], asked)]
        near = copies(self._signed, fresh, held, held_rows)
        self.leaks[f"{name}: same query"] += len(rows) - len(fresh)
        self.leaks[f"{name}: near-duplicate code"] += len(near)
        return fresh[~np.isin(fresh, near)]


def _first_ones(values: np.ndarray) -> np.ndarray:
    """The rows where each value occurs first, ascending."""
    return np.sort(np.unique(values, return_index=True)[1])


def _hashes(texts: Iterable[str]) -> np.ndarray:
    return np.fromiter((text_hash(text) for text in texts), dtype=np.uint64)
