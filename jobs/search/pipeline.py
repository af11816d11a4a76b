"""The search-training job, step by step: corpus, training, evaluation, registration. Each finished step is kept."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from pathlib import Path

from common.adapters.folder import adapter_digest, check
from common.adapters.manifest import BaseReference, Manifest, write_manifest
from common.adapters.registry import register
from common.adapters.wrapping import check_fit
from common.corpora.beir import Document, RetrievalSet, read_beir
from common.corpora.pairs import read_pairs
from common.models.loading import Base, resolve
from common.runs import Result, RunFolder
from common.tracking import end_run
from jobs.lineage import LET_GO, Trial, start_tracking
from jobs.ray_session import connected
from jobs.search.config import TrainSearchConfig
from jobs.search.data import TRAIN, prepare
from jobs.training.preflight import check_batches, check_negatives
from jobs.training.recipe import TrainerInput
from jobs.training.sampling import Schedule

log = logging.getLogger(__name__)


def train_search(config: TrainSearchConfig) -> Result:
    """Run the job in its run folder, or go on with it; returns the result, also of a run that was complete already."""
    if config.per_language:
        from jobs.search.language_wise import train_per_language

        return train_per_language(config, run_folder(config))
    with RunFolder.open(run_folder(config), config) as run:
        if done := run.result():
            return done
        run.log_to_file()
        base = resolved(config)
        data, tracked = _before_training(config, run, base)
        trained = run.step("train", lambda: _train(config, base, data, tracked, run.path, None))
        scores = run.step("evaluate", lambda: _evaluate(config, base, data, run.path))
        adapter = run.step("register", lambda: _register(config, base, data, tracked, scores, run.path))
        if config.index:
            run.step("index", lambda: _index(config, base, data, run.path))
        return run.finish(
            {
                "job": "train_search",
                "model": {"id": base.name, "digest": base.digest},
                "adapter": adapter,
                "data": data,
                "training": trained,
                **scores,
                "tracking": tracked,
                "indexed": config.index,
                "run_dir": str(run.path),
            }
        )


def run_trial(config: TrainSearchConfig, trial: Trial) -> Result:
    """The job up to its trained adapter, as a trial of a sweep; returns the summary of the training.

    The folder is a run folder of the job: `train_search` on it goes on with the evaluation.
    """
    with RunFolder.open(run_folder(config), config, patience=LET_GO) as run:
        run.log_to_file()
        base = resolved(config)
        data, tracked = _before_training(config, run, base)

        def train() -> Result:
            trained = _train(config, base, data, tracked, run.path, trial)
            if trained["ended"] != "pause":
                _write_manifest(config, base, run.path, {}, {}, data["language"])
            return trained

        return train() if trial.pausing else run.step("train", train)


def run_folder(config: TrainSearchConfig) -> Path:
    """Where the run works."""
    return config.run_dir or Path("runs/train_search")


def resolved(config: TrainSearchConfig) -> Base:
    """The base, once the adapter to train, and the one to start from, are known to fit it."""
    base = resolve(config.model, config.encoder)
    check_fit(config.peft, base)
    if config.start:
        check(config.start, base)
    return base


def schedule_of(config: TrainSearchConfig, pairs: int) -> Schedule:
    """The batches of a run over so many pairs."""
    recipe = config.training
    return Schedule(pairs, recipe.batch, recipe.epochs, recipe.seed)


def _before_training(config: TrainSearchConfig, run: RunFolder, base: Base) -> tuple[Result, Result]:
    """The steps before any worker: what is said of data and tracking."""
    data = run.step("corpus", lambda: prepare_corpus(config, run.path))
    tracked = run.step(
        "tracking",
        lambda: start_tracking(
            "train_search", config, config.tracking, base_digest=base.digest, fingerprint=data["fingerprint"],
            folder=run.path,
        ),
    )  # fmt: skip
    return data, tracked


def prepare_corpus(config: TrainSearchConfig, folder: Path) -> Result:
    """Write pairs and retrieval sets to `folder`/data; returns what the result says of them."""
    corpus = prepare(config.data, folder / "data", config.cluster)
    check_batches(corpus.train, schedule_of(config, len(corpus.train)))  # before any worker starts
    check_negatives(corpus.train, config.training)
    log.info("%s", corpus.report.describe())
    corpus.write_sets(folder / "data")
    return {
        "source": config.data.source,
        "language": corpus.languages[0] if len(corpus.languages) == 1 else "all",
        "tests": list(corpus.tests),
        "root": corpus.root,
        "pairs": len(corpus.train),
        "fingerprint": corpus.report.fingerprint,
        "report": json.loads(json.dumps(asdict(corpus.report))),
    }


def _train(
    config: TrainSearchConfig, base: Base, data: Result, tracked: Result, folder: Path, trial: Trial | None
) -> Result:
    from jobs.training.trainer import fit

    job = TrainerInput(
        base=base,
        peft=config.peft,
        recipe=config.training,
        train=folder / "data" / TRAIN,
        dev=folder / "data" / "dev",
        start=config.start,
        output=folder / "adapter",
        metrics=folder / "metrics.jsonl",
        tracking_uri=tracked["uri"],
        tracking_run=tracked["run_id"],
        gate=trial.gate if trial else None,
        resume_from=trial.resume_from if trial else None,
    )
    with connected(config.cluster) as use_gpu:
        steps = schedule_of(config, data["pairs"]).steps
        tokens = trial.shared if trial else None
        return fit(job, config.cluster, folder / "ray", steps=steps, use_gpu=use_gpu, tokens=tokens)


def _evaluate(config: TrainSearchConfig, base: Base, data: Result, folder: Path) -> Result:
    from jobs.search.evaluation import Scoring, evaluate
    from jobs.search.languages import evaluate_sets

    _write_manifest(config, base, folder, {}, {}, "all")  # the loader checks an adapter against its manifest
    scoring = Scoring(base, folder, config.training.precision, config.training.seed)
    sets = held_out_sets(data, folder)
    if len(sets) > 1:
        return evaluate_sets(sets, scoring, dict.fromkeys(sets, folder / "adapter"))
    return evaluate(next(iter(sets.values())), scoring, folder / "adapter")


def held_out_sets(data: Result, folder: Path) -> dict[str, RetrievalSet]:
    """The test sets of a run whose corpus is prepared, by language."""
    return {
        name: replace(read_beir(folder / "data" / "test" / name)[0], name=f"{name or data['source']}, held out")
        for name in data["tests"]
    }


def _index(config: TrainSearchConfig, base: Base, data: Result, folder: Path) -> Result:
    """The corpus' documents, for `jobs.search_code`; those that were held out included."""
    from common.retrieval.vector_rules import VectorSettings
    from common.search.embedder import embedder
    from jobs.indexing.corpus import files_of
    from jobs.indexing.pipeline import index_units

    seen = {pair.document: pair for pair in read_pairs(folder / "data" / TRAIN).pairs}
    documents = [
        (f"train-{number}", Document(pair.document, metadata={**pair.extra, "language": pair.language}))
        for number, pair in enumerate(seen.values())
    ]
    for held in (read_beir(folder / "data" / "dev")[0], *held_out_sets(data, folder).values()):
        documents += held.documents.items()
    adapter = embedder(config.model, config.encoder, str(folder / "adapter"), config.training.precision)
    root = Path(data["root"]) if data["root"] else None
    return index_units(folder / "index", files_of(documents), [adapter], VectorSettings(), config.cluster, root)


