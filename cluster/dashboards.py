"""The pages where runs can be watched: MLflow, Ray's dashboard and TensorBoard: `python -m cluster.dashboards`."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field
from rich.console import Console
from rich.table import Table

from common.config import Config, parse
from common.errors import UserError

_PATIENCE = 120.0
_POLL = 0.2


class DashboardsConfig(Config):
    """What to show, and where."""

    runs: Path = Path("runs")
    """Folder of the run folders, with MLflow's mlflow.db."""
    tracking_uri: str | None = None
    """MLflow's store; none = RUNS/mlflow.db."""
    mlflow_port: int = Field(5000, ge=1, le=65535)
    """Port of MLflow's page."""
    ray_port: int = Field(8265, ge=1, le=65535)
    """Port of Ray's dashboard."""
    tensorboard_port: int = Field(6006, ge=1, le=65535)
    """Port of TensorBoard."""
    head: bool = True
    """Also start a Ray head on this machine; otherwise Ray's dashboard is that of a cluster that is there already."""


@dataclass(frozen=True)
class Page:
    """A server with a page."""

    name: str
    port: int
    command: Sequence[str]
    """Nothing where somebody else started it."""
    shows: str

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self.port}"


def pages(config: DashboardsConfig) -> list[Page]:
    """The servers of a configuration."""
    runs = config.runs.absolute()
    python = (sys.executable, "-m")
    store = config.tracking_uri or f"sqlite:///{runs}/mlflow.db"
    head = (
        *(python[0], str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--disable-usage-stats"),
        *("--port", "0", "--dashboard-host", "127.0.0.1", "--dashboard-port", str(config.ray_port)),
    )
    return [
        Page("MLflow", config.mlflow_port,
             (*python, "mlflow", "server", "--backend-store-uri", store, "--host", "127.0.0.1",
              "--port", str(config.mlflow_port)),
             "runs, sweeps as parents with their trials, curves, the registry"),
        Page("Ray", config.ray_port, head if config.head else (), "nodes, jobs, actors, placement groups"),
        Page("TensorBoard", config.tensorboard_port,
             (*python, "tensorboard.main", "--logdir", str(runs), "--host", "127.0.0.1",
              "--port", str(config.tensorboard_port)),
             "trials of a sweep as Ray Tune logs them"),
    ]  # fmt: skip


def serve(config: DashboardsConfig) -> int:
    """Start what is to be started, print the addresses, and wait for Ctrl-C; ends what it started."""
    if not config.runs.is_dir():
        raise UserError(f"there is no folder {config.runs}", "run a job first, or name its folder with --runs")
    shown = pages(config)
    for page in shown:
        if page.command and _answers(page.port):
            raise UserError(f"port {page.port}, for {page.name}, is in use", f"give another --{_flag(page)}")
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores Ctrl-C unless told otherwise
        signal.signal(number, signal.default_int_handler)
    started: list[tuple[Page, subprocess.Popen[bytes]]] = []
    with tempfile.TemporaryDirectory(prefix="dashboards-", ignore_cleanup_errors=True) as logs:
        try:
            for page in shown:
                if page.command:
                    with (Path(logs) / page.name).open("wb") as log:
                        server = subprocess.Popen(page.command, stdout=log, stderr=log, start_new_session=True)
                        started.append((page, server))
            for page, process in started:
                _wait(page, process, Path(logs) / page.name)
            _show(shown, head=config.head)
            while all(process.poll() is None for _, process in started):
                time.sleep(_POLL)
            ended = next(page for page, process in started if process.poll() is not None)
            raise UserError(f"{ended.name} has ended", _tail(Path(logs) / ended.name))
        except KeyboardInterrupt:
            return 0
        finally:
            _end([process for _, process in started])


def _wait(page: Page, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while not _answers(page.port):
        if process.poll() is not None or time.monotonic() > until:
            raise UserError(f"{page.name} does not start on port {page.port}", _tail(log))
        time.sleep(_POLL)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End servers and what they have started: MLflow's workers outlive its own process."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
    for process in processes:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _show(shown: Sequence[Page], *, head: bool) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("page", "address", "shows"):
        table.add_column(name)
    for page in shown:
        table.add_row(page.name, page.address, page.shows)
    console = Console()
    console.print(table)
    if head:
        console.print("Jobs run on this head, and are seen there, with RAY_ADDRESS=auto or --cluster.address auto.")
        console.print("Where Ray's page, or its client, asks for a token: `ray get-auth-token`, RAY_AUTH_MODE=token.")
    console.print("Ctrl-C ends all of them.")


def _flag(page: Page) -> str:
    return f"{page.name.lower()}-port"


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").strip().splitlines()
    return f"its last line: {lines[-1] if lines else '(nothing)'}"


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    try:
        called = parse(
            DashboardsConfig, sys.argv[1:] if argv is None else argv, prog="python -m cluster.dashboards",
            description="Show MLflow, Ray's dashboard and TensorBoard until Ctrl-C.",
        )  # fmt: skip
        return serve(called.config)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
