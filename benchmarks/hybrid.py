"""What the hybrid gains over its dense leg once its weights are chosen: `python -m benchmarks.hybrid [--adapter DIR]`.

Two sets. CosQA: the dev queries over the pool of all codes; weights are chosen on every second query and reported on
the others, and, crossed, every query is scored with the weights that the half without it has chosen. The standard
library: weights are chosen on the dev modules and reported on the test modules. The dense leg is the packaged MiniLM
as it comes, and with --adapter an adapter of it as well. Beside the chosen fusion stands RRF with equal weights.

The statement: hybrid ≥ dense ≥ BM25 in NDCG@10 on both sets, three points over dense on one of them, and no difference
whose 95 % interval lies below zero. CosQA needs the data: CODEADAPTERS_DATA, or ../shared/data. Vectors are kept in
--folder, so that a second run takes seconds.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import show, write
from common.corpora.beir import RetrievalSet
from common.metrics.bootstrap import interval
from common.metrics.ranking import PerQuery, Pool, Qrels, evaluate_block, join
from common.metrics.report import Means
from common.retrieval.weighting import EQUAL, Fusion, apply, choose

METRICS = ("ndcg@10", "mrr")
POINTS = 0.03


@dataclass(frozen=True)
class Scores:
    """Both legs' scores of queries over a pool."""

    queries: list[str]
    pool: Pool
    qrels: Qrels
    lexical: np.ndarray
    """(Q, D)"""
    dense: np.ndarray
    """(Q, D)"""

    def rows(self, start: int, step: int) -> Scores:
        """Every `step`-th query from `start` on."""
        part = slice(start, None, step)
        return Scores(self.queries[part], self.pool, self.qrels, self.lexical[part], self.dense[part])

    def choose(self, towards: float) -> Fusion:
        """The fusion that these queries choose."""
        return choose(self.lexical, self.dense, self.queries, self.pool, self.qrels, towards=towards)

    def measured(self, fusion: Fusion) -> dict[str, PerQuery]:
        """System → metrics of each query."""
        systems = {
            "bm25": self.lexical,
            "dense": self.dense,
            "equal": apply(EQUAL, self.lexical, self.dense),
            "hybrid": apply(fusion, self.lexical, self.dense),
        }
        return {
            system: evaluate_block(scores, self.queries, self.pool, self.qrels, metrics=METRICS)
            for system, scores in systems.items()
        }


def figures(measured: dict[str, PerQuery], fusions: list[Fusion]) -> dict[str, Any]:
    """Means and paired differences with their intervals, and which parts of the statement hold."""
    means = Means.of(measured, 0)
    metrics = means.to_json()
    differences = {
        pair: {metric: interval(column).to_json() for metric, column in means.difference(*pair.split(" − ")).items()}
        for pair in ("hybrid − dense", "equal − dense", "dense − bm25")
    }
    return {
        "queries": means.queries,
        "fusions": [asdict(fusion) for fusion in fusions],
        "metrics": metrics,
        "differences": differences,
        "holds": {
            "hybrid ≥ dense": differences["hybrid − dense"]["ndcg@10"]["value"] >= 0,
            "dense ≥ BM25": differences["dense − bm25"]["ndcg@10"]["value"] >= 0,
            "three points": differences["hybrid − dense"]["ndcg@10"]["value"] >= POINTS,
            "not below": differences["hybrid − dense"]["ndcg@10"]["high"] >= 0,
        },
    }


