"""A search corpus from somebody's pairs, read as a stream: duplicates out, splits held out where none are given, no
leaks.

The pairs are read twice (once to know the groups, once to write them), so that a million of them cost the memory of
their hashes and of what is held out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from common.corpora.beir import RetrievalSet
from common.corpora.config import CorpusConfig
from common.corpora.decontamination import Decontaminator
from common.corpora.documented import keeps_documentation, with_documentation
from common.corpora.pair_store import PairStore, smallest, text_hash, write_store
from common.corpora.pairs import Pair
from common.corpora.search_corpus import fingerprint, place, retrieval_set
from common.corpora.splits import DEV, TEST, TRAIN, seeded_hash, split_groups
from common.errors import DataError

GROUP_KEYS = ("group", "repo", "repository", "module", "problem", "path")


@dataclass(frozen=True)
class Given:
    """Pairs of one language or one file; what is not given is held out from them."""

    name: str
    pairs: Callable[[], Iterator[Pair]]
    """Reads them from the beginning."""
    dev: RetrievalSet | None = None
    test: RetrievalSet | None = None


@dataclass(frozen=True)
class PairsReport:
    """Where every pair went."""

    source: str
    seen: int
    exact_duplicates: int
    contaminated: Mapping[str, int]
    over_limit: int
    sizes: Mapping[str, int]
    """Pairs in train; documents of dev and of each test set."""
    languages: Mapping[str, int]
    """Training pairs by language."""
    fingerprint: str

    def describe(self) -> str:
        """The report as a small table for people."""
        rows = [("pairs read", self.seen), ("  − exact duplicates", self.exact_duplicates)]
        rows += [(f"  − leak in {name}", count) for name, count in self.contaminated.items()]
        rows += [("  − over the limit", self.over_limit), *self.sizes.items()]
        width = max(len(label) for label, _ in rows)
        lines = [f"{label:<{width}}  {count:>9,}" for label, count in rows]
        return "\n".join([self.source, *lines, f"fingerprint {self.fingerprint[:16]}"])


@dataclass(frozen=True)
class PairsCorpus:
    """Training pairs on disk, the dev set that chooses the adapter, and the test sets by name."""

    train: PairStore
    dev: RetrievalSet
    tests: Mapping[str, RetrievalSet]
    report: PairsReport


def corpus_from_pairs(source: str, given: Sequence[Given], config: CorpusConfig, target: Path) -> PairsCorpus:
    """Write the training pairs of all parts to the file `target`; hold dev and test out where a part brings none.

    Held out are whole groups: by the pair's `group`, `repo`, `repository`, `module`, `problem` or `path`, whichever it
    has first, else by its document. Training pairs that repeat a held-out query or nearly repeat a held-out document
    are dropped, unless `config.decontaminate` says otherwise. Raises `DataError` where a split would be empty.
    """
    parts = [_Part(one, config) for one in given]
    store = write_store(target, chain.from_iterable(part.train() for part in parts))
    over = max(0, len(store) - config.limit_train) if config.limit_train else 0
    if over:
        hashes = [seeded_hash(config.seed, place(pair)) for pair in _stream(store)]
        chosen = smallest(hashes, len(store) - over)
        store = write_store(target, (store.read([row])[0] for row in chosen))
    # Which groups a part holds out must not depend on the other parts: an adapter that starts from a shared one would
    # else be scored on what that one has learnt. So only the scoring of dev is cut, not what is held out.
    dev = sample(merge("dev", {part.name: part.held[DEV] for part in parts}), config.limit_dev, config.seed)
    tests = {part.name: part.held[TEST] for part in parts}
    leaks: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    for part in parts:
        leaks.update(part.leaks)
    report = PairsReport(
        source=source,
        seen=sum(part.seen for part in parts),
        exact_duplicates=sum(part.duplicates for part in parts),
        contaminated=dict(leaks),
        over_limit=over,
        sizes={
            TRAIN: len(store),
            DEV: len(dev.documents),
            **{f"{TEST} {name}".strip(): len(test.documents) for name, test in tests.items()},
        },
        fingerprint=fingerprint(_counted(store, languages), dev, merge("test", tests)),
        languages=dict(languages),
    )
    empty = [split for split, size in report.sizes.items() if not size]
    if empty:
        raise DataError(
            source, None, None, f"{report.seen} pairs leave nothing for {empty[0]}",
            "bring more pairs, other shares (--data.corpus), or your own --data.dev and --data.test",
        )  # fmt: skip
    return PairsCorpus(store, dev, tests, report)


class _Part:
    """One part on its way into the corpus."""

    def __init__(self, given: Given, config: CorpusConfig) -> None:
        self.name, self._given, self._config = given.name, given, config
        self.seen = self.duplicates = 0
        self.leaks: dict[str, int] = {}
        held = {DEV: given.dev, TEST: given.test}
        self._assignment = self._assign(held)
        collected = self._collect(held)
        if DEV in collected and config.decontaminate:
            clean = Decontaminator(collected.get(TEST) or positives(held[TEST]), config.near_duplicate_threshold)
            collected[DEV] = list(clean.keep(collected[DEV]))
            self._count(DEV, clean)
        label = f"{given.name}-" if given.name else ""
        self.held: dict[str, RetrievalSet] = {
            split: found if found is not None else retrieval_set(f"{label}{split}", collected[split])
            for split, found in held.items()
        }

    def train(self) -> Iterator[Pair]:
        """The training pairs, without duplicates and leaks, in the order in which they were given."""
        share, seed = self._config.keep_documentation, self._config.seed
        for pair in self._clean():
            if share and keeps_documentation(place(pair), share, seed):
                pair = replace(pair, document=with_documentation(pair.document, pair.query, pair.language))
            yield pair

    def _clean(self) -> Iterator[Pair]:
        if not self._config.decontaminate:
            yield from self._unassigned()
            return
        held = [*positives(self.held[DEV]), *positives(self.held[TEST])]
        clean = Decontaminator(held, self._config.near_duplicate_threshold)
        yield from clean.keep(self._unassigned())
        self._count(TRAIN, clean)

    def _assign(self, held: Mapping[str, RetrievalSet | None]) -> dict[int, str]:
        """Group → split, where something has to be held out from the pairs themselves."""
        wanted = {
            DEV: (self._config.dev_share, self._config.limit_dev),
            TEST: (self._config.test_share, self._config.limit_test),
        }
        if all(found is not None for found in held.values()):
            return {}
        sizes = Counter(_group(pair) for pair in self._distinct())
        total = sum(sizes.values())
        shares = {
            split: 0.0 if held[split] is not None or not total else min(part, most / total)
            for split, (part, most) in wanted.items()
        }
        named = {f"{group:016x}": size for group, size in sizes.items()}
        split_of = split_groups(named, dev_share=shares[DEV], test_share=shares[TEST], seed=self._config.seed)
        return {int(name, 16): split for name, split in split_of.items() if split != TRAIN}

    def _collect(self, held: Mapping[str, RetrievalSet | None]) -> dict[str, list[Pair]]:
        """The pairs held out for the splits that are not given."""
        collected: dict[str, list[Pair]] = {split: [] for split, found in held.items() if found is None}
        for pair in self._distinct() if self._assignment else ():
            if split := self._assignment.get(_group(pair)):
                collected[split].append(pair)
        return collected

    def _distinct(self) -> Iterator[Pair]:
        """All pairs; each once, where duplicates are not wanted."""
        self.seen = self.duplicates = 0
        met: set[int] = set()
        for pair in self._given.pairs():
            self.seen += 1
            key = text_hash(f"{pair.query}\0{pair.document}") if self._config.deduplicate else self.seen
            if key in met:
                self.duplicates += 1
                continue
            met.add(key)
            yield pair

    def _unassigned(self) -> Iterator[Pair]:
        return (pair for pair in self._distinct() if _group(pair) not in self._assignment)

    def _count(self, split: str, clean: Decontaminator) -> None:
        self.leaks[f"{split}: same query"] = clean.same_query
        self.leaks[f"{split}: near-duplicate code"] = clean.near_duplicate


def merge(name: str, sets: Mapping[str, RetrievalSet]) -> RetrievalSet:
    """One set of several, ids prefixed with the part's name; a single one stays as it is."""
    if len(sets) == 1:
        return next(iter(sets.values()))
    merged = RetrievalSet(name, {}, {}, {})
    for part, one in sets.items():
        merged.queries.update({f"{part}/{key}": text for key, text in one.queries.items()})
        merged.documents.update({f"{part}/{key}": document for key, document in one.documents.items()})
        for query, judged in one.qrels.items():
            merged.qrels[f"{part}/{query}"] = {f"{part}/{key}": grade for key, grade in judged.items()}
    return merged


