"""What `train_search --dry-run` prints: base, adapter, data and steps, once they have been looked at."""

from __future__ import annotations

import tempfile
from pathlib import Path

from common.adapters.wrapping import check_fit
from common.models.loading import Base, resolve
from common.tracking import tracking_uri
from jobs.search.config import TrainSearchConfig
from jobs.search.data import languages_of, prepare
from jobs.search.pipeline import run_folder, schedule_of
from jobs.training.preflight import check_batches, check_negatives


def plan(config: TrainSearchConfig) -> str:
    """What the job would do, once base and data have been looked at."""
    base = resolve(config.model, config.encoder)
    with tempfile.TemporaryDirectory() as folder:
        if config.per_language:
            return _plan_per_language(config, base, Path(folder))
        return "\n".join([*_plan_one(config, base, Path(folder)), f"run       {run_folder(config)}"])


def _plan_per_language(config: TrainSearchConfig, base: Base, scratch: Path) -> str:
    """The plan of each language's run."""
    from jobs.search.language_wise import child

    lines: list[str] = []
    for language in languages_of(config.data):
        one = child(config, language, run_folder(config), None)
        lines += [f"{language}", *(f"  {line}" for line in _plan_one(one, base, scratch / language))]
    return "\n".join([*lines, f"run       {run_folder(config)}"])


def _plan_one(config: TrainSearchConfig, base: Base, scratch: Path) -> list[str]:
    check_fit(config.peft, base)
    corpus = prepare(config.data, scratch, config.cluster)
    schedule = schedule_of(config, len(corpus.train))
    check_batches(corpus.train, schedule)
    check_negatives(corpus.train, config.training)
    tests = ", ".join(f"{len(test.queries):,} test queries {name}".rstrip() for name, test in corpus.tests.items())
    return [
        f"base      {base.name} ({base.architecture}, {base.pooling} pooling, digest {base.digest[:12]}…)",
        f"adapter   {_adapter(config, base)}",
        f"data      {len(corpus.train):,} pairs; {len(corpus.dev.queries):,} dev queries; {tests}; "
        f"fingerprint {corpus.report.fingerprint[:12]}…",
        f"training  {schedule.steps:,} steps of {config.training.batch} pairs on "
        f"{config.cluster.num_workers} workers, {config.training.epochs:g} epochs",
        f"tracking  {tracking_uri(config.tracking, run_folder(config))}, experiment {config.tracking.experiment}",
    ]


def _adapter(config: TrainSearchConfig, base: Base) -> str:
    described = config.peft.describe(base.lora_targets, base.architecture)
    shown = [", ".join(value) if isinstance(value, list) else f"{key} {value:g}" if key != "method" else value
             for key, value in described.items()]  # fmt: skip
    return ", ".join(shown)
