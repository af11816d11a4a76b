"""What this machine and the cluster offer, one line a check with its remedy: `python -m cluster.doctor`."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from packaging.requirements import Requirement
from pydantic import Field

from cluster import checks, facts, tokens
from cluster.checks import Check
from cluster.client import ADDRESS, ConnectError, connect
from cluster.request import Node
from common.config import Config, parse
from common.errors import UserError

PACKAGES = ("ray", "torch", "transformers", "peft", "mlflow", "bitsandbytes")
MARKS = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[red]FAIL[/]"}


class DoctorConfig(Config):
    """What to look at."""

    address: str | None = None
    """Job server, such as http://HEAD:8265. Default: RAY_API_SERVER_ADDRESS, RAY_ADDRESS, a cluster on this machine."""
    as_json: bool = Field(default=False, alias="json")
    """Print a JSON list in place of the table."""


def machine() -> list[Check]:
    """This machine, its packages and what they see."""
    project = facts.project()
    count, total = facts.cores(), facts.memory()
    here = Path.cwd()
    pinned = [(Requirement(line).name, line) for line in project["dependencies"]]
    return [
        checks.python(".".join(map(str, sys.version_info[:3])), project["requires-python"]),
        checks.cores(count, facts.cpu_limit()),
        checks.memory(total, facts.memory_limit()),
        checks.disk(shutil.disk_usage(here).free, str(here)),
        checks.shared_memory(facts.shared_memory(), total),
        *(checks.package(line, facts.version(name)) for name, line in pinned if name in PACKAGES),
        checks.gpu(facts.gpus(), driver=shutil.which("nvidia-smi") is not None),
        checks.bf16(facts.cpu_bf16()),
        checks.threads(os.environ.get("OMP_NUM_THREADS"), count),
        checks.hub(*facts.hub()),
        checks.encoder(facts.packaged_encoder()),
        checks.sandbox(facts.sandbox(), facts.switches(), user=os.geteuid(), container=facts.container()),
    ]


def cluster(address: str | None) -> list[Check]:
    """The token, the cluster, and whether the demo fits on it, or on this machine where there is none."""
    named = address or os.environ.get(ADDRESS) or os.environ.get("RAY_ADDRESS")
    try:
        token = tokens.find(os.environ, Path.home())
    except UserError as error:
        return [Check("ray token", "fail", error.message, error.remedy)]
    lines = [checks.token(token, os.environ.get(tokens.MODE))]
    nodes: list[Node] = []
    found, trouble = None, None
    if facts.version("ray"):
        try:
            reached = connect(address)
            found, nodes = reached.address, reached.nodes()
        except UserError as error:
            trouble = error if named or not isinstance(error, ConnectError) else None
    cpus = sum(node.resources.get("CPU", 0.0) for node in nodes) if nodes else facts.cpu_limit() or facts.cores()
    return [*lines, *checks.cluster(found, nodes, trouble, unlocked=token is None), checks.demo(cpus)]


def table(lines: Sequence[Check]) -> None:
    """Print the checks; on a terminal as wide as it is, into a pipe wide enough not to wrap remedies."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console() if sys.stdout.isatty() else Console(width=160)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("", "check", "found", "remedy"):
        grid.add_column(column, overflow="fold")
    for line in lines:
        grid.add_row(MARKS[line.status], line.name, escape(line.found), escape(line.remedy))
    console.print(grid)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; exit status 1 if a check failed, 2 for a mistake on the command line."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        called = parse(
            DoctorConfig,
            sys.argv[1:] if argv is None else argv,
            prog="python -m cluster.doctor",
            description="Say what this machine and the Ray cluster offer, and how to mend what is missing.",
        )
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    lines = [*machine(), *cluster(called.config.address)]
    if called.config.as_json:
        print(json.dumps([asdict(line) for line in lines], indent=2, ensure_ascii=False))
    else:
        table(lines)
    return 1 if any(line.status == "fail" for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
