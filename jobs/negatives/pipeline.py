"""Mining negatives, step by step: pairs, vectors, search, choice. Each is kept, so that a resubmission goes on.

Documents of dropped pairs stay in the pool: a document is a good negative whether or not it answers its own query.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from common.adapters.folder import adapter_digest, check
from common.errors import RunFolderError
from common.models.loading import Base, resolve
from common.retrieval.nearest import SearchRule
from common.runs import Result, RunFolder, write_text
from jobs.negatives.choice import ASIDE, OUTPUT, Choice
from jobs.negatives.config import MineNegativesConfig
from jobs.negatives.data import Pairs, Reader, prepare
from jobs.negatives.report import render
from jobs.negatives.search import NearestFiles, Vectors, search

REPORT = "report.md"


def mine_negatives(config: MineNegativesConfig) -> Result:
    """Run the job in its run folder, or go on with it; returns the result, also of a run that was complete already."""
    assert config.data.train is not None
    with RunFolder.open(_folder(config), config) as run:
        if done := run.result():
            return done
        run.log_to_file()
        base = resolve(config.model, config.encoder)
        model = _model(config, base)
        if run.step("model", lambda: {"digest": model})["digest"] != model:
            raise RunFolderError(
                f"the base or the adapter changed since the run in {run.path} began", "give a new --run-dir"
            )
        train = config.data.train
        counts = run.step("pairs", lambda: prepare(train, run.path))
        pairs = Pairs.open(run.path)
        vectors = Vectors.of(pairs, run.path / "vectors", model)
        _encode(config, base, pairs, vectors)
        files = NearestFiles(run.path / "nearest", len(pairs.store), config.depth + 1)
        methods = run.step("search", lambda: search(pairs, vectors, files, _rule(config), config.pool == "language"))
        found = run.step("choose", lambda: Choice(config, pairs, files, run.path).write())
        result = {
            "job": "mine_negatives",
            "source": train.name,
            "model": {"id": base.name, "digest": base.digest},
            "adapter": str(config.adapter or ""),
            "settings": config.model_dump(mode="json", exclude={"run_dir", "data", "model", "adapter"}),
            "pairs": counts,
            "pools": _pools(config, counts, methods),
            **found,
            "files": {name: str(run.path / name) for name in (OUTPUT, ASIDE, REPORT)},
        }
        write_text(run.path / REPORT, render(result))
        return run.finish(result)


def plan(config: MineNegativesConfig) -> str:
    """Counts, sizes and methods, once base and pairs have been looked at."""
    from transformers import AutoConfig

    assert config.data.train is not None
    base = resolve(config.model, config.encoder)
    if config.adapter:
        check(config.adapter, base)
    reader = Reader(config.data.train)
    documents: dict[str, set[int]] = {}
    queries: set[int] = set()
    characters = 0
    for pair in reader.pairs():
        pool = pair.language if config.pool == "language" else ""
        documents.setdefault(pool, set()).add(hash(pair.document))
        queries.add(hash(pair.query))
        characters += len(pair.document)
    distinct = len(set().union(*documents.values()))
    described = AutoConfig.from_pretrained(base.folder, local_files_only=True, trust_remote_code=base.trust_remote_code)
    vectors = (distinct + len(queries)) * described.hidden_size * 2
    nearest = reader.read * ((config.depth + 1) * 8 + 5)
    output = characters * (1 + config.per_query)
    rule = _rule(config)
    return "\n".join(
        [
            f"base      {base.name} (digest {base.digest[:12]}…)"
            + f", adapter {config.adapter}" * bool(config.adapter),
            f"pairs     {reader.read:,} good, {reader.bad:,} lines left out; {len(queries):,} distinct queries, "
            f"{distinct:,} distinct documents",
            *(
                f"pool      {name or 'all'}: {len(pool):,} documents, {rule.describe(len(pool))}"
                for name, pool in documents.items()
            ),
            f"disk      vectors {_size(vectors)}, nearest documents {_size(nearest)}, result at most about "
            f"{_size(output)}",
            f"run       {_folder(config)}",
        ]
    )


def _encode(config: MineNegativesConfig, base: Base, pairs: Pairs, vectors: Vectors) -> None:
    """Encode what no earlier submission did; the model is loaded only where something is missing."""
    if not vectors.queries.missing() and not vectors.documents.missing():
        return
    from common.models.encoder import Encoder

    encoder = Encoder.load(base, adapter=config.adapter, precision=config.precision)
    vectors.queries.fill(lambda rows: encoder.encode(pairs.texts("query", rows), "query"), "queries")
    vectors.documents.fill(lambda rows: encoder.encode(pairs.texts("document", rows), "document"), "documents")


def _model(config: MineNegativesConfig, base: Base) -> str:
    """Digest of what vectors depend on besides the texts; checks that the adapter fits the base."""
    if config.adapter:
        check(config.adapter, base)
    weights = adapter_digest(config.adapter) if config.adapter else None
    described = base.model_dump(mode="json", exclude={"folder", "name", "revision"})
    return hashlib.sha256(json.dumps([described, weights, config.precision]).encode()).hexdigest()


def _pools(config: MineNegativesConfig, counts: Result, methods: Result) -> Result:
    if config.pool == "all":
        return {"all": {"pairs": counts["read"], **methods["0"]}}
    languages = enumerate(counts["languages"].items())
    return {name: {"pairs": pairs, **methods[str(number)]} for number, (name, pairs) in languages}


def _rule(config: MineNegativesConfig) -> SearchRule:
    return SearchRule(config.search.exact_up_to, config.search.probes)


def _folder(config: MineNegativesConfig) -> Path:
    return config.run_dir or Path("runs/mine_negatives")


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
