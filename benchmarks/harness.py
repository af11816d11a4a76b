"""Running each side in a process of its own, in turn, and setting the figures side by side.

A side is `python -m MODULE --side NAME FILE`, which measures and writes JSON to FILE. Processes of their own keep
thread pools and memory apart; turns spread a noisy neighbour over all sides; the median of the rounds counts.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


def in_turn(module: str, sides: Sequence[str], rounds: int, extra: Sequence[str] = ()) -> dict[str, list[dict]]:
    """Run every side `rounds` times, in turn; returns each side's outcomes, with the peak memory of its processes."""
    outcomes: dict[str, list[dict]] = {side: [] for side in sides}
    for number in range(rounds):
        for side in sides:
            print(f"round {number + 1} of {rounds}: {side}", file=sys.stderr, flush=True)
            outcomes[side].append(run_side(module, side, extra))
    return outcomes


def run_side(module: str, side: str, extra: Sequence[str] = ()) -> dict[str, Any]:
    """One process, waited for; raises with the end of its output where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--side", side, str(out), *extra],
            env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        peak = _PeakMemory(process.pid)
        output, _ = process.communicate()
        gigabytes = peak.stop()
        if process.returncode:
            raise RuntimeError(f"{module} --side {side} failed:\n{output[-3000:]}")
        return {**json.loads(out.read_text("utf-8")), "peak_gb": gigabytes}


class _PeakMemory:
    """Largest summed private memory (USS) of a process and its children, sampled four times a second, in GB."""

    def __init__(self, pid: int) -> None:
        self._pid, self._peak, self._done = pid, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        while not self._done.wait(0.25):
            total = 0
            try:
                parent = psutil.Process(self._pid)
                for process in [parent, *parent.children(recursive=True)]:
                    total += process.memory_full_info().uss
            except psutil.Error:
                continue
            self._peak = max(self._peak, total / 1e9)

    def stop(self) -> float:
        self._done.set()
        self._thread.join()
        return round(self._peak, 2)


def median(outcomes: Sequence[Mapping[str, Any]], key: str) -> float:
    """Median over the rounds."""
    return statistics.median(outcome[key] for outcome in outcomes)


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; the first column is text, the others figures."""
    table = Table(title=title)
    for position, name in enumerate(header):
        table.add_column(name, justify="left" if position == 0 else "right")
    for row in rows:
        table.add_row(*row)
    Console(width=120).print(table)


def write(name: str, result: Mapping[str, Any]) -> None:
    """Keep the figures with the machine they come from."""
    RESULTS.mkdir(exist_ok=True)
    machine = {"cpus": os.cpu_count(), "load_1min": os.getloadavg()[0], "python": sys.version.split()[0]}
    file = RESULTS / f"{name}.json"
    file.write_text(json.dumps({"machine": machine, **result}, indent=2) + "\n", encoding="utf-8")
    print(f"written to {file}", file=sys.stderr)
