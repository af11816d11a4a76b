"""Scoring retrieval systems on one retrieval set: BM25, the bare base, an adapter, and the hybrid of dense and BM25."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from common.corpora.beir import RetrievalSet
from common.metrics.ceiling import strict_ceiling
from common.metrics.ranking import PerQuery, Pool, evaluate_block, join
from common.metrics.report import compare, summarise, to_json
from common.models.catalogue import Precision
from common.models.encoder import Encoder
from common.models.loading import Base
from common.retrieval.dense import similarity
from common.retrieval.fusion import fuse
from common.retrieval.lexical import LexicalIndex

BLOCK = 1024  # queries scored at a time: bounds the score matrices
ZERO_SHOT, ADAPTER, BM25, HYBRID = "zero_shot", "adapter", "bm25", "hybrid"


def evaluate(
    retrieval: RetrievalSet,
    base: Base,
    *,
    adapter: Path | None,
    precision: Precision,
    seed: int,
    vectors: Path,
    report: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Metrics of every system with 95 % intervals, paired differences, and the strict protocol's ceiling.

    `zero_shot` is the base with its documented prompts; `hybrid` fuses BM25 with the adapter, or with the base where
    there is none. Vectors are kept in the folder `vectors`, so an interrupted evaluation encodes nothing twice.
    """
    dense = {ZERO_SHOT: None, **({ADAPTER: adapter} if adapter else {})}
    encoded = {name: _encode(name, retrieval, base, folder, precision, vectors) for name, folder in dense.items()}
    queries, documents = list(retrieval.queries), list(retrieval.documents)
    texts = [document.content() for document in retrieval.documents.values()]
    lexical, pool = LexicalIndex(documents, texts), Pool.of(documents)
    blocks: dict[str, list[PerQuery]] = {name: [] for name in (BM25, *dense, HYBRID)}
    for start in range(0, len(queries), BLOCK):
        block = queries[start : start + BLOCK]
        scores = {BM25: lexical.scores_matrix([retrieval.queries[query] for query in block])}
        for name, (query_vectors, document_vectors) in encoded.items():
            scores[name] = similarity(query_vectors[start : start + BLOCK], document_vectors)
        scores[HYBRID] = fuse([scores[BM25], scores[ADAPTER if adapter else ZERO_SHOT]])
        for name, matrix in scores.items():
            blocks[name].append(evaluate_block(matrix, block, pool, retrieval.qrels))
    per_query = {name: join(parts) for name, parts in blocks.items()}
    ceiling = strict_ceiling(dict(zip(documents, texts, strict=True)), queries, retrieval.qrels)
    result: dict[str, Any] = {
        "dataset": retrieval.name,
        "queries": len(queries),
        "documents": len(documents),
        "metrics": {name: to_json(summarise(values, seed)) for name, values in per_query.items()},
        "ceiling": {metric: float(values.mean()) for metric, values in ceiling.items()},
        "repeated_documents": len(texts) - len(set(texts)),
    }
    if adapter:
        result["adapter_minus_zero_shot"] = to_json(compare(per_query[ADAPTER], per_query[ZERO_SHOT], seed))
    return result


def _encode(
    name: str, retrieval: RetrievalSet, base: Base, adapter: Path | None, precision: Precision, folder: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Query and document vectors, read back where an earlier submission wrote them."""
    files = [folder / f"{name}.{kind}.npy" for kind in ("queries", "documents")]
    if not all(file.exists() for file in files):
        encoder = Encoder.load(base, adapter=adapter, precision=precision)
        label = name.replace("_", "-")
        texts = list(retrieval.queries.values()), [d.content() for d in retrieval.documents.values()]
        arrays = (
            encoder.encode(texts[0], "query", label=f"{label}: queries"),
            encoder.encode(texts[1], "document", label=f"{label}: documents"),
        )
        folder.mkdir(parents=True, exist_ok=True)
        for file, array in zip(files, arrays, strict=True):
            draft = file.with_suffix(".draft.npy")
            np.save(draft, array)
            draft.replace(file)
    queries, documents = (np.load(file) for file in files)
    return queries, documents
