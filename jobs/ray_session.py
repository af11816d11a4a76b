"""Joining a Ray cluster: the one this job was submitted to, one at an address, or a local one of the right size."""

from __future__ import annotations

import contextlib
import logging
import math
import os
from collections.abc import Iterator

from pydantic import Field

from common.config import Config
from common.errors import UserError

log = logging.getLogger(__name__)


class ClusterConfig(Config):
    """Where the work runs."""

    address: str | None = None
    """Ray address (`auto`, HOST:PORT, ray://…); none = RAY_ADDRESS, or a local cluster for this run."""
    num_workers: int = Field(2, ge=1)
    """Ray Train workers; results do not depend on it."""
    use_gpu: bool | None = None
    """One GPU a worker; none = where the cluster has one for each."""
    cpus_per_worker: float = Field(1, gt=0)
    """CPUs, and threads, of each worker."""
    gpus_per_worker: float = Field(1, gt=0)
    """Share of a GPU that a worker takes, where it takes any: 0.5 lets two share one."""
    max_failures: int = Field(2, ge=0)
    """Times that lost workers are replaced before the run gives up."""


@contextlib.contextmanager
def connected(config: ClusterConfig) -> Iterator[bool]:
    """Connect for the duration of a job; yields whether workers get GPUs.

    A local cluster has as many CPUs as the workers need, so that it never waits for ever: logical CPUs are labels.
    Raises `UserError` at once where an existing cluster can never place the workers.
    """
    import ray

    joined = config.address or os.environ.get("RAY_ADDRESS")
    already = ray.is_initialized()
    if not already:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what Ray will do by default; ends a warning
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        needed = math.ceil(config.num_workers * config.cpus_per_worker)
        local = {} if joined else {"num_cpus": max(os.cpu_count() or 1, needed), "include_dashboard": False}
        # `local` by name: without an address Ray would join a head that somebody started on this machine
        ray.init(address=joined or "local", log_to_driver=False, logging_level=logging.WARNING, **local)
    try:
        yield _check(ray.cluster_resources(), config)
    finally:
        if not already:
            ray.shutdown()


def _check(resources: dict[str, float], config: ClusterConfig) -> bool:
    """Whether to use GPUs; raises `UserError` where the request can never be placed, warns where it must wait."""
    import ray

    gpus, cpus = resources.get("GPU", 0), resources.get("CPU", 0)
    wanted = config.num_workers * config.gpus_per_worker
    use_gpu = gpus >= wanted if config.use_gpu is None else config.use_gpu
    if use_gpu and gpus < wanted:
        raise UserError(
            f"{config.num_workers} workers with {_gpus(config.gpus_per_worker)} each do not fit a cluster of "
            f"{gpus:g} GPUs",
            "lower --cluster.num-workers or --cluster.gpus-per-worker, or give --no-cluster.use-gpu",
        )
    needed = config.num_workers * config.cpus_per_worker
    free = ray.available_resources().get("CPU", 0)
    if free < needed <= cpus:  # others may let go of theirs, but a submitted job's own driver will not
        log.warning(
            "%g of the cluster's %g CPUs are free and %d workers need %g: waiting. If the driver of this job holds the "
            "missing one, stop it and lower --cluster.num-workers.", free, cpus, config.num_workers, needed,
        )  # fmt: skip
    if cpus < needed:
        raise UserError(
            f"{config.num_workers} workers × {config.cpus_per_worker:g} CPUs do not fit a cluster of {cpus:g} CPUs",
            "lower --cluster.num-workers or --cluster.cpus-per-worker",
        )
    return use_gpu


def _gpus(count: float) -> str:
    return "a GPU" if count == 1 else f"{count:g} GPUs"
