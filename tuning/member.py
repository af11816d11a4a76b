"""One member of PBT's population, in a process of Ray Tune.

It returns from Ray Train at each exchange and reports with its checkpoint, so that Tune may end it there, with nothing
reserved, and let it begin again with another's weights and rates. Tune itself finds no checkpoint of a Ray Train run
inside a trial: what is reported here is a small file that names it.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import ray.tune

from common.runs import write_json
from jobs.training.gate import Gate
from tuning.setup import Setup, outcome_of
from tuning.space import Point
from tuning.stopping import METRIC, SHARE, reached
from tuning.tasks import CURVE, TASKS
from tuning.trial import Training, close, evaluations

STATE = "state.json"


def name_of(tune_id: str) -> str:
    """A member's name: its number in the population, which Tune's ids end with, and which a resubmission deals out
    again in the same order. Its configuration changes on the way."""
    return f"member-{tune_id.rpartition('_')[2]}"


def run_member(point: dict[str, Any], setup: Setup) -> None:
    """Train from exchange to exchange; the function that Ray Tune runs."""
    task, name = TASKS[setup.job], name_of(ray.tune.get_context().get_trial_id())
    place = setup.place(name)
    if (ended := outcome_of(place)) and ended.status != "failed":
        return
    state = _state(place, name, {key: value for key, value in point.items() if key in setup.swept})
    write_json(place / STATE, state)
    point, at, donor = state["point"], state["step"], state["donor"] and Path(state["donor"])
    run_dir, gate = place / f"run-{state['generation']}", place / f"gate-{state['generation']}"
    setup.begin(run_dir, point)
    config = setup.config(point, run_dir)
    steps = task.steps(config, setup.data)
    marks = sorted({max(1, round(steps * share)) for share in config.training.evaluate_at} | {steps})
    earlier = [(step, value) for step, value in state["curve"] if step <= at]
    Gate(gate).release()
    while True:
        goal = next((mark for mark in marks if mark > at), steps)
        for mark in marks:
            Gate(gate).answer(mark, "go" if mark < goal else "pause")
        training = Training(task.train, config, setup.trained(gate, resume_from=donor, pausing=True))
        while training.running(1.0):
            pass
        if training.result is None:
            break
        at = training.result["step"]
        own = evaluations(run_dir / CURVE, setup.metric)
        curve = [*earlier, *(entry for entry in own if entry not in earlier)]
        told = {METRIC: curve[-1][1], SHARE: reached(at, steps), "step": at, "steps": steps, "id": name}
        state |= {"step": at, "curve": curve, "checkpoint": str(_latest(run_dir / "ray" / "train"))}
        write_json(place / STATE, state)
        if at >= steps:  # before the last report, on which Tune may end the member
            write_json(run_dir / "steps" / "train.json", training.result)
            close(setup, name, point, config, training, steps, earlier)
        with tempfile.TemporaryDirectory() as folder:
            write_json(Path(folder) / STATE, state)
            ray.tune.report(told, checkpoint=ray.tune.Checkpoint.from_directory(folder))
        if at >= steps:
            return
    close(setup, name, point, config, training, steps, earlier)


def _state(place: Path, name: str, point: Point) -> dict[str, Any]:
    """Where the member is: where it was when it was paused or killed, or with another's weights. `donor` is the
    checkpoint that it took over, and each take-over begins a generation."""
    file = place / STATE
    kept: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    restored = _restored()
    taken = restored and restored["member"] != name
    if kept and not taken:  # its configuration is the one that it had then: it changes on the way
        return kept
    if kept and kept["donor"] == restored["checkpoint"] and kept["point"] == point:
        return kept
    begun = {"member": name, "point": point, "generation": len(list(place.glob("run-*")))}
    if not taken:
        return {**begun, "step": 0, "curve": [], "donor": None}
    return {**begun, "step": restored["step"], "curve": restored["curve"], "donor": restored["checkpoint"]}


def _restored() -> dict[str, Any]:
    """What the member, or the one whose place it takes, last reported with."""
    checkpoint = ray.tune.get_checkpoint()
    if checkpoint is None:
        return {}
    with checkpoint.as_directory() as folder:
        found: dict[str, Any] = json.loads((Path(folder) / STATE).read_text("utf-8"))
        return found


def _latest(storage: Path) -> Path:
    """The newest checkpoint that Ray Train has committed there; Ray names them by time."""
    return max(folder for folder in storage.glob("checkpoint_*/") if any(folder.iterdir()))
