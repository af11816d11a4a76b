"""What a sweep saves, and what it costs: `python -m benchmarks.sweep`.

For each task and seed: the whole grid, then ASHA and TPE over the same space, all for real and from nothing. Printed
are the best dev metric of each, how far it is from the grid's, and its share of the grid's trained steps. The seed is
the trials' (data order, adapter start) and the search's. Last, what a trial takes beside the bare job, warm cluster.

The spaces are small ones, so that a grid is minutes on two cores; --seeds and --tasks choose less.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.harness import show, write

SPACES: dict[str, dict[str, Any]] = {
    "stdlib": {
        "job": "train_search",
        "fixed": {
            "name": "benchmark",
            "data": {"corpus": {"limit_train": 640, "limit_dev": 200}},
            "training": {"epochs": 3, "batch": 64},
        },
        "space": {
            "peft.method": ["lora", "rslora", "ia3"],
            "peft.rank": [4, 16, 64],
            "training.learning_rate": [3e-4, 1e-3, 3e-3],
        },
    },
    "microproblems": {
        "job": "train_codegen",
        "fixed": {
            "name": "benchmark",
            "data": {
                "sources": ["microproblems"], "decontaminate": False,
                "microproblems": {"instances": 12, "difficulties": ["introductory"]},
            },
            "peft": {"targets": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]},
            "training": {"epochs": 4, "batch": 8},
        },
        "space": {
            "peft.rank": [4, 16, 64],
            "peft.alpha": [16, 64],
            "training.learning_rate": [3e-4, 1e-3, 3e-3],
        },
    },
}  # fmt: skip
SEARCHES: dict[str, dict[str, Any]] = {
    "grid": {"points": "grid"},
    "asha": {"points": "grid", "stopping": "asha", "reduction": 3, "first_rung": 1 / 9},
    "tpe": {"points": "tpe"},
}
TPE_SHARE = 0.25
"""Of the grid's points that TPE may try, each to its end."""


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=list(SPACES), default=list(SPACES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--searches", nargs="*", choices=list(SEARCHES), default=list(SEARCHES))
    given = parser.parse_args()
    from jobs.ray_session import ClusterConfig, connected

    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, connected(ClusterConfig(num_workers=1)):
        for task in given.tasks if given.searches else ():
            for seed in given.seeds:
                for name in dict.fromkeys(["grid", *given.searches]):
                    place = Path(folder) / task / str(seed) / name
                    found.append({"task": task, "seed": seed, "search": name, **one(task, name, seed, place)})
                    print(json.dumps(found[-1]), flush=True)
        overhead = trial_overhead(Path(folder) / "overhead", given.tasks[0])
        extra = {name: overhead["trial"] - overhead[name] for name in ("called", "process")}
    rows = [row(entry, found) for entry in found]
    show("sweeps beside their grid", ["task", "seed", "search", "best", "from grid's", "steps", "of grid's", "s"], rows)
    print(
        f"a trial took {overhead['trial']:.1f} s on a warm cluster, {extra['called']:+.1f} s beside the bare training "
        f"called in a warm process, {extra['process']:+.1f} s beside it in a process of its own"
    )
    write("sweep", {"sweeps": found, "overhead": overhead})


def one(task: str, name: str, seed: int, place: Path) -> dict[str, Any]:
    """One sweep; its best metric, steps and seconds."""
    from tuning.config import SweepConfig
    from tuning.pipeline import sweep

    values = json.loads(json.dumps(SPACES[task]))
    values["fixed"]["training"]["seed"] = seed
    search = {**SEARCHES[name], "seed": seed}
    if name == "tpe":
        search["trials"] = max(2, round(TPE_SHARE * _grid_size(values)))
    asked = {**values, "search": search, "finish": False, "run_dir": place}
    started = time.perf_counter()
    result = sweep(SweepConfig.model_validate(asked))
    return {
        "best": result["best"]["metric"], "config": result["best"]["config"], "steps": result["trained_steps"],
        "seconds": time.perf_counter() - started, "direction": result["sweep"]["direction"],
        "reserved": result["reserved_cpus_after"],
    }  # fmt: skip


def _grid_size(values: dict[str, Any]) -> int:
    from tuning.space import Axis, Space

    return len(Space({key: Axis.model_validate(axis) for key, axis in values["space"].items()}).grid())


def row(entry: dict[str, Any], found: list[dict[str, Any]]) -> list[str]:
    """A line of the table."""
    same = ("task", "seed")
    grid = next(one for one in found if one["search"] == "grid" and all(one[key] == entry[key] for key in same))
    worse = (grid["best"] - entry["best"]) * (1 if entry["direction"] == "max" else -1) / abs(grid["best"])
    return [
        entry["task"], str(entry["seed"]), entry["search"], f"{entry['best']:.4f}", f"{-100 * worse:+.2f} %",
        f"{entry['steps']:,}", f"{100 * entry['steps'] / grid['steps']:.0f} %", f"{entry['seconds']:.0f}",
    ]  # fmt: skip


_ALONE = """
import sys
from pathlib import Path
from jobs.lineage import Trial
from tuning.tasks import TASKS
job, config, gate = sys.argv[1:]
task = TASKS[job]
task.train(task.config.model_validate_json(Path(config).read_text("utf-8")), Trial(gate=Path(gate)))
"""


def trial_overhead(place: Path, task: str, rounds: int = 3) -> dict[str, float]:
    """Median wall seconds of one-trial sweeps, and of the same training run bare: called in this warm process, and in
    a process of its own, as the job's command runs it. Data are prepared and the cluster is up for all three."""
    import ray

    from jobs.lineage import Trial
    from jobs.training.gate import Gate
    from tuning.config import SweepConfig
    from tuning.drive import drive
    from tuning.plan import points, prepared
    from tuning.setup import Setup
    from tuning.tasks import TASKS

    values = json.loads(json.dumps(SPACES[task]))
    values["fixed"]["training"]["epochs"] = 0.5
    values["space"] = {"training.learning_rate": [1e-3]}
    point = {"training.learning_rate": 1e-3}
    address = ray.get_runtime_context().gcs_address

    def bare(setup: Setup, name: str) -> tuple[Any, Path]:
        alone = replace(setup, folder=place / name, cluster=setup.cluster.model_copy(update={"address": address}))
        run_dir = alone.folder / "trials" / "one" / "run"
        run_dir.mkdir(parents=True)
        (alone.folder / "data").symlink_to(setup.folder / "data")
        alone.begin(run_dir, point)
        gate = run_dir.parent / "gate"
        for step in range(1, 1000):
            Gate(gate).answer(step, "go")
        return alone.config(point, run_dir), gate

    took: dict[str, list[float]] = {"trial": [], "called": [], "process": []}
    for number in range(rounds + 1):
        config = SweepConfig.model_validate({**values, "finish": False})
        setup, space = prepared(config, place / f"swept-{number}")
        setup = replace(setup, tracking=setup.tracking.model_copy(update={"uri": f"sqlite:///{place}/mlflow.db"}))
        with timed(took["trial"]):
            drive(config, setup, space, points(config, space))
        job, gate = bare(setup, f"called-{number}")
        with timed(took["called"]):
            TASKS[config.job].train(job, Trial(gate=gate))
        job, gate = bare(setup, f"process-{number}")
        file = place / f"process-{number}.json"
        file.write_text(job.model_dump_json(), "utf-8")
        with timed(took["process"]):
            subprocess.run(
                [sys.executable, "-c", _ALONE, config.job, str(file), str(gate)], check=True, stderr=subprocess.DEVNULL
            )
    return {name: statistics.median(seconds[1:]) for name, seconds in took.items()}  # the first warms everything up


@contextlib.contextmanager
def timed(into: list[float]) -> Iterator[None]:
    """Add the block's wall seconds to a list."""
    started = time.perf_counter()
    yield
    into.append(time.perf_counter() - started)


if __name__ == "__main__":
    main()
