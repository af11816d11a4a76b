"""What a sweep saves, and what it costs: `python -m benchmarks.sweep`.

For each task and seed: the whole grid, then ASHA and TPE over the same space, all for real and from nothing. Printed
are the best dev metric of each, how far it is from the grid's, and its share of the grid's trained steps. The seed is
the trials' (data order, adapter start) and the search's. Last, what a trial takes beside the bare job, warm cluster.

The spaces are small ones, so that a grid is minutes on two cores; --seeds and --tasks choose less.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
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
    parser.add_argument("--searches", nargs="+", choices=list(SEARCHES), default=list(SEARCHES))
    given = parser.parse_args()
    from jobs.ray_session import ClusterConfig, connected

    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, connected(ClusterConfig(num_workers=1)):
        for task in given.tasks:
            for seed in given.seeds:
                for name in dict.fromkeys(["grid", *given.searches]):
                    place = Path(folder) / task / str(seed) / name
                    found.append({"task": task, "seed": seed, "search": name, **one(task, name, seed, place)})
                    print(json.dumps(found[-1]), flush=True)
        overhead = trial_overhead(Path(folder) / "overhead", given.tasks[0])
    rows = [row(entry, found) for entry in found]
    show("sweeps beside their grid", ["task", "seed", "search", "best", "from grid's", "steps", "of grid's", "s"], rows)
    print(f"a trial beside the bare training, warm cluster: {overhead['extra']:+.1f} s ({overhead})")
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


def trial_overhead(place: Path, task: str) -> dict[str, float]:
    """Median wall seconds of three one-trial sweeps, and of the same training run bare; data are prepared for both."""
    from dataclasses import replace

    from jobs.lineage import Trial
    from jobs.training.gate import Gate
    from tuning.config import SweepConfig
    from tuning.drive import drive
    from tuning.plan import points, prepared
    from tuning.tasks import TASKS

    values = json.loads(json.dumps(SPACES[task]))
    values["fixed"]["training"]["epochs"] = 0.5
    values["space"] = {"training.learning_rate": [1e-3]}
    swept, bare = [], []
    for number in range(3):
        config = SweepConfig.model_validate({**values, "finish": False})
        setup, space = prepared(config, place / f"swept-{number}")
        tracking = setup.tracking.model_copy(update={"uri": f"sqlite:///{place}/mlflow.db"})
        setup = replace(setup, tracking=tracking)
        started = time.perf_counter()
        drive(config, setup, space, points(config, space))
        swept.append(time.perf_counter() - started)
        alone = replace(setup, folder=place / f"bare-{number}")
        run_dir = alone.folder / "trials" / "one" / "run"
        point = {"training.learning_rate": 1e-3}
        (alone.folder / "data").parent.mkdir(parents=True, exist_ok=True)
        (alone.folder / "data").symlink_to(setup.folder / "data")
        alone.begin(run_dir, point)
        gate = Gate(run_dir.parent / "gate")
        for step in range(1, 10_000):
            gate.answer(step, "go")
        started = time.perf_counter()
        TASKS[config.job].train(alone.config(point, run_dir), Trial(gate=run_dir.parent / "gate"))
        bare.append(time.perf_counter() - started)
    trial, job = statistics.median(swept), statistics.median(bare)
    return {"trial": trial, "bare": job, "extra": trial - job}


if __name__ == "__main__":
    main()
