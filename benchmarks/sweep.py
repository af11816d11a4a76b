"""What a sweep saves: `python -m benchmarks.sweep`.

For each task and training seed the whole grid is trained, for real and from nothing. Then ASHA and TPE search that
grid under many seeds of their own: with the project's own classes, over the curves that the grid left
(benchmarks.replay). Printed are the best dev metric each finds beside the grid's, and its share of the grid's steps.

A grid that is in --folder already is not trained again, so that an interrupted benchmark goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from pathlib import Path
from typing import Any

from benchmarks import replay
from benchmarks.harness import show, write
from tuning.config import Search, SweepConfig
from tuning.outcome import Trial
from tuning.space import Axis, Space

SPACES: dict[str, dict[str, Any]] = {
    "stdlib": {
        "job": "train_search",
        "fixed": {
            "name": "benchmark",
            "data": {"corpus": {"limit_train": 320, "limit_dev": 150}},
            "training": {"epochs": 2, "batch": 32},
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
                "microproblems": {"instances": 4, "difficulties": ["introductory"]},
            },
            "peft": {"targets": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]},
            "training": {"epochs": 3, "batch": 8},
        },
        "space": {
            "peft.rank": [4, 16, 64],
            "peft.alpha": [16, 64],
            "training.learning_rate": [3e-4, 1e-3, 3e-3],
        },
    },
}  # fmt: skip
ASHA = {"stopping": "asha", "reduction": 3, "first_rung": 1 / 9}
SEARCHES: dict[str, dict[str, Any]] = {
    "halving": {"points": "grid", **ASHA, "stopping": "halving"},
    "ASHA": {"points": "grid", **ASHA},
    "ASHA, 2/3": {"points": "random", "share": 2 / 3, **ASHA},
    "TPE, 30 %": {"points": "tpe", "share": 0.3},
    "TPE and ASHA, 1/2": {"points": "tpe", "share": 0.5, **ASHA},
}
"""`share`: of the grid's points that are tried."""
CONCURRENT = 2
"""Trials at once, on two cores."""
WITHIN, AT_MOST = 0.01, 0.3


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=list(SPACES), default=list(SPACES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of the training")
    parser.add_argument("--searches", type=int, default=50, help="seeds of ASHA and TPE over each grid")
    parser.add_argument("--folder", type=Path, default=Path("runs/benchmark-sweep"), help="where the grids are kept")
    given = parser.parse_args()
    found = []
    for task in given.tasks:
        for seed in given.seeds:
            grid = train_grid(task, seed, given.folder / task / str(seed))
            found += [beside(task, seed, grid, name, given.searches) for name in SEARCHES]
    columns = ["task", "seed", "search", "grid's best", "median from it", "worst", f"within {WITHIN:.0%}",
               "of grid's steps, median (range)", f"both, at most {AT_MOST:.0%}"]  # fmt: skip
    show(f"searches beside their grid, {given.searches} seeds each", columns, [row(entry) for entry in found])
    write("sweep", {"sweeps": found})


def train_grid(task: str, seed: int, place: Path) -> dict[str, Any]:
    """The result of the whole grid, each trial evaluated where ASHA would look."""
    from tuning.pipeline import sweep

    return sweep(config_of(task, seed, place))


def config_of(task: str, seed: int, place: Path) -> SweepConfig:
    """A grid's configuration."""
    values = json.loads(json.dumps(SPACES[task]))
    values["fixed"]["training"] |= {"seed": seed, "evaluate_at": [*Search(**ASHA).rungs(), 1.0]}
    return SweepConfig.model_validate({**values, "search": {"points": "grid"}, "finish": False, "run_dir": place})


def beside(task: str, seed: int, result: dict[str, Any], name: str, searches: int) -> dict[str, Any]:
    """A search over a grid under many seeds."""
    trials = [Trial.model_validate(trial) for trial in result["trials"]]
    direction, best, steps = result["sweep"]["direction"], result["best"]["metric"], result["trained_steps"]
    space = Space({key: Axis.model_validate(axis) for key, axis in SPACES[task]["space"].items()})
    how = dict(SEARCHES[name])
    if share := how.pop("share", None):
        how["trials"] = math.floor(share * len(trials))
    ran = [
        replay.search(trials, space, Search(**how, seed=number), direction, CONCURRENT) for number in range(searches)
    ]
    sign = 1 if direction == "max" else -1
    return {
        "task": task, "seed": seed, "search": name, "grid": best, "points": len(trials),
        "short": [sign * (best - one.best) / abs(best) for one in ran], "share": [one.steps / steps for one in ran],
    }  # fmt: skip


def row(entry: dict[str, Any]) -> list[str]:
    """A line of the table."""
    pairs = list(zip(entry["short"], entry["share"], strict=True))
    short, share = sorted(entry["short"]), sorted(entry["share"])
    near, both = sum(one <= WITHIN for one in short), sum(one <= WITHIN and part <= AT_MOST for one, part in pairs)
    return [
        entry["task"], str(entry["seed"]), entry["search"], f"{entry['grid']:.4f} of {entry['points']}",
        f"{-100 * statistics.median(short):+.2f} %", f"{-100 * short[-1]:+.2f} %", f"{near} of {len(short)}",
        f"{100 * statistics.median(share):.0f} % ({100 * share[0]:.0f}–{100 * share[-1]:.0f})",
        f"{both} of {len(short)}",
    ]  # fmt: skip


if __name__ == "__main__":
    main()
