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
from tuning.setup import Setup
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
    state = _restored()
    if not state and (place / STATE).exists():  # an earlier submission was killed: its rates are those that it had then
        state = json.loads((place / STATE).read_text("utf-8"))
        point = state["point"]
    point = {key: value for key, value in point.items() if key in setup.swept}
    mine = state.get("member") == name and state.get("point") == point
    generation = len(list(place.glob("run-*"))) - (1 if mine else 0)
    run_dir = place / f"run-{generation}"
    setup.begin(run_dir, point)
    config = setup.config(point, run_dir)
    steps, at = task.steps(config, setup.data), int(state.get("step", 0))
    marks = sorted({max(1, round(steps * share)) for share in config.training.evaluate_at} | {steps})
    earlier = [(step, value) for step, value in state.get("curve", ()) if step <= at]
    gate = place / f"gate-{generation}"
    Gate(gate).release()
    donor = Path(state["checkpoint"]) if state and not mine else None
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
        share = reached(at, steps) if at < steps else 99.9  # no exchange when all is over
        told = {METRIC: curve[-1][1], SHARE: share, "step": at, "steps": steps, "id": name}
        kept = {"member": name, "point": point, "step": at, "curve": curve,
                "checkpoint": str(_latest(run_dir / "ray" / "train"))}  # fmt: skip
        write_json(place / STATE, kept)
        if at >= steps:  # before the last report, on which Tune may end the member
            write_json(run_dir / "steps" / "train.json", training.result)
            close(setup, name, point, config, training, steps, earlier)
        with tempfile.TemporaryDirectory() as folder:
            write_json(Path(folder) / STATE, kept)
            ray.tune.report(told, checkpoint=ray.tune.Checkpoint.from_directory(folder))
        if at >= steps:
            return
    close(setup, name, point, config, training, steps, earlier)


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
