"""Vectors of queries and documents, encoded once and kept in files, so that an interrupted evaluation goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from common.adapters.folder import adapter_digest
from common.corpora.beir import RetrievalSet
from common.models.catalogue import Precision
from common.models.encoder import Encoder
from common.models.loading import Base
from common.runs import whole_file


@dataclass(frozen=True)
class VectorFile:
    """One set, encoded by the base with or without an adapter, in a file."""

    path: Path
    retrieval: RetrievalSet
    base: Base
    adapter: Path | None
    precision: Precision

    def read(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Vectors of the queries (Q, H) and the documents (D, H), float32; None unless this model made them."""
        if not self.path.exists():
            return None
        with np.load(self.path) as stored:
            return (stored["queries"], stored["documents"]) if str(stored["key"]) == self._key else None

    @cached_property
    def ready(self) -> bool:
        """Whether an earlier submission wrote the file."""
        if not self.path.exists():
            return False
        with np.load(self.path) as stored:
            return str(stored["key"]) == self._key

    def write(self, encoder: Encoder) -> None:
        """Encode the set; the file is there when all of it is."""
        label = f"{self.retrieval.name}, {self.path.stem.replace('_', '-')}"
        queries, documents = self._texts
        of_queries = encoder.encode(queries, "query", label=f"{label}: queries")
        of_documents = encoder.encode(documents, "document", label=f"{label}: documents")
        with whole_file(self.path) as file:
            np.savez(file, key=np.array(self._key), queries=of_queries, documents=of_documents)

    @property
    def _texts(self) -> tuple[list[str], list[str]]:
        documents = self.retrieval.documents.values()
        return list(self.retrieval.queries.values()), [document.content() for document in documents]

    @cached_property
    def _key(self) -> str:
        """What the vectors depend on, as a digest."""
        model = self.base.model_dump(mode="json", exclude={"folder", "name", "revision"})
        weights = adapter_digest(self.adapter) if self.adapter else None
        texts = dict(zip(("queries", "documents"), self._texts, strict=True))
        return hashlib.sha256(json.dumps([model, weights, self.precision, texts]).encode()).hexdigest()


def fill(files: Iterable[VectorFile]) -> None:
    """Write the files that are not there yet, one model in memory at a time; all files have the same base."""
    missing = [file for file in files if not file.ready]
    for adapter in dict.fromkeys(file.adapter for file in missing):
        its = [file for file in missing if file.adapter == adapter]
        encoder = Encoder.load(its[0].base, adapter=adapter, precision=its[0].precision)
        for file in its:
            file.write(encoder)
