"""Our encoder as other people's benchmark suites want a model to look: mteb, coir-eval, sentence-transformers.

    mteb.evaluate(MtebEncoder(base, adapter), mteb.get_tasks(["CosQA"]))
    COIR(tasks=coir.data_loader.get_tasks(["cosqa"]), batch_size=128).run(CoirEncoder(base, adapter), "out")
    InformationRetrievalEvaluator(queries, corpus, relevant)(SentenceTransformersEncoder(base, adapter))

The suites bring data and metrics, we bring vectors. Documents are encoded as everywhere here, title and text on lines
of their own, and every text with the prompt that the base documents; the suites' prompts, batch sizes and precision
do not enter. None of the packages is needed to import this module.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common.adapters.folder import adapter_digest
from common.corpora.beir import Document
from common.errors import UserError
from common.models.catalogue import Precision
from common.models.encoder import Encoder
from common.models.loading import Base


class _Wrapped:
    """A base with or without an adapter, and the package that will call it."""

    package: str
    module: str

    def __init__(self, base: Base, adapter: Path | None = None, *, precision: Precision = "auto") -> None:
        """Load the encoder; raises `UserError` where the suite is not installed."""
        try:
            importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            if error.name != self.module:
                raise
            raise UserError(f"{self.package} is not installed", f"pip install {self.package}") from error
        self.encoder = Encoder.load(base, adapter=adapter, precision=precision)
        self.name = base.name if "/" in base.name else f"codeadapters/{base.name}"
        self.revision = base.digest[:12] + (f"-{adapter_digest(adapter)[:12]}" if adapter else "")

    def queries(self, texts: Iterable[str]) -> np.ndarray:
        """Unit vectors (Q, H) of queries."""
        return self.encoder.encode(list(texts), "query")

    def documents(self, documents: Iterable[Document]) -> np.ndarray:
        """Unit vectors (D, H) of documents."""
        return self.encoder.encode([document.content() for document in documents], "document")


class MtebEncoder(_Wrapped):
    """For mteb's retrieval tasks: its `EncoderProtocol`.

    mteb keeps results under name and revision; the revision names the weights of base and adapter. Its figures are
    rounded to five places, and its MRR looks at the first 1,000 documents only.
    """

    package, module = "mteb", "mteb"

    def __init__(self, base: Base, adapter: Path | None = None, *, precision: Precision = "auto") -> None:
        """Load the encoder and describe it to mteb."""
        super().__init__(base, adapter, precision=precision)
        from mteb.models import ModelMeta

        self.mteb_model_meta = ModelMeta.create_empty(
            {
                "name": self.name,
                "revision": self.revision,
                "embed_dim": self.encoder.hidden_size,
                "max_tokens": base.max_length,
                "similarity_fn_name": "cosine",
                "use_instructions": bool(base.query_prompt or base.document_prompt),
                "framework": ["PyTorch"],
            }
        )

    def encode(self, inputs: Iterable[Mapping[str, Any]], *, prompt_type: Any = None, **_: Any) -> np.ndarray:
        """Unit vectors (N, H) of mteb's batches; raises `UserError` for a task without queries and documents."""
        if prompt_type is None:
            raise UserError("mteb asks for vectors that are neither of queries nor of documents", "run retrieval tasks")
        if prompt_type.value == "query":
            return self.queries(text for batch in inputs for text in batch["text"])
        return self.documents(document for batch in inputs for document in _mteb_documents(batch))

    def similarity(self, embeddings1: Any, embeddings2: Any) -> np.ndarray:
        """Cosines (N, M) of (N, H) and (M, H)."""
        return np.asarray(embeddings1) @ np.asarray(embeddings2).T

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> np.ndarray:
        """Cosines (N,) of (N, H) and (N, H), row by row."""
        return np.einsum("nh,nh->n", np.asarray(embeddings1), np.asarray(embeddings2))


class CoirEncoder(_Wrapped):
    """For coir-eval's tasks: what its `COIR(...).run` calls a model. Its figures are rounded to five places."""

    package, module = "coir-eval", "coir"

    def encode_queries(self, queries: Sequence[str], **_: Any) -> np.ndarray:
        """Unit vectors (Q, H)."""
        return self.queries(queries)

    def encode_corpus(self, corpus: Sequence[Mapping[str, str | None]], **_: Any) -> np.ndarray:
        """Unit vectors (D, H) of documents with `text` and perhaps `title`."""
        return self.documents(Document(entry["text"] or "", entry.get("title") or "") for entry in corpus)


class SentenceTransformersEncoder(_Wrapped):
    """For sentence-transformers' `InformationRetrievalEvaluator`, whose MRR looks at the first 10 documents only."""

    package, module = "sentence-transformers", "sentence_transformers"
    similarity_fn_name = "cosine"

    def __init__(self, base: Base, adapter: Path | None = None, *, precision: Precision = "auto") -> None:
        """Load the encoder; the evaluator notes its figures in `model_card_data`."""
        super().__init__(base, adapter, precision=precision)
        self.model_card_data = _Unread()

    def encode_query(self, sentences: Sequence[str], **_: Any) -> Any:
        """Unit vectors (Q, H), a tensor."""
        return _tensor(self.queries(sentences))

    def encode_document(self, sentences: Sequence[str], **_: Any) -> Any:
        """Unit vectors (D, H), a tensor."""
        return _tensor(self.documents(Document(text) for text in sentences))

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosines (N, M), a tensor."""
        return embeddings1 @ embeddings2.T


class _Unread:
    """Takes the evaluator's notes for a model card, which we do not write."""

    def set_evaluation_metrics(self, *_: Any, **__: Any) -> None: ...


def _mteb_documents(batch: Mapping[str, Any]) -> Iterable[Document]:
    """mteb joins title and text with a blank and keeps both apart as well."""
    bodies = batch.get("body", batch["text"])
    titles = batch.get("title") or [""] * len(bodies)
    return (Document(body, title or "") for body, title in zip(bodies, titles, strict=True))


def _tensor(vectors: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(vectors)
