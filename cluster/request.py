"""What is handed to the cluster: the command, its run folder and the resources of its driver.

Ray packs the working folder itself and honours `.gitignore` and `.rayignore` there, and it leaves out `.git` and
`.venv`: no list of excludes is kept here.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from common.config import read_yaml
from common.errors import ConfigError, UserError

JOB_PACKAGES = ("jobs", "tuning")
RUN_DIR = "--run-dir"
NODE_GROUP = "ray.io/node-group"
"""Label on the nodes that an autoscaler manages (`ray up`, KubeRay); nodes of `ray start` lack it."""


class PlacementError(UserError):
    """A request that no node of the cluster can ever hold."""


@dataclass(frozen=True)
class Node:
    """One living node: what it offers in total, whatever is busy at the moment."""

    ip: str
    resources: Mapping[str, float]
    labels: Mapping[str, str]
    head: bool = False


@dataclass(frozen=True)
class Request:
    """One submission; `arguments` is what Ray's client is called with."""

    entrypoint: tuple[str, ...]
    num_cpus: float = 1.0
    num_gpus: float = 0.0
    resources: Mapping[str, float] | None = None
    submission_id: str | None = None

    @property
    def needs(self) -> dict[str, float]:
        """What the driver reserves on one node; empty: it runs on the head."""
        wanted = {"CPU": self.num_cpus, "GPU": self.num_gpus, **(self.resources or {})}
        return {name: amount for name, amount in wanted.items() if amount > 0}

    @property
    def arguments(self) -> dict[str, Any]:
        return {
            "entrypoint": shlex.join(self.entrypoint),
            "runtime_env": {"working_dir": "."},
            "submission_id": self.submission_id,
            "entrypoint_num_cpus": self.num_cpus or None,
            "entrypoint_num_gpus": self.num_gpus or None,
            "entrypoint_resources": dict(self.resources or {}) or None,
        }


def split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our own flags, and the command after the first `--`."""
    given = list(argv)
    if "--" not in given:
        return given, []
    cut = given.index("--")
    return given[:cut], given[cut + 1 :]


def entrypoint(command: Sequence[str]) -> tuple[str, ...]:
    """The command to run; a bare `jobs.NAME …` stands for `python -m jobs.NAME …`."""
    if not command:
        raise ConfigError("nothing to submit", "put the command after --, as in `-- python -m jobs.train_search`")
    if command[0].split(".")[0] in JOB_PACKAGES and not Path(command[0]).exists():
        return ("python", "-m", *command)
    return tuple(command)


def job_module(command: Sequence[str]) -> str | None:
    """`jobs.NAME` or `tuning.NAME` where the command runs one, None for a command that is none of ours."""
    for flag, module in pairwise(command):
        if flag == "-m":
            return module if module.split(".")[0] in JOB_PACKAGES else None
    return None


def with_run_dir(command: Sequence[str], run_dir: Path | None, cwd: Path, *, same_machine: bool) -> tuple[str, ...]:
    """The command with an absolute run folder.

    A job runs in a temporary copy of the working folder, so a relative run folder would vanish with it. Where the
    whole cluster is this machine, it is taken relative to the folder in which the user stands; anywhere else only the
    user knows which storage the nodes share, and a relative or missing one is refused. A command that is none of our
    jobs is passed on as it is.
    """
    module = job_module(command)
    before, given, after = _cut(command)
    if run_dir is not None and given is not None:
        raise ConfigError(f"{RUN_DIR} is given twice, before and after --", "leave one of them out")
    if module is None and run_dir is None:
        return tuple(command)
    asked = run_dir or given or _in_yaml(command, cwd)
    if asked is not None and asked.is_absolute():
        return tuple(command) if asked != run_dir else (*command, RUN_DIR, str(asked))
    if not same_machine:
        what = f"{RUN_DIR} {asked} is relative" if asked else f"{module} has no {RUN_DIR}"
        raise ConfigError(
            f"{what}, and the cluster's nodes do not see this folder",
            f"give an absolute {RUN_DIR} on storage that all nodes share",
        )
    folder = cwd / (asked or Path("runs") / str(module).rsplit(".", 1)[-1])
    return (*before, RUN_DIR, str(folder), *after)


def check_placement(request: Request, nodes: Sequence[Node]) -> str | None:
    """None where a node can hold the driver, a remark where the autoscaler may add one; else `PlacementError`.

    All that a driver reserves must lie on one node, so sums over the cluster say nothing.
    """
    needs = request.needs
    if any(_holds(node, needs) for node in nodes) or not needs:
        return None
    wish = _listed(needs)
    if any(NODE_GROUP in node.labels for node in nodes):
        return f"no running node holds {wish}; the job waits until the autoscaler has added one"
    best = {name: max((node.resources.get(name, 0.0) for node in nodes), default=0.0) for name in needs}
    lacking = [f"{_amount(best[n])} {n}" for n in needs if best[n] < needs[n]]
    why = f"the most on any node is {', '.join(lacking)}" if lacking else "no single node has all of it"
    raise PlacementError(
        f"the driver asks for {wish}, and {why}: it would wait for ever",
        "lower --num-cpus, --num-gpus or --resources (--num-cpus 0 alone runs the driver on the head), or add a node",
    )


def follow_up(submission_id: str, address: str, env: Mapping[str, str]) -> list[str]:
    """The commands that ask for the logs and the status of a job, and stop it.

    The address goes in as a variable because one that is set in the user's shell would win over Ray's `--address`.
    """
    prefix = " ".join(f"{k}={shlex.quote(v)}" for k, v in {**env, "RAY_API_SERVER_ADDRESS": address}.items())
    return [f"{prefix} ray job {verb} {submission_id}" for verb in ("logs --follow", "status", "stop")]


def _cut(command: Sequence[str]) -> tuple[tuple[str, ...], Path | None, tuple[str, ...]]:
    """The command before its `--run-dir`, the folder, and what follows."""
    for place, word in enumerate(command):
        if word == RUN_DIR and place + 1 < len(command):
            return tuple(command[:place]), Path(command[place + 1]), tuple(command[place + 2 :])
        if word.startswith(RUN_DIR + "="):
            return tuple(command[:place]), Path(word.split("=", 1)[1]), tuple(command[place + 1 :])
    return tuple(command), None, ()


def _in_yaml(command: Sequence[str], cwd: Path) -> Path | None:
    """The `run_dir` of the job's configuration file: a flag of ours must not quietly replace it."""
    spaced = [after for word, after in pairwise(command) if word == "--config"]
    joined = [word.partition("=")[2] for word in command if word.startswith("--config=")]
    files = [cwd / name for name in (*spaced, *joined)]
    stored = read_yaml(files[0]).get("run_dir") if files and files[0].is_file() else None
    return Path(stored) if stored else None


def _holds(node: Node, needs: Mapping[str, float]) -> bool:
    return all(node.resources.get(name, 0.0) >= amount for name, amount in needs.items())


def _listed(resources: Mapping[str, float]) -> str:
    return " + ".join(f"{_amount(amount)} {name}" for name, amount in resources.items())


def _amount(value: float) -> str:
    return f"{value:g}"
