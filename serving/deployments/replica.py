"""What replicas with a model have in common."""

from __future__ import annotations

import os

from serving.config import ReplicaConfig


def set_threads(config: ReplicaConfig) -> None:
    """Give this process as many threads of arithmetic as it was told: Ray counts CPUs, but torch must be told."""
    import torch

    whole = int(config.num_cpus) if config.num_cpus >= 1 else os.cpu_count() or 1
    torch.set_num_threads(config.threads or whole)
