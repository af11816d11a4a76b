"""An index of real functions: built, brought up to date, searched: `python -m benchmarks.search_index`.

The tree is a copy of this interpreter's site-packages and standard library, up to --units units. Printed are the time
of a whole build and of one after a change of 1 % of the files, bytes per unit, and the latency of hybrid queries,
query encoding included, one after another in a warm process.

--hashed takes vectors of the same length from the texts' words instead of the model's: everything but the encoding of
the tree stays what it is, and the share of the second build is then of a build that is too fast. It says so.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sysconfig
import tempfile
import time
import zlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import show, write
from common.corpora.mining.languages import language_of
from common.corpora.mining.reading import Unusable, read_source
from common.corpora.mining.units import units_of
from common.errors import DataError
from common.retrieval.tokens import tokenise
from common.search.embedder import Embedder
from common.search.querying import AUTO, Queries
from jobs.indexing import pipeline
from jobs.indexing.config import BuildIndexConfig

CHANGED = 0.01


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--hashed", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, index = Path(folder) / "tree", Path(folder) / "index"
        queries = copy_tree(root, given.units, given.queries)
        config = BuildIndexConfig(source=root, run_dir=index)
        if given.hashed:
            pipeline.embedders_of = lambda config: [hashed(config)]  # type: ignore[assignment]
        whole = pipeline.build_index(config)
        changed = change(root)
        again = pipeline.build_index(config)
        took = latencies(index, queries)
    share = again["seconds"]["all"] / whole["seconds"]["all"]
    rows = [
        ["units, different texts", f"{whole['units']:,}, {whole['texts']:,}"],
        ["vectors", ("hashed, " if given.hashed else "") + "; ".join(whole["vectors"].values())],
        ["whole build", told(whole)],
        [f"after changing {changed:,} files", told(again)],
        ["share of the whole build", f"{100 * share:.1f} %" + " (of a build that encodes nothing)" * given.hashed],
        ["bytes per unit", f"{whole['bytes'] / whole['units']:,.0f}"],
        [f"{len(took)} hybrid queries", f"p50 {np.percentile(took, 50):.1f} ms, p99 {np.percentile(took, 99):.1f} ms"],
    ]
    show("an index of real functions", ["", ""], rows)
    write("search_index", {"whole": whole, "again": again, "share": share, "ms": took, "hashed": given.hashed})


def copy_tree(root: Path, units: int, wanted: int) -> list[str]:
    """Copy source files until they hold so many units; returns queries: first lines of some units' documentation."""
    found, documented = 0, []
    origins = {"installed": sysconfig.get_path("purelib"), "library": sysconfig.get_path("stdlib")}
    for name, origin in ((name, Path(path)) for name, path in origins.items()):
        for file in sorted(origin.rglob("*")):
            path = file.relative_to(origin)
            language = language_of(file.name)
            if found >= units or language is None or "site-packages" in path.parts:
                continue
            try:
                parsed = units_of(read_source(file, 1_000_000), str(path), language)
            except (Unusable, DataError):
                continue
            found += len(parsed.units)
            documented += [unit.documentation.split("\n")[0] for unit in parsed.units if unit.documentation]
            target = root / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    return random.Random(0).sample([line for line in documented if 3 <= len(line.split()) <= 20], wanted)


def change(root: Path) -> int:
    """Give 1 % of the files one more function."""
    files = sorted(file for file in root.rglob("*.py"))
    chosen = random.Random(1).sample(files, max(1, round(CHANGED * len(files))))
    for number, file in enumerate(chosen):
        with file.open("a", encoding="utf-8") as opened:
            opened.write(f"\n\ndef added_{number}(values):\n    return sorted(values)[{number}:]\n")
    return len(chosen)


def latencies(index: Path, queries: list[str]) -> list[float]:
    """Milliseconds of each query, the first ones left out."""
    from common.retrieval.filters import Filters

    took = []
    with closing(Queries(index)) as opened:
        for query in [*queries[:20], *queries]:
            started = time.perf_counter()
            searcher, _ = opened.searcher(query, AUTO, Filters(), None)
            searcher.search(query, opened.vector(searcher, query), top=10)
            took.append(1000 * (time.perf_counter() - started))
    return took[20:]


def told(result: dict[str, Any]) -> str:
    """The seconds of a build."""
    seconds = result["seconds"]
    stages = ", ".join(f"{stage} {seconds[stage]:.1f}" for stage in ("walk", "parse", "encode", "commit"))
    return f"{seconds['all']:.1f} s ({stages}; {sum(result['encoded'].values()):,} texts encoded)"


@dataclass(frozen=True)
class _Hashed(Embedder):
    """Vectors from words for the tree; queries are encoded by the model, since that is what they take."""

    def load(self) -> Any:
        return None

    def encode(self, encoder: Any, texts: Any, kind: Any, label: str = "") -> np.ndarray:
        vectors = np.full((len(texts), self.space.dimensions), 1e-3, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in tokenise(text):
                vectors[row, zlib.crc32(word.encode()) % self.space.dimensions] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def hashed(config: BuildIndexConfig) -> Embedder:
    """The base's embedder, without the model for documents."""
    from common.search.embedder import embedder

    return _Hashed(**vars(embedder(config.model, config.encoder, None, config.precision)))


if __name__ == "__main__":
    main()
