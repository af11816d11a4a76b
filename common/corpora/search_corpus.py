"""From functions to a search corpus: rules, duplicates, split by group, decontamination, and the account of it all.

The query is the first paragraph of the documentation, the document is the code without it. Whatever is dropped is
counted, so that `seen` = what the rules dropped + duplicates + contamination + the training limit + the three sizes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.corpora.beir import Document, RetrievalSet
from common.corpora.config import CorpusConfig
from common.corpora.mining.functions import Function
from common.corpora.mining.rules import apply_rules, summary
from common.corpora.pairs import Pair
from common.corpora.selection import columns_of, normalised, place, select
from common.corpora.splits import DEV, TEST, TRAIN, seeded_hash


@dataclass(frozen=True)
class CorpusReport:
    """Where every function went."""

    source: str
    files: int
    broken_files: tuple[str, ...]
    """`path:line: reason` of files that could not be decoded or hold a syntax error."""
    seen: int
    kept: int
    """Kept by the rules."""
    dropped: Mapping[str, int]
    """By rule, in the order they are asked."""
    exact_duplicates: int
    near_duplicates: int
    contaminated: Mapping[str, int]
    """Dropped from train and dev because of a held-out pair, by split and reason."""
    over_limit: int
    sizes: Mapping[str, int]
    """Pairs in train, documents in dev and test."""
    groups: Mapping[str, tuple[str, ...]]
    """Which groups each split holds."""
    python_version: str
    fingerprint: str
    """SHA-256 over the content of the three splits."""

    def describe(self) -> str:
        """The report as a small table for people."""
        return describe(self)


@dataclass(frozen=True)
class SearchCorpus:
    """Training pairs and two retrieval sets; no group is in two of them."""

    train: tuple[Pair, ...]
    dev: RetrievalSet
    test: RetrievalSet
    report: CorpusReport


@dataclass(frozen=True)
class Source:
    """Where the functions came from, for the report."""

    name: str
    files: int
    broken_files: tuple[str, ...]
    python_version: str


def build_corpus(functions: Iterable[tuple[str, Function]], config: CorpusConfig, source: Source) -> SearchCorpus:
    """A corpus from (group, function); the same input and configuration give the same fingerprint.

    With few or very large groups dev or test can come out empty: the caller has to look.
    """
    group_of: dict[tuple[str, int], str] = {}
    listed: list[Function] = []
    for group, function in functions:
        group_of[function.path, function.start_line] = group
        listed.append(function)
    filtered = apply_rules(listed)
    groups = [group_of[function.path, function.start_line] for function in filtered.kept]
    pairs = [
        pair_of(function, {"path": function.path}, {"module": group})
        for function, group in zip(filtered.kept, groups, strict=True)
    ]
    selection = select(columns_of(pairs, config), groups, lambda row: pairs[row].document, config)
    parts = {split: [pairs[row] for row in rows] for split, rows in selection.rows.items()}
    train = parts[TRAIN]
    dev, test = retrieval_set(f"{source.name}-dev", parts[DEV]), retrieval_set(f"{source.name}-test", parts[TEST])
    report = CorpusReport(
        source=source.name,
        files=source.files,
        broken_files=source.broken_files,
        seen=filtered.seen,
        kept=len(filtered.kept),
        dropped=filtered.dropped,
        exact_duplicates=selection.exact_duplicates,
        near_duplicates=selection.near_duplicates,
        contaminated=selection.contaminated,
        over_limit=selection.over_limit,
        sizes={TRAIN: len(train), DEV: len(dev.documents), TEST: len(test.documents)},
        groups=selection.groups,
        python_version=source.python_version,
        fingerprint=fingerprint(train, dev, test),
    )
    return SearchCorpus(tuple(train), dev, test, report)


def fingerprint(train: Iterable[Pair], dev: RetrievalSet, test: RetrievalSet) -> str:
    """SHA-256 over everything a model could see of the corpus, order included."""
    digest = hashlib.sha256()

    def add(*values: object) -> None:
        digest.update(json.dumps(values, sort_keys=True).encode() + b"\n")

    for pair in train:
        add(TRAIN, pair.query, pair.document, pair.language, dict(pair.extra))
    for name, retrieval in ((DEV, dev), (TEST, test)):
        add(name, retrieval.queries, retrieval.qrels)
        for key, document in retrieval.documents.items():
            add(key, document.title, document.text, dict(document.metadata))
    return digest.hexdigest()


def describe(report: CorpusReport) -> str:
    """The report as a small table for people."""
    rows: list[tuple[str, int | str]] = [
        ("files read", report.files),
        ("  of them broken", len(report.broken_files)),
        ("functions seen", report.seen),
        *((f"  − {name.replace('_', ' ')}", count) for name, count in report.dropped.items()),
        ("kept by the rules", report.kept),
        ("  − exact duplicates", report.exact_duplicates),
        ("  − near-duplicates", report.near_duplicates),
        *((f"  − leak in {name}", count) for name, count in report.contaminated.items()),
        ("  − over the limit", report.over_limit),
        *((f"{name} ({len(report.groups[name])} groups)", size) for name, size in report.sizes.items()),
    ]
    return _table(
        f"{report.source}, Python {report.python_version}",
        [*rows, *((f"broken: {place}", "") for place in report.broken_files)],
        report.fingerprint,
    )


def _table(title: str, rows: Sequence[tuple[str, int | str]], digest: str) -> str:
    width = max(len(label) for label, _ in rows)
    lines = [f"{label:<{width}}  {count:>7,}" if isinstance(count, int) else label for label, count in rows]
    return "\n".join([title, *lines, f"fingerprint {digest[:16]}"])


def pair_of(function: Function, where: Mapping[str, Any], more: Mapping[str, Any] | None = None) -> Pair:
    """The pair of a function that keeps the rules; `where` names its file."""
    lines = {"start_line": function.start_line, "end_line": function.end_line, "symbol": function.symbol}
    return Pair(summary(function.documentation), function.code, function.language, {**where, **lines, **(more or {})})


def retrieval_set(name: str, pairs: Sequence[Pair]) -> RetrievalSet:
    """Pairs that ask the same become one query with several right answers: ranking could not tell them apart.

    Query ids differ from document ids, since BEIR's evaluation leaves out a document with the id of the query.
    """
    retrieval = RetrievalSet(name, {}, {}, {})
    query_ids: dict[str, str] = {}
    for pair in pairs:
        document_id = place(pair)
        if retrieval.documents.get(document_id, Document(pair.document)).text != pair.document:
            document_id += f"#{seeded_hash(0, pair.document)[:8]}"  # two texts claim one place
        metadata = {**pair.extra, "language": pair.language}
        retrieval.documents[document_id] = Document(pair.document, metadata=metadata)
        query_id = query_ids.setdefault(normalised(pair.query), f"q-{document_id}")
        retrieval.queries.setdefault(query_id, pair.query)
        retrieval.qrels.setdefault(query_id, {})[document_id] = 1
    return retrieval
