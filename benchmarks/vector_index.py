"""The vector index beside exact search: `python -m benchmarks.vector_index`, on a million vectors made here.

Every layout is measured in turn with the exact float32 index, query by query, so that a busy machine slows both.
Recall@10 is against that index. `--probes` measures the rule: the recall of several numbers of probes. Of pq, which is
searched as loaded from its file, the recall is also printed for several numbers of candidates that are ranked again;
once is pq alone. Bytes are a vector's in memory and on disk.

The vectors are topics of subtopics of points, with power-law sizes, 384 dimensions and unit length. Mean, spectrum,
neighbours and local dimension were fitted to MiniLM's embeddings of the 3,108 training functions of the standard
library, and the place of queries to those of their documentation; `--compare` embeds them again and prints both. They
agree within 0.05 but for near copies (nearest at 95 %: 0.94 and 0.87), and lists find more of made vectors than of
real ones (recall 0.92 and 0.89 with 8 of 77), which the rule makes up for. How densely a million real ones lie cannot
be checked.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np

from benchmarks.harness import show, write
from common.retrieval.dense import unit
from common.retrieval.vector_index import VectorIndex
from common.retrieval.vector_rules import EXACT, Storage, VectorSettings

H, K, BATCH = 384, 10, 100
TIMED = 300  # queries that are timed
QUICK = 50_000
MEAN = 0.483  # length of the mean vector
SPECTRUM = ((1, 0.053), (4, 0.163), (16, 0.369), (64, 0.682), (128, 0.858), (256, 0.982), (384, 1.0))  # of the variance
LEVELS = (0.39, 0.23, 0.38)  # shares of the variance: between topics, between their subtopics, within those
SPREAD = 0.32  # how unequally far points lie from their subtopic, as the deviation of a logarithm
QUERY_GAP, QUERY_NOISE = 0.5, 0.7  # a query: a vector less so much of the mean, plus such a share of the variance
TOPICS, POINTS_PER_SUBTOPIC, SIZES = 113, 2.25, 0.47  # the group of rank r holds r^-SIZES of the largest

Measured = dict[str, Any]


class Mixture:
    """A source of vectors like those of sentences; the same seed gives the same ones."""

    def __init__(self, count: int, seed: int = 0) -> None:
        """For a corpus of `count` vectors."""
        self._random = np.random.default_rng(seed)
        basis, _ = np.linalg.qr(self._random.standard_normal((H, H)))
        self._basis = basis.T.astype(np.float32)
        ranks, shares = zip((0, 0.0), *SPECTRUM, strict=True)
        self._spectrum = np.diff(np.interp(np.arange(H + 1), ranks, shares))
        self._mean = MEAN * unit(self._random.standard_normal((1, H)))
        subtopics = max(TOPICS, int(count / POINTS_PER_SUBTOPIC))
        topics = self._normal(TOPICS, LEVELS[0])
        self._centres = self._normal(subtopics, LEVELS[1])
        self._centres += topics[self._random.choice(TOPICS, subtopics, p=self._sizes_of(TOPICS))]
        self._sizes = self._sizes_of(subtopics)

    def vectors(self, count: int) -> np.ndarray:
        """(count, H) float32 unit rows."""
        chosen = self._random.choice(len(self._centres), count, p=self._sizes)
        spread = np.exp(self._random.normal(0, SPREAD, (count, 1))).astype(np.float32)
        return unit(self._mean + self._centres[chosen] + spread * self._normal(count, LEVELS[2]))

    def queries(self, count: int) -> np.ndarray:
        """(count, H) float32 unit rows: vectors that are in no corpus, with noise."""
        return unit(self.vectors(count) - QUERY_GAP * self._mean + self._normal(count, QUERY_NOISE))

    def _normal(self, count: int, share: float) -> np.ndarray:
        """(count, H) with a share of the variance."""
        scale = np.sqrt(share * (1 - MEAN**2) * self._spectrum).astype(np.float32)
        return (self._random.standard_normal((count, H), dtype=np.float32) * scale) @ self._basis

    def _sizes_of(self, count: int) -> np.ndarray:
        sizes = np.arange(1, count + 1) ** -SIZES
        return self._random.permutation(sizes / sizes.sum())


def on_disk(mixture: Mixture, count: int, file: Path) -> np.ndarray:
    """(count, H) float32, mapped from `file`."""
    vectors = np.memmap(file, dtype=np.float32, mode="w+", shape=(count, H))
    for start in range(0, count, 50_000):
        vectors[start : start + 50_000] = mixture.vectors(min(50_000, count - start))
    return vectors


def exact_index(vectors: np.ndarray) -> VectorIndex:
    """The index that the others are compared with."""
    return VectorIndex.build(np.arange(len(vectors)), vectors, EXACT)


def recall(found: np.ndarray, wanted: np.ndarray) -> float:
    """Mean share of the ids wanted (Q, K) among those found."""
    return float((found[:, :, None] == wanted[:, None, :]).any(axis=1).mean())


@dataclass
class Clock:
    """Wall and processor seconds of one side's calls."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def time(self, search: Callable[[np.ndarray, int], Any], queries: Sequence[np.ndarray]) -> None:
        """Search with each entry (any, H) of `queries`."""
        for rows in queries:
            wall, cpu = time.perf_counter(), time.process_time()
            search(rows, K)
            self.wall.append(time.perf_counter() - wall)
            self.cpu.append(time.process_time() - cpu)


