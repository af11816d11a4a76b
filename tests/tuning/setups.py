"""Sweeps that are set up without data or models."""

from __future__ import annotations

from pathlib import Path

from common.tracking import TrackingConfig
from jobs.ray_session import ClusterConfig
from tuning.outcome import Trial
from tuning.setup import Setup

SWEPT = ("peft.method", "peft.rank", "training.learning_rate", "peft.targets")
DATA = {"fingerprint": "f" * 64, "pairs": 1000}


def setup(folder=Path("sweep"), **more):
    return Setup(**{"job": "train_search", "template": {"training": {"batch": 64}}, "swept": SWEPT, "folder": folder,
                    "metric": "mrr", "direction": "max", "data": DATA, "cluster": ClusterConfig(num_workers=1),
                    "tracking": TrackingConfig(), **more})  # fmt: skip


def trial(name, config=None, metric=0.4, status="finished", **more):
    return Trial(**{"id": str(name), "config": config or {}, "metric": metric, "status": status, "steps": 100,
                    "trained_steps": 100, **more})  # fmt: skip