def sample(given: RetrievalSet, limit: int, seed: int) -> RetrievalSet:
    """At most `limit` documents: a seeded choice of queries with all that they judge, then other documents."""
    if len(given.documents) <= limit:
        return given
    queries: dict[str, str] = {}
    kept: set[str] = set()
    for query in sorted(given.queries, key=lambda key: seeded_hash(seed, key)):
        judged = kept | given.qrels[query].keys()
        if len(judged) > max(1, limit // 2) and queries:
            break
        queries[query], kept = given.queries[query], judged
    others = sorted(given.documents.keys() - kept, key=lambda key: seeded_hash(seed, key))
    kept |= set(others[: limit - len(kept)])
    documents = {key: document for key, document in given.documents.items() if key in kept}
    return RetrievalSet(given.name, queries, documents, {key: given.qrels[key] for key in queries}, given.gain)


def positives(retrieval: RetrievalSet | None) -> list[Pair]:
    """What a retrieval set asks and holds, as pairs to compare training pairs with."""
    if retrieval is None:
        return []
    return [
        Pair(retrieval.queries[query], retrieval.documents[document].content())
        for query, judged in retrieval.qrels.items()
        for document, grade in judged.items()
        if grade > 0 and query in retrieval.queries and document in retrieval.documents
    ]


def _group(pair: Pair) -> int:
    """A number for the pair's group: a million groups would be a gigabyte of names."""
    name = next((str(pair.extra[key]) for key in GROUP_KEYS if pair.extra.get(key)), pair.document)
    return text_hash(name)


def _stream(store: PairStore) -> Iterator[Pair]:
    return (store.read([row])[0] for row in range(len(store)))


def _counted(store: PairStore, languages: Counter[str]) -> Iterator[Pair]:
    for pair in _stream(store):
        languages[pair.language] += 1
        yield pair
