"""A search corpus from somebody's own pairs: duplicates out, splits held out where none are given, no leaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from common.corpora.beir import RetrievalSet
from common.corpora.config import CorpusConfig
from common.corpora.pairs import Pair
from common.corpora.search_corpus import PairsReport, SearchCorpus, decontaminate, fingerprint, limit, retrieval_set
from common.corpora.splits import DEV, TEST, TRAIN, split_groups
from common.errors import DataError

GROUP_KEYS = ("repo", "repository", "module", "path")


def corpus_from_pairs(
    name: str,
    pairs: Sequence[Pair],
    config: CorpusConfig,
    held_out: tuple[RetrievalSet, RetrievalSet] | None = None,
) -> SearchCorpus:
    """A corpus from pairs; `held_out` are (dev, test) where the user brings them.

    Otherwise whole groups are held out: by the pair's `repo`, `repository`, `module` or `path`, whichever it has, else
    by its document. Training pairs that repeat a held-out query or nearly repeat a held-out document are dropped.
    Raises `DataError` where a split would be empty.
    """
    unique = list({(pair.query, pair.document): pair for pair in pairs}.values())
    leaks: dict[str, int] = {}
    if held_out:
        dev, test = held_out
        parts = {TRAIN: unique, DEV: _positives(dev), TEST: _positives(test)}
    else:
        parts = _split(unique, config)
        parts[DEV] = decontaminate(DEV, parts[DEV], parts[TEST], config.near_duplicate_threshold, leaks)
        dev, test = retrieval_set(f"{name}-dev", parts[DEV]), retrieval_set(f"{name}-test", parts[TEST])
    train = decontaminate(TRAIN, parts[TRAIN], parts[DEV] + parts[TEST], config.near_duplicate_threshold, leaks)
    limited = limit(train, config)
    report = PairsReport(
        source=name,
        seen=len(pairs),
        exact_duplicates=len(pairs) - len(unique),
        contaminated=leaks,
        over_limit=len(train) - len(limited),
        sizes={TRAIN: len(limited), DEV: len(dev.documents), TEST: len(test.documents)},
        fingerprint=fingerprint(limited, dev, test),
    )
    empty = [split for split, size in report.sizes.items() if not size]
    if empty:
        raise DataError(
            name, None, None, f"{len(pairs)} pairs leave nothing for {empty[0]}",
            "bring more pairs, other shares (--data.corpus), or your own --data.dev and --data.test",
        )  # fmt: skip
    return SearchCorpus(tuple(limited), dev, test, report)


def _split(pairs: Sequence[Pair], config: CorpusConfig) -> dict[str, list[Pair]]:
    sizes = Counter(_group(pair) for pair in pairs)
    assignment = split_groups(sizes, dev_share=config.dev_share, test_share=config.test_share, seed=config.seed)
    parts: dict[str, list[Pair]] = {TRAIN: [], DEV: [], TEST: []}
    for pair in pairs:
        parts[assignment[_group(pair)]].append(pair)
    return parts


def _group(pair: Pair) -> str:
    return next((str(pair.extra[key]) for key in GROUP_KEYS if pair.extra.get(key)), pair.document)


def _positives(retrieval: RetrievalSet) -> list[Pair]:
    """What a retrieval set asks and holds, as pairs to compare training pairs with."""
    return [
        Pair(retrieval.queries[query], retrieval.documents[document].content())
        for query, judged in retrieval.qrels.items()
        for document, grade in judged.items()
        if grade > 0 and query in retrieval.queries and document in retrieval.documents
    ]
