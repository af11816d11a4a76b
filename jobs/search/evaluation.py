"""Scoring retrieval systems on one retrieval set: BM25, the bare base, an adapter, and the hybrid of dense and BM25."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from common.corpora.beir import RetrievalSet
from common.metrics.bootstrap import Seed
from common.metrics.ceiling import strict_ceiling
from common.metrics.protocols import Protocol, collapsed, multi_positive, strict
from common.metrics.ranking import CODE2CODE_METRICS, PerQuery, join
from common.metrics.report import Means, compared
from common.metrics.trec import RunFile, qrels_text, run_file
from common.models.catalogue import Precision
from common.models.loading import Base
from common.progress import progress
from common.retrieval.dense import unit
from common.retrieval.fusion import fuse
from common.retrieval.lexical import LexicalIndex
from common.runs import write_text
from jobs.search.vectors import VectorFile, fill

ZERO_SHOT, ADAPTER, BM25, HYBRID = "zero_shot", "adapter", "bm25", "hybrid"
STRICT, COLLAPSED, MULTI_POSITIVE = "strict", "collapsed", "multi_positive"
MATRIX = 8_000_000  # scores of one system held at a time: bounds the memory to some two hundred megabytes


@dataclass(frozen=True)
class Scoring:
    """How sets are scored, and where."""

    base: Base
    folder: Path
    """Run folder: vectors are kept in FOLDER/vectors, TREC files go into FOLDER."""
    precision: Precision = "auto"
    seed: Seed = 0
    """Seeds the bootstrap."""
    dump_run: int | None = None
    """Write the first so many documents of each query as run.SYSTEM.trec, and qrels.trec; none = no files."""


def evaluate(retrieval: RetrievalSet, scoring: Scoring, adapter: Path | None = None) -> dict[str, Any]:
    """Metrics of every system with 95 % intervals, paired differences, and the strict protocol's ceiling.

    `zero_shot` is the base with its documented prompts; `hybrid` fuses BM25 with the adapter, or with the base where
    there is none. `metrics` and what stands beside it are strict; `collapsed` and `multi_positive` hold the same under
    the other protocols (`common.metrics.protocols`), where these differ. Vectors are kept, so an interrupted evaluation
    encodes nothing twice.
    """
    files = vector_files(retrieval, scoring, adapter)
    fill(files.values())
    return score(retrieval, files, scoring).to_json()


def vector_files(retrieval: RetrievalSet, scoring: Scoring, adapter: Path | None) -> dict[str, VectorFile]:
    """Dense system → where its vectors are."""
    dense = {ZERO_SHOT: None, **({ADAPTER: adapter} if adapter else {})}
    folder = scoring.folder / "vectors"
    return {
        system: VectorFile(folder / f"{system}.npz", retrieval, scoring.base, weights, scoring.precision)
        for system, weights in dense.items()
    }


@dataclass(frozen=True)
class Scored:
    """What one set came to under each protocol."""

    retrieval: RetrievalSet
    protocols: Mapping[str, Protocol]
    means: Mapping[str, Means]
    """Protocol → the means over those queries that it can answer."""

    @cached_property
    def ceiling(self) -> dict[str, float]:
        """Metric → the mean over the queries of what the strict protocol can give at most."""
        retrieval = self.retrieval
        best = strict_ceiling(texts(retrieval), list(retrieval.queries), retrieval.qrels, gain=retrieval.gain)
        return {metric: float(values.mean()) for metric, values in best.items()}

    def to_json(self) -> dict[str, Any]:
        """What stands in a result file."""
        result: dict[str, Any] = {"dataset": self.retrieval.name}
        for name, rule in self.protocols.items():
            means = self.means[name]
            block = {"queries": means.queries, "documents": len(rule.pool.column), "metrics": means.to_json()}
            if ADAPTER in means.table:
                block |= compared(means, ADAPTER, ZERO_SHOT)
            if name == STRICT:
                repeated = len(self.retrieval.documents) - len(set(texts(self.retrieval).values()))
                result |= {**block, "ceiling": self.ceiling, "repeated_documents": repeated}
            else:
                result[name] = block
        return result


def score(retrieval: RetrievalSet, files: Mapping[str, VectorFile], scoring: Scoring) -> Scored:
    """Score every system once, block by block, and measure each block under every protocol."""
    protocols = protocols_of(retrieval)
    systems = (BM25, *files, HYBRID)
    parts: dict[str, dict[str, list[PerQuery]]] = {rule: {system: [] for system in systems} for rule in protocols}
    with ExitStack() as stack:
        runs = _runs(retrieval, protocols[STRICT], systems, scoring, stack) if scoring.dump_run else {}
        for queries, matrices in _blocks(retrieval, files):
            for system, matrix in matrices.items():
                for name, rule in protocols.items():
                    parts[name][system].append(rule.evaluate(matrix, queries, retrieval.gain))
                if system in runs:
                    runs[system].add(matrix, queries)
    values = {name: {system: join(blocks) for system, blocks in found.items()} for name, found in parts.items()}
    return Scored(retrieval, protocols, {name: Means.of(found, scoring.seed) for name, found in values.items()})


def protocols_of(retrieval: RetrievalSet) -> dict[str, Protocol]:
    """Strict, and those of the others that differ from it on this set."""
    documents, qrels = texts(retrieval), retrieval.qrels
    problems = {
        name: document.metadata["problem"]
        for name, document in retrieval.documents.items()
        if document.metadata.get("problem") is not None
    }
    found = {
        STRICT: strict(list(documents), qrels),
        COLLAPSED: collapsed(documents, qrels),
        MULTI_POSITIVE: multi_positive(retrieval.queries, documents, problems, qrels, CODE2CODE_METRICS),
    }
    return {name: protocol for name, protocol in found.items() if protocol}


def texts(retrieval: RetrievalSet) -> dict[str, str]:
    """Document id → the text that is encoded."""
    return {name: document.content() for name, document in retrieval.documents.items()}


def _blocks(
    retrieval: RetrievalSet, files: Mapping[str, VectorFile]
) -> Iterator[tuple[list[str], dict[str, np.ndarray]]]:
    """Queries (B) and, for each system, their scores (B, D) over the whole pool."""
    queries, documents = list(retrieval.queries), texts(retrieval)
    lexical = LexicalIndex(list(documents), list(documents.values()))
    dense: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for system, file in files.items():
        vectors = file.read()
        assert vectors is not None, "the vectors are made before they are read"
        dense[system] = (unit(vectors[0]), unit(vectors[1]))
    rows = max(1, MATRIX // len(documents))
    with progress(len(queries), f"{retrieval.name}: scores", "query") as bar:
        for start in range(0, len(queries), rows):
            block = queries[start : start + rows]
            scores = {BM25: lexical.scores_matrix([retrieval.queries[query] for query in block])}
            for system, (of_queries, of_documents) in dense.items():
                scores[system] = of_queries[start : start + rows] @ of_documents.T
            best = scores[ADAPTER if ADAPTER in scores else ZERO_SHOT]
            yield block, {**scores, HYBRID: fuse([scores[BM25], best])}
            bar.update(len(block))


def _runs(
    retrieval: RetrievalSet, rule: Protocol, systems: tuple[str, ...], scoring: Scoring, stack: ExitStack
) -> dict[str, RunFile]:
    """System → its run file, open; the judgements are written at once."""
    assert scoring.dump_run is not None
    write_text(scoring.folder / "qrels.trec", qrels_text(retrieval.qrels, retrieval.queries))
    ids = list(retrieval.documents)
    return {
        system: stack.enter_context(run_file(scoring.folder, system, ids, rule.pool, scoring.dump_run))
        for system in systems
    }