def speed(exact: VectorIndex, index: VectorIndex, queries: np.ndarray) -> Measured:
    """Both sides in turn: one query at a time, of which the exact side takes every tenth, and in batches."""
    one, ones, batch, batches = Clock(), Clock(), Clock(), Clock()
    for start in range(0, min(len(queries), TIMED), 10):
        one.time(exact.top, [queries[start : start + 1]])
        ones.time(index.top, list(queries[start : start + 10, None]))
    for start in range(0, min(len(queries), TIMED), BATCH):
        batch.time(exact.top, [queries[start : start + BATCH]])
        batches.time(index.top, [queries[start : start + BATCH]])
    return {
        "p50_ms": 1e3 * float(np.median(ones.wall)),
        "p99_ms": 1e3 * float(np.quantile(ones.wall, 0.99)),
        "exact_p50_ms": 1e3 * float(np.median(one.wall)),
        "exact_p99_ms": 1e3 * float(np.quantile(one.wall, 0.99)),
        "per_second": BATCH * len(batches.wall) / sum(batches.wall),
        "exact_per_second": BATCH * len(batch.wall) / sum(batch.wall),
        "single_ratio": float(np.median(one.wall) / np.median(ones.wall)),
        "batch_ratio": sum(batch.wall) / sum(batches.wall),
        "single_cpu_ratio": float(np.mean(one.cpu) / np.mean(ones.cpu)),
        "batch_cpu_ratio": sum(batch.cpu) / sum(batches.cpu),
    }


def measure(
    settings: VectorSettings, vectors: np.ndarray, exact: VectorIndex, queries: np.ndarray, truth: np.ndarray
) -> tuple[Measured, VectorIndex]:
    """The figures of one layout, beside those of the exact index in the same minutes."""
    started, cpu = time.perf_counter(), time.process_time()
    index = VectorIndex.build(np.arange(len(vectors)), vectors, settings)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vectors.index"
        index.save(file)
        size = file.stat().st_size / len(vectors)
        del index
        index = VectorIndex.load(file)  # pq: its full vectors are mapped from the file, which may be deleted then
    on_disk_only = 2 * H if settings.stored(settings.lists(len(vectors))) == "pq" else 0
    figures = {
        "kind": index.describe(),
        "recall": recall(index.top(queries, K)[0], truth),
        "build_seconds": seconds,
        "build_cpu_seconds": cpu,
        "bytes": size - on_disk_only,
        "disk_bytes": size,
        **speed(exact, index, queries),
    }
    return figures, index


def recalls(
    index: VectorIndex, queries: np.ndarray, truth: np.ndarray, option: str, values: Sequence[int]
) -> list[tuple[int, float]]:
    """Recall@10 with several values of one of the settings that a search goes by."""
    settings, found = index.settings, []
    for value in values:
        index.settings = settings.model_copy(update={option: value})
        found.append((value, recall(index.top(queries, K)[0], truth)))
    index.settings = settings
    return found


def likeness(documents: np.ndarray, queries: np.ndarray) -> dict[str, str]:
    """What makes vectors easy or hard to search, of at most some thousand documents (N, H) and queries (Q, H)."""
    cosines = documents @ documents.T
    others = ~np.eye(len(documents), dtype=bool)
    nearest = -np.sort(-np.where(others, cosines, -2), axis=1)[:, :20]
    variances = np.sort(np.linalg.eigvalsh(np.cov(documents.T)))[::-1]
    shares = np.cumsum(variances) / variances.sum()
    apart = np.sqrt(2 - 2 * np.minimum(nearest, 1))
    distinct = apart[apart[:, 0] > 0.05]  # near copies say nothing about dimension
    dimension = 1 / np.log(distinct[:, -1:] / distinct[:, :-1]).mean()
    found = np.sort(queries @ documents.T, axis=1)[:, ::-1]
    index = VectorIndex.build(np.arange(len(documents)), documents, VectorSettings(exact_up_to=0, probes=8))
    truth = np.argsort(-queries @ documents.T, axis=1)[:, :K]

    def quantiles(values: np.ndarray) -> str:
        return " ".join(f"{value:.2f}" for value in np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95)))

    return {
        "mean cosine ± deviation": f"{cosines[others].mean():.3f} ± {cosines[others].std():.3f}",
        "variance in the first 1, 4, 16, 64, 128, 256": " ".join(
            f"{shares[n - 1]:.2f}" for n in (1, 4, 16, 64, 128, 256)
        ),
        "nearest: cosine at 5, 25, 50, 75, 95 %": quantiles(nearest[:, 0]),
        "tenth: cosine at 5, 25, 50, 75, 95 %": quantiles(nearest[:, 9]),
        "local dimension (maximum likelihood, 20 nearest)": f"{dimension:.1f}",
        "query to nearest: cosine at 5, 25, 50, 75, 95 %": quantiles(found[:, 0]),
        "query to tenth: cosine at 5, 25, 50, 75, 95 %": quantiles(found[:, 9]),
        f"recall@10, {index.describe()}": f"{recall(index.top(queries, K)[0], truth):.3f}",
    }


