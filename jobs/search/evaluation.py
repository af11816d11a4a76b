"""Scoring retrieval systems on one retrieval set: BM25, the bare base, an adapter, and the hybrid of dense and BM25."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from common.corpora.beir import RetrievalSet, read_beir
from common.metrics.bootstrap import Seed
from common.metrics.ceiling import strict_ceiling
from common.metrics.protocols import Protocol, collapsed, multi_positive, strict
from common.metrics.ranking import CODE2CODE_METRICS, PerQuery, Pool, join
from common.metrics.report import Means, compared
from common.metrics.trec import RunFile, qrels_text, run_file
from common.models.catalogue import Precision
from common.models.loading import Base
from common.progress import progress
from common.retrieval.dense import unit
from common.retrieval.lexical import LexicalIndex
from common.retrieval.weighting import EQUAL, Fusion, apply, choose
from common.runs import write_text
from jobs.search.vectors import VectorFile, fill

log = logging.getLogger(__name__)
ZERO_SHOT, ADAPTER, BM25, HYBRID = "zero_shot", "adapter", "bm25", "hybrid"
DEV = "dev"
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
    dev: RetrievalSet | None = None
    """The split that the hybrid's weights are chosen on; none = FOLDER/data/dev, which a training run has written
    there, and where that is missing too the weights are equal."""


def evaluate(retrieval: RetrievalSet, scoring: Scoring, adapter: Path | None = None) -> dict[str, Any]:
    """Metrics of every system with 95 % intervals, paired differences, and the strict protocol's ceiling.

    `zero_shot` is the base with its documented prompts; `hybrid` fuses BM25 with the adapter, or with the base where
    there is none. `fusion` says how: `weights` holds the fields of a `Fusion`, `chosen_on` the name of the dev split,
    null where there was none. `metrics` and what stands beside it are strict; `collapsed` and `multi_positive` hold the
    same under the other protocols (`common.metrics.protocols`), where these differ. Vectors are kept, so an interrupted
    evaluation encodes nothing twice.
    """
    files = vector_files(retrieval, scoring, adapter)
    fill(files.values())
    return score(retrieval, files, scoring).to_json()


def vector_files(retrieval: RetrievalSet, scoring: Scoring, adapter: Path | None) -> dict[str, VectorFile]:
    """Dense system → where its vectors are; under `DEV`, where there is a dev split, those that choose the weights."""
    wanted = {ZERO_SHOT: (retrieval, None), **({ADAPTER: (retrieval, adapter)} if adapter else {})}
    dev = _dev(scoring)
    if dev and dev.queries == retrieval.queries:
        log.warning("%s: its dev split has the same queries, so the hybrid keeps equal weights", retrieval.name)
    elif dev:
        wanted[DEV] = (dev, adapter)
    folder = scoring.folder / "vectors"
    return {
        name: VectorFile(folder / f"{name}.npz", texts_of, scoring.base, weights, scoring.precision)
        for name, (texts_of, weights) in wanted.items()
    }


def chosen_fusion(dev: VectorFile | None) -> Fusion:
    """The fusion that suits the dev split, whose vectors are made; without one, RRF with equal weights.

    Of a large split as many queries count, evenly spread, as keep their scores within `MATRIX`.
    """
    if dev is None:
        return EQUAL
    retrieval, documents = dev.retrieval, texts(dev.retrieval)
    of_queries, of_documents = _unit(dev)
    count = min(len(of_queries), max(1, MATRIX // len(documents)))
    rows = np.linspace(0, len(of_queries) - 1, count).astype(int)
    queries = [list(retrieval.queries)[row] for row in rows]
    lexical = LexicalIndex(list(documents), list(documents.values()))
    of_words = lexical.scores_matrix([retrieval.queries[query] for query in queries])
    dense = of_queries[rows] @ of_documents.T
    return choose(of_words, dense, queries, Pool.of(list(documents)), retrieval.qrels, gain=retrieval.gain)


@dataclass(frozen=True)
class Scored:
    """What one set came to under each protocol."""

    retrieval: RetrievalSet
    protocols: Mapping[str, Protocol]
    means: Mapping[str, Means]
    """Protocol → the means over those queries that it can answer."""
    fusion: Fusion
    """How the hybrid was made."""
    chosen_on: str | None
    """The dev split that chose it."""

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
        return {**result, "fusion": {"weights": asdict(self.fusion), "chosen_on": self.chosen_on}}


def score(retrieval: RetrievalSet, files: Mapping[str, VectorFile], scoring: Scoring) -> Scored:
    """Score every system once, block by block, and measure each block under every protocol."""
    protocols = protocols_of(retrieval)
    dev = files.get(DEV)
    dense, fusion = {system: file for system, file in files.items() if system != DEV}, chosen_fusion(dev)
    systems = (BM25, *dense, HYBRID)
    parts: dict[str, dict[str, list[PerQuery]]] = {rule: {system: [] for system in systems} for rule in protocols}
    with ExitStack() as stack:
        runs = _runs(retrieval, protocols[STRICT], systems, scoring, stack) if scoring.dump_run else {}
        for queries, matrices in _blocks(retrieval, dense, fusion):
            for system, matrix in matrices.items():
                for name, rule in protocols.items():
                    parts[name][system].append(rule.evaluate(matrix, queries, retrieval.gain))
                if system in runs:
                    runs[system].add(matrix, queries)
    values = {name: {system: join(blocks) for system, blocks in found.items()} for name, found in parts.items()}
    means = {name: Means.of(found, scoring.seed) for name, found in values.items()}
    return Scored(retrieval, protocols, means, fusion, dev.retrieval.name if dev else None)


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


def _dev(scoring: Scoring) -> RetrievalSet | None:
    folder = scoring.folder / "data" / "dev"
    return scoring.dev or (read_beir(folder)[0] if folder.is_dir() else None)


def _unit(file: VectorFile) -> tuple[np.ndarray, np.ndarray]:
    vectors = file.read()
    assert vectors is not None, "the vectors are made before they are read"
    return unit(vectors[0]), unit(vectors[1])


def _blocks(
    retrieval: RetrievalSet, files: Mapping[str, VectorFile], fusion: Fusion
) -> Iterator[tuple[list[str], dict[str, np.ndarray]]]:
    """Queries (B) and, for each system, their scores (B, D) over the whole pool."""
    queries, documents = list(retrieval.queries), texts(retrieval)
    lexical = LexicalIndex(list(documents), list(documents.values()))
    dense = {system: _unit(file) for system, file in files.items()}
    rows = max(1, MATRIX // len(documents))
    with progress(len(queries), f"{retrieval.name}: scores", "query") as bar:
        for start in range(0, len(queries), rows):
            block = queries[start : start + rows]
            scores = {BM25: lexical.scores_matrix([retrieval.queries[query] for query in block])}
            for system, (of_queries, of_documents) in dense.items():
                scores[system] = of_queries[start : start + rows] @ of_documents.T
            best = scores[ADAPTER if ADAPTER in scores else ZERO_SHOT]
            yield block, {**scores, HYBRID: apply(fusion, scores[BM25], best)}
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
