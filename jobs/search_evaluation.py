"""Scoring retrieval systems on one retrieval set: BM25, the bare base, an adapter, and the hybrid of dense and BM25."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from common.adapters.folder import adapter_digest
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
    texts = {
        "queries": list(retrieval.queries.values()),
        "documents": [d.content() for d in retrieval.documents.values()],
    }
    file = folder / f"{name}.npz"
    key = _key(base, adapter, precision, texts)
    if (found := _read(file, key)) is not None:
        return found
    encoder = Encoder.load(base, adapter=adapter, precision=precision)
    label = name.replace("_", "-")
    queries = encoder.encode(texts["queries"], "query", label=f"{label}: queries")
    documents = encoder.encode(texts["documents"], "document", label=f"{label}: documents")
    folder.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft.npz")
    np.savez(draft, key=key, queries=queries, documents=documents)
    draft.replace(file)
    return queries, documents


def _read(file: Path, key: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Vectors that an earlier submission wrote for the same model and the same texts."""
    if not file.exists():
        return None
    with np.load(file) as stored:
        return (stored["queries"], stored["documents"]) if str(stored["key"]) == key else None


def _key(base: Base, adapter: Path | None, precision: Precision, texts: dict[str, list[str]]) -> str:
    """What vectors depend on, as a digest."""
    model = base.model_dump(mode="json", exclude={"folder", "name", "revision"})
    weights = adapter_digest(adapter) if adapter else None
    return hashlib.sha256(json.dumps([model, weights, precision, texts]).encode()).hexdigest()