def embedded(count: int) -> tuple[np.ndarray, np.ndarray]:
    """MiniLM's vectors of functions of the standard library (count, H), and of a fifth of their queries."""
    from common.corpora.stdlib import stdlib_corpus
    from common.models.encoder import Encoder
    from common.models.loading import resolve

    pairs, encoder = stdlib_corpus().train, Encoder.load(resolve("minilm"))
    chosen = [pairs[at] for at in np.random.default_rng(0).permutation(len(pairs))[:count]]
    documents = encoder.encode([pair.document for pair in chosen], "document")
    return unit(documents), unit(encoder.encode([pair.query for pair in chosen[: count // 5]], "query"))


def compare(count: int) -> None:
    """Print real and made vectors side by side."""
    documents, queries = embedded(count)
    mixture = Mixture(len(documents))
    real, made = likeness(documents, queries), likeness(mixture.vectors(len(documents)), mixture.queries(len(queries)))
    show(
        f"{len(documents):,} functions and as many made vectors",
        ["", "real", "made"],
        [[name, real[name], made[name]] for name in real],
    )
    write("vector_likeness", {"count": len(documents), "real": real, "made": made})


LAYOUTS = {
    f"{name}-{storage}": VectorSettings(storage=storage, exact_up_to=limit)
    for name, limit in (("lists", 0), ("exact", 10**9))
    for storage in get_args(Storage)
    if (name, storage) != ("exact", "pq")  # which is float16
}


def run(count: int, queries: int, layouts: Sequence[str], probes: bool, folder: Path) -> Measured:
    """The `layouts` of `count` vectors, which pass through a file in `folder`."""
    mixture = Mixture(count)
    vectors, asked = on_disk(mixture, count, folder / "vectors"), mixture.queries(queries)
    del mixture
    started = time.perf_counter()
    exact = exact_index(vectors)
    built = time.perf_counter() - started
    truth, _ = exact.top(asked, K)
    outcome: Measured = {"count": count, "queries": queries, "exact_build_seconds": built, "layouts": []}
    for settings in map(LAYOUTS.__getitem__, layouts):
        figures, index = measure(settings, vectors, exact, asked, truth)
        figures["recalls"] = {}
        if probes and (lists := settings.lists(count)):
            tried = sorted({max(1, lists // part) for part in (128, 96, 64, 48, 32, 24, 16, 8)})
            figures["recalls"]["probes"] = recalls(index, asked, truth, "probes", tried)
        if settings.storage == "pq":
            figures["recalls"]["refine"] = recalls(index, asked, truth, "refine", (1, 2, 4, 8, 16))
        outcome["layouts"].append(figures)
        del index
        print(figures, flush=True)
    return outcome


def table(outcome: Measured) -> None:
    """Print the figures of a run."""
    first = outcome["layouts"][0]
    rows = [
        [
            "exact, float32", "1.000", f"{first['exact_p50_ms']:.1f} / {first['exact_p99_ms']:.1f}",
            f"{first['exact_per_second']:,.0f}", f"{outcome['exact_build_seconds']:.0f}", f"{4 * H + 8} / {4 * H + 8}",
            "1.0×", "1.0×",
        ]
    ]  # fmt: skip
    for one in outcome["layouts"]:
        rows.append(
            [
                one["kind"], f"{one['recall']:.4f}", f"{one['p50_ms']:.1f} / {one['p99_ms']:.1f}",
                f"{one['per_second']:,.0f}", f"{one['build_seconds']:.0f}",
                f"{one['bytes']:.0f} / {one['disk_bytes']:.0f}",
                f"{one['single_ratio']:.1f}×", f"{one['batch_ratio']:.1f}×",
            ]
        )  # fmt: skip
    title = f"{outcome['count']:,} vectors; speed beside exact float32 in the same minutes, batches of {BATCH}"
    header = ["layout", "recall@10", "p50 / p99 ms", "queries/s", "build s", "bytes / on disk", "one query", "batch"]
    show(title, header, rows)
    for one in outcome["layouts"]:
        for option, found in one["recalls"].items():
            show(one["kind"], [option, "recall@10"], [[f"{value}", f"{share:.4f}"] for value, share in found])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} vectors")
    parser.add_argument("--layouts", nargs="+", choices=LAYOUTS, default=list(LAYOUTS))
    parser.add_argument("--probes", action="store_true", help="also the recall of several numbers of probes")
    parser.add_argument("--compare", type=int, nargs="?", const=3_108, metavar="FUNCTIONS", help="real beside made")
    given = parser.parse_args()
    if given.compare:
        compare(given.compare)
        return
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(QUICK if given.quick else given.count, given.queries, given.layouts, given.probes, Path(folder))
    table(outcome)
    write(f"vector_index_{outcome['count']}", outcome)


if __name__ == "__main__":
    main()
