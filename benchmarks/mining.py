"""Mining speed: `python -m benchmarks.mining`, over the standard library and the packages of this interpreter.

The whole job as a user runs it, from the start of the process with two workers to the written splits, in a fresh run
folder; and parsing and signing by themselves, in seconds of the workers. All languages are mined: packages bring C
headers, C++, JavaScript and more. The goal is 3,000 functions a second end to end on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.harness import in_turn, median, show, write

GOAL = 3000
WORKERS = 2


def gathered(target: Path) -> None:
    """The source files of library and packages below one folder, as hard links where that is possible."""
    from common.corpora.mining.languages import language_of

    paths = sysconfig.get_paths()
    for name, source in (("library", Path(paths["stdlib"])), ("packages", Path(paths["purelib"]))):
        for folder, folders, files in os.walk(source):
            folders[:] = [each for each in folders if each != "site-packages"]
            there = target / name / Path(folder).relative_to(source)
            for file in filter(language_of, files):
                there.mkdir(parents=True, exist_ok=True)
                _link(Path(folder) / file, there / file)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def measure(tree: Path) -> dict[str, Any]:
    """One run of the job in this process."""
    from common.config import validate
    from jobs.mine_pairs import main as mine
    from jobs.mining.config import MinePairsConfig

    with tempfile.TemporaryDirectory() as run:
        values = {"source": str(tree), "run_dir": f"{run}/run", "cluster": {"num_workers": WORKERS}}
        started = time.perf_counter()
        result = mine(validate(MinePairsConfig, values))
        seconds = time.perf_counter() - started
    return {
        "functions_per_second": result["seen"] / seconds,
        "megabytes_per_second": result["files"]["bytes"] / 1e6 / seconds,
        "seconds": seconds,
        "seen": result["seen"],
        "kept": result["kept"],
        "parse_per_cpu_second": result["seen"] / result["speed"]["worker_cpu_seconds"]["parse"],
        "sign_per_cpu_second": result["kept"] / result["speed"]["worker_cpu_seconds"]["sign"],
        "stages": result["speed"]["seconds"],
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", nargs=2, metavar=("NAME", "FILE"))
    parser.add_argument("--tree", type=Path)
    given = parser.parse_args()
    if given.side:
        Path(given.side[1]).write_text(json.dumps(measure(given.tree)), "utf-8")
        return
    with tempfile.TemporaryDirectory() as tree:
        gathered(Path(tree))
        outcomes = in_turn("benchmarks.mining", ["ours"], given.rounds, ["--tree", tree])["ours"]
    show(
        f"mining {outcomes[0]['seen']:,} functions, {WORKERS} workers; the goal is {GOAL:,} functions/s",
        ["median", "value"],
        list(_rows(outcomes)),
    )
    write("mining", {"goal": GOAL, "workers": WORKERS, "rounds": outcomes})


def _rows(outcomes: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for key, label in (
        ("functions_per_second", "functions/s, end to end"),
        ("megabytes_per_second", "MB/s, end to end"),
        ("parse_per_cpu_second", "functions/s of one core: read, parse, rules"),
        ("sign_per_cpu_second", "kept functions/s of one core: hashes, signatures, write"),
        ("peak_gb", "GB, all processes (Ray's own among them)"),
    ):
        yield label, f"{median(outcomes, key):,.2f}" if key == "peak_gb" else f"{median(outcomes, key):,.0f}"
    for stage in outcomes[0]["stages"]:
        yield f"seconds: {stage}", f"{median([outcome['stages'] for outcome in outcomes], stage):.1f}"


if __name__ == "__main__":
    main()
