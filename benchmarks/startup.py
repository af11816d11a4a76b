"""Time to `--help` of every command, as a user waits for it: `python -m benchmarks.startup`."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.harness import show, write

COMMANDS = (
    *(f"jobs.{name}" for name in ("train_search", "evaluate_search", "build_index", "search_code", "check_index")),
    *(f"jobs.{name}" for name in ("mine_pairs", "mine_negatives", "train_codegen", "evaluate_codegen")),
    *("tuning.sweep", "cluster.submit", "cluster.doctor"),
)
TRIES = 5


def seconds(module: str) -> float:
    """Median wall time of `python -m MODULE --help`."""
    times = []
    for _ in range(TRIES):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", module, "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return sorted(times)[TRIES // 2]


def main() -> None:
    """Print the table."""
    found = {module: seconds(module) for module in COMMANDS}
    show(f"--help, median of {TRIES}", ["command", "seconds"], [[m, f"{s:.2f}"] for m, s in found.items()])
    write("startup", {"seconds": found})


if __name__ == "__main__":
    main()
