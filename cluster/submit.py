"""Hand a job to a Ray cluster and follow it: `python -m cluster.submit [flags] -- python -m jobs.NAME …`."""

from __future__ import annotations

import asyncio
import logging
import shlex
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pydantic import Field

from cluster.client import Cluster, connect, explained, is_this_machine
from cluster.request import Request, check_placement, entrypoint, follow_up, split, with_run_dir
from common.cli import Job, run
from common.config import JobConfig
from common.errors import UserError
from common.runs import Result

log = logging.getLogger(__name__)
POLL_S = 1.0


class SubmitConfig(JobConfig):
    """Where the job goes and what its driver reserves there."""

    address: str | None = None
    """Job server, such as http://HEAD:8265. Default: RAY_API_SERVER_ADDRESS, RAY_ADDRESS, a cluster on this machine."""
    run_dir: Path | None = None
    """The job's run folder, passed on as its --run-dir; a relative one only where the cluster is this machine."""
    num_cpus: float = Field(default=1.0, ge=0)
    """CPUs for the driver, which keep it off a head without any; 0 with no other resource: it runs on the head."""
    num_gpus: float = Field(default=0.0, ge=0)
    """GPUs for the driver itself; the workers that it starts ask for their own."""
    resources: dict[str, float] = Field(default_factory=dict)
    """Other resources for the driver, NAME=AMOUNT; cpu_pool=1 keeps it off the GPU nodes of ray-cluster.yaml."""
    submission_id: str | None = None
    """Name of the submission, new each time. Default: Ray makes one up."""
    wait: bool = True
    """Follow the logs until the job ends; without it, return as soon as the cluster has the job."""


class JobFailed(UserError):
    """A job that ended in any other way than by success."""


def prepare(config: SubmitConfig, command: Sequence[str]) -> tuple[Cluster, Request]:
    """Reach the cluster and build the request for it; every mistake that can be seen beforehand is raised here."""
    command = entrypoint(command)
    cluster = connect(config.address)
    nodes = cluster.nodes()
    request = Request(
        entrypoint=with_run_dir(command, config.run_dir, Path.cwd(), same_machine=is_this_machine(nodes)),
        num_cpus=config.num_cpus,
        num_gpus=config.num_gpus,
        resources=config.resources,
        submission_id=config.submission_id,
    )
    if remark := check_placement(request, nodes):
        log.warning(remark)
    return cluster, request


def plan(config: SubmitConfig, command: Sequence[str]) -> str:
    """What would be submitted, to which cluster."""
    cluster, request = prepare(config, command)
    needs = ", ".join(f"{amount:g} {name}" for name, amount in request.needs.items()) or "nothing, on the head"
    return f"cluster: {cluster.address}\nreserves: {needs}\nruns: {shlex.join(request.entrypoint)}"


def submit(config: SubmitConfig, command: Sequence[str]) -> Result:
    """Submit, and unless told otherwise wait; raises `JobFailed` for a job that did not succeed."""
    cluster, request = prepare(config, command)
    with explained(cluster.address):
        name = cluster.client.submit_job(**request.arguments)
    lines = follow_up(name, cluster.address, cluster.auth_env)
    log.info("submitted %s; from any shell on this machine:\n  %s", name, "\n  ".join(lines))
    if not config.wait:
        return {"submission_id": name, "status": "PENDING", "address": cluster.address}
    logs, _, stop = lines
    try:
        status, message = follow(cluster, name)
    except KeyboardInterrupt:
        raise UserError(f"stopped following; {name} goes on in the cluster", f"`{stop}` ends it") from None
    if status != "SUCCEEDED":
        raise JobFailed(f"{name} {status}: {message}", f"`{logs}` shows all of its output")
    return {"submission_id": name, "status": status, "address": cluster.address}


def follow(cluster: Cluster, name: str) -> tuple[str, str]:
    """Copy the job's output to ours until it ends; returns its status and what Ray says about it."""

    async def copy() -> None:
        async for text in cluster.client.tail_job_logs(name):
            sys.stdout.write(text)
            sys.stdout.flush()

    try:
        asyncio.run(copy())
    except (RuntimeError, OSError) as error:  # the stream may break while the job goes on: its status decides
        log.warning("lost the log stream of %s (%s); waiting for the job", name, error)
    while True:
        with explained(cluster.address):
            info = cluster.client.get_job_info(name)
        if info.status.is_terminal():
            said, _, _ = (info.message or "").partition(", last available logs")  # these were just printed
            return info.status.value, " ".join(said.split())[:500]
        time.sleep(POLL_S)


def main(argv: Sequence[str] | None = None) -> int:
    """Split at `--`, then the frame of every job."""
    own, command = split(sys.argv[1:] if argv is None else argv)
    job = Job(
        name="cluster.submit",
        description="Submit a job to a Ray cluster and follow it.\n\n"
        "  python -m cluster.submit [flags below] -- python -m jobs.NAME --config FILE ...",
        config=SubmitConfig,
        main=partial(submit, command=command),
        plan=partial(plan, command=command),
        show=lambda result: f"{result['submission_id']} {result['status']}",
    )
    return run(job, own)


if __name__ == "__main__":
    sys.exit(main())
