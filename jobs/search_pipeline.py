"""The search-training job, step by step: corpus, training, evaluation, registration. Each finished step is kept."""

from __future__ import annotations

import json
import logging
import sysconfig
from dataclasses import asdict, replace
from pathlib import Path

from common.adapters.folder import adapter_digest
from common.adapters.manifest import BaseReference, Manifest, write_manifest
from common.adapters.registry import register
from common.corpora.beir import Document, read_beir, write_beir
from common.corpora.pairs import read_pairs, write_pairs
from common.corpora.search_corpus import SearchCorpus
from common.models.loading import Base, resolve
from common.runs import Result, RunFolder
from common.tracking import end_run, start_run, tracking_uri
from jobs.ray_session import connected
from jobs.search_config import TrainSearchConfig
from jobs.search_data import corpus_of
from jobs.training.preflight import check_batches
from jobs.training.recipe import TrainerInput
from jobs.training.sampling import Schedule

log = logging.getLogger(__name__)


def train_search(config: TrainSearchConfig) -> Result:
    """Run the job in its run folder, or go on with it; returns the result, also of a run that was complete already."""
    with RunFolder.open(_folder(config), config) as run:
        if done := run.result():
            return done
        run.log_to_file()
        base = resolve(config.model, config.encoder)
        data = run.step("corpus", lambda: _prepare(config, run.path))
        tracked = run.step("tracking", lambda: _start(config, base, data, run.path))
        trained = run.step("train", lambda: _train(config, base, data, tracked, run.path))
        scores = run.step("evaluate", lambda: _evaluate(config, base, run.path))
        adapter = run.step("register", lambda: _register(config, base, data, tracked, scores, run.path))
        if config.index:
            run.step("index", lambda: _index(config, base, run.path))
        return run.finish(
            {
                "job": "train_search",
                "model": {"id": base.name, "digest": base.digest},
                "adapter": adapter,
                "data": data,
                "training": trained,
                **scores,
                "tracking": tracked,
                "run_dir": str(run.path),
            }
        )


def plan(config: TrainSearchConfig) -> str:
    """What the job would do, once base and data have been looked at."""
    base = resolve(config.model, config.encoder)
    corpus = corpus_of(config.data)
    schedule = _schedule(config, len(corpus.train))
    check_batches(corpus.train, schedule)
    return "\n".join(
        [
            f"base      {base.name} ({base.architecture}, {base.pooling} pooling, digest {base.digest[:12]}…)",
            f"adapter   {config.peft.method}, rank {config.peft.rank}, alpha {config.peft.alpha:g}, on "
            + ", ".join(config.peft.targets or base.lora_targets),
            f"data      {len(corpus.train):,} pairs; {len(corpus.dev.queries):,} dev and "
            f"{len(corpus.test.queries):,} test queries; fingerprint {corpus.report.fingerprint[:12]}…",
            f"training  {schedule.steps:,} steps of {config.training.batch} pairs on "
            f"{config.cluster.num_workers} workers, {config.training.epochs:g} epochs",
            f"tracking  {tracking_uri(config.tracking, _folder(config))}, experiment {config.tracking.experiment}",
            f"run       {_folder(config)}",
        ]
    )


def _folder(config: TrainSearchConfig) -> Path:
    return config.run_dir or Path("runs/train_search")


def _schedule(config: TrainSearchConfig, pairs: int) -> Schedule:
    recipe = config.training
    return Schedule(pairs, recipe.batch, recipe.epochs, recipe.seed)


def _prepare(config: TrainSearchConfig, folder: Path) -> Result:
    corpus: SearchCorpus = corpus_of(config.data)
    check_batches(corpus.train, _schedule(config, len(corpus.train)))  # before any worker starts
    log.info("%s", corpus.report.describe())
    write_pairs(folder / "data" / "train.jsonl", corpus.train)
    write_beir(folder / "data" / "dev", corpus.dev)
    write_beir(folder / "data" / "test", corpus.test)
    languages = {pair.language for pair in corpus.train}
    return {
        "source": config.data.source,
        "language": languages.pop() if len(languages) == 1 else "all",
        "root": sysconfig.get_paths()["stdlib"] if config.data.source == "stdlib" else "",
        "pairs": len(corpus.train),
        "fingerprint": corpus.report.fingerprint,
        "report": json.loads(json.dumps(asdict(corpus.report))),
    }


