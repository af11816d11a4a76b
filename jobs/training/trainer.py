"""Starting the loop on Ray Train, and going on with a run that was interrupted."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.errors import UserError
from jobs.ray_session import ClusterConfig
from jobs.training.progress import progress_bar
from jobs.training.recipe import SHARED, TrainerInput

RUN_NAME = "train"


def fit(
    job: TrainerInput, cluster: ClusterConfig, storage: Path, *, steps: int, use_gpu: bool, tokens: Any = None
) -> dict[str, Any]:
    """Train a search adapter for `steps` steps on the connected cluster; returns the summary of the finished run.

    `tokens`: a reference to `PairTokens` that several runs share.
    """
    raw = job.model_dump(mode="json") | ({SHARED: tokens} if tokens is not None else {})
    return launch(_contrastive, raw, cluster, storage, curve=job.metrics, steps=steps, use_gpu=use_gpu)


def _contrastive(raw: dict[str, Any]) -> dict[str, Any]:
    """The workers import transformers, and whoever starts them need not: a sweep starts many."""
    from jobs.training.contrastive import train_worker

    return train_worker(raw)


def launch(
    worker: Callable[[dict[str, Any]], dict[str, Any]], raw: dict[str, Any], cluster: ClusterConfig, storage: Path,
    *, curve: Path, steps: int, use_gpu: bool,
) -> dict[str, Any]:  # fmt: skip
    """Run `worker(raw)` on each Ray Train worker, with a bar fed by the file `curve`; returns what rank 0 returned.

    Ray finds the last committed checkpoint by storage path and run name, so calling this again after an interruption
    goes on from there. A lost worker is replaced up to `cluster.max_failures` times. Raises `UserError` where workers
    return `{"error", "remedy"}`.
    """
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.5")  # every report waits for the next one: 2 s
    import ray.train
    from ray.train.torch import TorchTrainer
    from ray.train.v2.api.exceptions import TrainingFailedError

    trainer = TorchTrainer(
        worker,
        train_loop_config=raw,
        scaling_config=ray.train.ScalingConfig(
            num_workers=cluster.num_workers,
            use_gpu=use_gpu,
            resources_per_worker={
                "CPU": cluster.cpus_per_worker,
                **({"GPU": cluster.gpus_per_worker} if use_gpu else {}),
            },
        ),
        run_config=ray.train.RunConfig(
            name=RUN_NAME,
            storage_path=str(storage.absolute()),
            failure_config=ray.train.FailureConfig(max_failures=cluster.max_failures),
            checkpoint_config=ray.train.CheckpointConfig(num_to_keep=2),
        ),
    )
    try:
        with progress_bar(curve, steps):
            outcome = trainer.fit().return_value
    except TrainingFailedError as error:
        raise _explained(error, storage) from error
    if "error" in outcome:
        raise UserError(outcome["error"], outcome["remedy"])
    return outcome


def _explained(error: Exception, storage: Path) -> Exception:
    """A full disk is the user's to mend; anything else stays Ray's error with its traceback."""
    if "No space left on device" in str(error):
        return UserError(f"no space left under {storage.parent}", "free some; the same command goes on from here")
    return error
