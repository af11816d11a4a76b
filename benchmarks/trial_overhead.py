"""What a trial of a sweep takes beside the bare training: `python -m benchmarks.trial_overhead`."""

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

from benchmarks.harness import write
from benchmarks.sweep import SPACES

_ALONE = """
import sys
from pathlib import Path
from jobs.lineage import Trial
from tuning.tasks import TASKS
job, config, gate = sys.argv[1:]
task = TASKS[job]
task.train(task.config.model_validate_json(Path(config).read_text("utf-8")), Trial(gate=Path(gate)))
"""


def measure(place: Path, task: str, rounds: int) -> dict[str, float]:
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


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=list(SPACES), default="stdlib")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    from jobs.ray_session import ClusterConfig, connected

    with tempfile.TemporaryDirectory() as folder, connected(ClusterConfig(num_workers=1)):
        found = measure(Path(folder), given.task, given.rounds)
    trial = found["trial"]
    print(
        f"a trial took {trial:.1f} s on a warm cluster: {trial - found['called']:+.1f} s beside the bare training "
        f"called in a warm process, {trial - found['process']:+.1f} s beside it in a process of its own"
    )
    write("trial_overhead", found)


if __name__ == "__main__":
    main()