def _start(config: TrainSearchConfig, base: Base, data: Result, folder: Path) -> Result:
    uri = tracking_uri(config.tracking, folder)
    tags = {"job": "train_search", "base_digest": base.digest, "data_fingerprint": data["fingerprint"]}
    run_id = start_run(uri, config.tracking.experiment, folder.name, config.model_dump(mode="json"), tags)
    return {"uri": uri, "experiment": config.tracking.experiment, "run_id": run_id}


def _train(config: TrainSearchConfig, base: Base, data: Result, tracked: Result, folder: Path) -> Result:
    from jobs.training.trainer import fit

    job = TrainerInput(
        base=base,
        peft=config.peft,
        recipe=config.training,
        train=folder / "data" / "train.jsonl",
        dev=folder / "data" / "dev",
        output=folder / "adapter",
        metrics=folder / "metrics.jsonl",
        tracking_uri=tracked["uri"],
        tracking_run=tracked["run_id"],
    )
    with connected(config.cluster) as use_gpu:
        steps = _schedule(config, data["pairs"]).steps
        return fit(job, config.cluster, folder / "ray", steps=steps, use_gpu=use_gpu)


def _evaluate(config: TrainSearchConfig, base: Base, folder: Path) -> Result:
    from jobs.search_evaluation import evaluate

    _write_manifest(config, base, folder, {}, {}, "all")  # the loader checks an adapter against its manifest
    retrieval = read_beir(folder / "data" / "test")[0]
    return evaluate(
        replace(retrieval, name=f"{config.data.source}, held out"),
        base,
        adapter=folder / "adapter",
        precision=config.training.precision,
        seed=config.training.seed,
        vectors=folder / "vectors",
    )


def _index(config: TrainSearchConfig, base: Base, folder: Path) -> Result:
    from jobs.search_index import build

    seen = {pair.document: pair for pair in read_pairs(folder / "data" / "train.jsonl").pairs}
    documents = [Document(pair.document, metadata={**pair.extra, "language": pair.language}) for pair in seen.values()]
    for split in ("dev", "test"):
        documents += read_beir(folder / "data" / split)[0].documents.values()
    return build(folder / "index", documents, base, folder / "adapter", config.training.precision)


def _register(
    config: TrainSearchConfig, base: Base, data: Result, tracked: Result, scores: Result, folder: Path
) -> Result:
    adapter = folder / "adapter"
    summary = {key: scores[key] for key in ("dataset", "metrics", "ceiling")}
    described = {key: data[key] for key in ("source", "pairs", "fingerprint")}
    manifest = _write_manifest(config, base, folder, described, summary, data["language"])
    manifest = register(adapter, manifest, uri=tracked["uri"], run_id=tracked["run_id"], alias=config.alias)
    final = {
        f"{system}/{metric}": value["value"]
        for system, metrics in scores["metrics"].items()
        for metric, value in metrics.items()
    }
    end_run(tracked["uri"], tracked["run_id"], final)
    return {
        "path": str(adapter),
        "name": manifest.name,
        "version": manifest.version,
        "alias": config.alias,
        "digest": manifest.digest,
    }


def _write_manifest(
    config: TrainSearchConfig, base: Base, folder: Path, data: Result, scores: Result, language: str
) -> Manifest:
    manifest = Manifest(
        name=config.name or f"search-{language}",
        task="search",
        language=language,
        base=BaseReference(id=base.name, revision=base.revision, digest=base.digest),
        peft={**config.peft.model_dump(mode="json"), "targets": list(config.peft.targets or base.lora_targets)},
        prompts={"query": base.query_prompt, "document": base.document_prompt},
        pooling=base.pooling,
        max_length=base.max_length,
        data=data,
        scores=scores,
        digest=adapter_digest(folder / "adapter"),
    )
    write_manifest(folder / "adapter", manifest)
    return manifest
