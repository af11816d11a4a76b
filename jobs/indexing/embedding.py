"""From texts to vectors: in this process where they are few, else streamed through a pool of Ray actors.

Each batch is kept as it comes, so that a killed build encodes nothing twice. Batches hold texts of like length up to a
budget of tokens, and inside each the encoder plans its own chunks.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from common.progress import progress
from common.retrieval.store import Store
from common.search.embedder import Embedder
from jobs.ray_session import ClusterConfig, connected

FEW = 1_500
"""Texts up to which encoding them here takes less time than the start of a pool."""
BATCH_CHARACTERS = 240_000
"""Some 65,000 tokens: a GPU's chunk, and a few seconds of a CPU core."""
BATCH_TEXTS = 512
WINDOW = 100_000
"""Texts in memory at a time."""


def embed_missing(store: Store, number: int, embedder: Embedder, cluster: ClusterConfig) -> int:
    """Give each text that has no vector in space `number` one; returns how many there were."""
    missing = store.missing(number)
    encoder = embedder.load() if 0 < len(missing) <= FEW else None
    with progress(len(missing), "encoding", "text") as bar:
        for start in range(0, len(missing), WINDOW):
            window = list(store.texts(missing[start : start + WINDOW]))
            batches = plan(window)
            vectors = _here(batches, embedder, encoder) if len(missing) <= FEW else _pool(batches, embedder, cluster)
            for ids, found in vectors:
                store.put_vectors(number, ids, found)
                bar.update(len(ids))
    return len(missing)


def plan(texts: Sequence[tuple[int, str]]) -> list[list[tuple[int, str]]]:
    """Batches of (id, text), the longest texts first: what takes longest must not come last. A batch holds as many as
    its longest text times their number allows."""
    batches: list[list[tuple[int, str]]] = []
    for item in sorted(texts, key=lambda item: (-len(item[1]), item[0])):
        last = batches[-1] if batches else []
        if last and len(last) < BATCH_TEXTS and (len(last) + 1) * len(last[0][1]) <= BATCH_CHARACTERS:
            last.append(item)
        else:
            batches.append([item])
    return batches


def _here(
    batches: Sequence[Sequence[tuple[int, str]]], embedder: Embedder, encoder: Any
) -> Iterator[tuple[list[int], np.ndarray]]:
    for batch in batches:
        yield [number for number, _ in batch], embedder.encode(encoder, [text for _, text in batch], "document")


def _pool(
    batches: Sequence[Sequence[tuple[int, str]]], embedder: Embedder, cluster: ClusterConfig
) -> Iterator[tuple[list[int], np.ndarray]]:
    """Over Ray Data: a block is a batch, and an actor encodes it as a whole."""
    import pyarrow as pa

    with connected(cluster) as use_gpu:
        import ray.data
        from ray.data import ActorPoolStrategy

        logging.getLogger("ray.data").setLevel(logging.ERROR)  # its plan, its progress: ours is the bar
        ray.data.DataContext.get_current().enable_progress_bars = False
        tables = [pa.table({"id": [n for n, _ in batch], "text": [text for _, text in batch]}) for batch in batches]
        encoded = ray.data.from_arrow(tables).map_batches(
            EncodingActor,
            fn_constructor_args=(embedder,),
            batch_size=None,
            batch_format="numpy",
            compute=ActorPoolStrategy(size=cluster.num_workers),
            num_cpus=cluster.cpus_per_worker,
            num_gpus=cluster.gpus_per_worker if use_gpu else None,
        )
        for batch in encoded.iter_batches(batch_size=None, batch_format="numpy"):
            yield batch["id"].tolist(), np.stack(batch["vector"])


class EncodingActor:
    """One encoder of the pool."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder, self._encoder = embedder, embedder.load()

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """{id, text} → {id, vector (N, H) float16}."""
        vectors = self._embedder.encode(self._encoder, batch["text"].tolist(), "document")
        return {"id": batch["id"], "vector": vectors.astype(np.float16)}