def _register(
    config: TrainSearchConfig, base: Base, data: Result, tracked: Result, scores: Result, folder: Path
) -> Result:
    adapter = folder / "adapter"
    mean = scores.get("macro", scores)
    kept = ("dataset", "metrics", "ceiling", "languages", "macro", "fusion")
    summary: Result = {key: scores[key] for key in kept if key in scores}
    described = {key: data[key] for key in ("source", "pairs", "fingerprint")}
    if config.start:
        described["started_from"] = adapter_digest(config.start)
    manifest = _write_manifest(config, base, folder, described, summary, data["language"])
    manifest = register(adapter, manifest, uri=tracked["uri"], run_id=tracked["run_id"], alias=config.alias)
    final = {
        f"{system}/{metric}": value["value"]
        for system, metrics in mean["metrics"].items()
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


def _faded(factor: float) -> dict[str, float]:
    return {"interpolation": factor} if factor < 1 else {}


def _write_manifest(
    config: TrainSearchConfig, base: Base, folder: Path, data: Result, scores: Result, language: str
) -> Manifest:
    manifest = Manifest(
        name=config.name or f"search-{language}",
        task="search",
        language=language,
        base=BaseReference(id=base.name, revision=base.revision, digest=base.digest),
        peft=config.peft.describe(base.lora_targets, base.architecture) | _faded(config.training.interpolate),
        prompts={"query": base.query_prompt, "document": base.document_prompt},
        pooling=base.pooling,
        max_length=base.max_length,
        data=data,
        scores=scores,
        digest=adapter_digest(folder / "adapter"),
    )
    write_manifest(folder / "adapter", manifest)
    return manifest