def cosqa(scores: Scores, towards: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """One half chooses and the other is reported; then both, each with the other's choice."""
    halves = [scores.rows(0, 2), scores.rows(1, 2)]
    fusions = [half.choose(towards) for half in halves]
    crossed = [half.measured(fusion) for half, fusion in zip(halves, reversed(fusions), strict=True)]
    yield "CosQA dev, other half", figures(crossed[1], fusions[:1])
    both = {system: join([part[system] for part in crossed]) for system in crossed[0]}
    yield "CosQA dev, crossed", figures(both, fusions)


def stdlib(dev: Scores, test: Scores, towards: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """The dev modules choose, the test modules are reported."""
    fusion = dev.choose(towards)
    yield "stdlib, test modules", figures(test.measured(fusion), [fusion])


def sets() -> dict[str, RetrievalSet]:
    """The three sets; exits with a sentence where CosQA is missing."""
    from common.corpora.stdlib import stdlib_corpus
    from jobs.search.config import EvaluationData
    from jobs.search.data import retrieval_sets

    data = Path(os.environ.get("CODEADAPTERS_DATA", Path(__file__).parents[2] / "shared" / "data")) / "cosqa"
    if not data.is_dir():
        sys.exit(f"no {data}; set CODEADAPTERS_DATA")
    (web,) = retrieval_sets(EvaluationData(source="cosqa", path=data, split="dev")).values()
    corpus = stdlib_corpus()
    return {"stdlib-dev": corpus.dev, "stdlib-test": corpus.test, "cosqa": web}


def scored(retrieval: dict[str, RetrievalSet], adapter: Path | None, folder: Path) -> dict[str, Scores]:
    """Both legs' scores on each set; vectors are kept in `folder`."""
    from common.models.loading import resolve
    from common.retrieval.dense import unit
    from common.retrieval.lexical import LexicalIndex
    from jobs.search.vectors import VectorFile, fill

    base, leg = resolve("minilm"), "adapter" if adapter else "base"
    files = {
        name: VectorFile(folder / f"{name}-{leg}.npz", one, base, adapter, "auto") for name, one in retrieval.items()
    }
    fill(files.values())
    found = {}
    for name, one in retrieval.items():
        vectors = files[name].read()
        assert vectors is not None, "the vectors were just made"
        ids = list(one.documents)
        lexical = LexicalIndex(ids, [document.content() for document in one.documents.values()])
        of_words = lexical.scores_matrix(list(one.queries.values()))
        cosines = unit(vectors[0]) @ unit(vectors[1]).T
        found[name] = Scores(list(one.queries), Pool.of(ids), one.qrels, of_words, cosines)
    return found


def described(fusion: dict[str, Any]) -> str:
    """`0.3 BM25, scores` or `0.3 BM25, RRF 60`."""
    kind = "scores" if fusion["method"] == "scores" else f"RRF {fusion['k']:g}"
    return f"{fusion['lexical']:g} BM25, {kind}"


def row(name: str, found: dict[str, Any], metric: str) -> list[str]:
    """One line of the table."""
    means = [
        f"{100 * found['metrics'][system][metric]['value']:.1f}" for system in ("bm25", "dense", "equal", "hybrid")
    ]
    gain = found["differences"]["hybrid − dense"][metric]
    points = f"{100 * gain['value']:+.1f} ({100 * gain['low']:+.1f} … {100 * gain['high']:+.1f})"
    return [name, *means, points, "; ".join(described(fusion) for fusion in found["fusions"])]


def main() -> None:
    """Score, choose, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--adapter", type=Path, help="an adapter of the packaged MiniLM, as a second dense leg")
    parser.add_argument("--folder", type=Path, help="keeps the vectors")
    parser.add_argument("--sets", default="cosqa,stdlib", help="cosqa, stdlib, or both")
    told = "BM25's weight where the queries cannot tell settings apart (default: none)"
    parser.add_argument("--towards", type=float, default=0.0, help=told)
    given = parser.parse_args()
    result: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        wanted = {name: one for name, one in sets().items() if name.split("-")[0] in given.sets.split(",")}
        for adapter in (None, given.adapter) if given.adapter else (None,):
            scores = scored(wanted, adapter, folder)
            leg = "adapter" if adapter else "base"
            if "cosqa" in scores:
                result |= {f"{name}, {leg}": found for name, found in cosqa(scores["cosqa"], given.towards)}
            if "stdlib-dev" in scores:
                measured = stdlib(scores["stdlib-dev"], scores["stdlib-test"], given.towards)
                result |= {f"{name}, {leg}": found for name, found in measured}
    for metric, label in zip(METRICS, ("NDCG@10", "MRR"), strict=True):
        header = ["set", "BM25", "dense", "RRF, equal", "hybrid", "hybrid − dense, 95 %", "chosen"]
        show(f"{label} ×100", header, [row(name, found, metric) for name, found in result.items()])
    for name, found in result.items():
        print(f"{name}:", ", ".join(f"{part}: {'yes' if holds else 'NO'}" for part, holds in found["holds"].items()))
    write("hybrid", {"towards": given.towards, "results": result})


if __name__ == "__main__":
    main()
