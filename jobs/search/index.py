"""The index that a training run leaves behind: its corpus' documents and their vectors, for `jobs.search_code`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.corpora.beir import Document
from common.errors import UserError
from common.models.catalogue import Precision
from common.models.encoder import Encoder
from common.models.loading import Base
from common.retrieval.dense import DenseIndex
from common.runs import Result, write_text

DOCUMENTS, VECTORS = "documents.jsonl", "vectors.npy"


def build(folder: Path, documents: Sequence[Document], base: Base, adapter: Path, precision: Precision) -> Result:
    """Encode the documents with the adapter and write both into `folder`."""
    encoder = Encoder.load(base, adapter=adapter, precision=precision)
    vectors = encoder.encode([document.content() for document in documents], "document", label="index")
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / VECTORS, vectors)
    lines = (json.dumps({"text": document.text, "metadata": dict(document.metadata)}) for document in documents)
    write_text(folder / DOCUMENTS, "".join(line + "\n" for line in lines))
    return {"documents": len(documents)}


def open_index(folder: Path) -> tuple[DenseIndex, list[Document]]:
    """The exact index over a folder that `build` wrote, and its documents; row i is document i."""
    if not (folder / DOCUMENTS).exists():
        raise UserError(f"{folder} holds no index", "train with --index, as jobs/configs/demo.yaml does")
    vectors = np.load(folder / VECTORS)
    index = DenseIndex(vectors.shape[1])
    index.add(np.arange(len(vectors)), vectors)
    with (folder / DOCUMENTS).open(encoding="utf-8") as file:
        documents = [Document(record["text"], metadata=record["metadata"]) for record in map(json.loads, file)]
    return index, documents
