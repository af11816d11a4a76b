"""One trial, in a process of Ray Tune: it trains in a run folder of the job, and reports each evaluation."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.runs import Result, write_json
from jobs.lineage import Trial as Trained
from jobs.training.gate import Gate
from tuning.outcome import Direction, Trial
from tuning.setup import OUTCOME, Setup
from tuning.space import Point
from tuning.tasks import CURVE, TASKS
from tuning.tracking import close_trial

Curve = Sequence[tuple[int, float]]
_POLL = 0.1


def run_point(point: dict[str, Any], setup: Setup) -> None:
    """Train one point to its end, or until it is asked to stop; the function that Ray Tune runs."""
    import ray.tune

    from tuning.stopping import METRIC, SHARE, UNTIL, Stops, reached

    task, trial_id = TASKS[setup.job], setup.identify(point)
    place, tune_id = setup.place(trial_id), ray.tune.get_context().get_trial_id()
    run_dir = place / "run"
    setup.begin(run_dir, point)
    config = setup.config(point, run_dir)
    steps = task.steps(config, setup.data)
    until = max(1, round(steps * point.get(UNTIL, 1.0)))
    gate, stops = Gate(place / "gate"), Stops(setup.folder / "stops")
    gate.reset()  # an earlier attempt may have been killed, an earlier round ended at a step that is to be passed now
    training = Training(task.train, config, setup.trained(place / "gate", pausing=until < steps))
    told: set[int] = set()
    while True:
        running = training.running(_POLL)  # before the curve is read: what it ends with is read once more
        for step, value in evaluations(run_dir / CURVE, setup.metric):
            if step and step not in told and math.isfinite(value):
                told.add(step)
                ray.tune.report(
                    {METRIC: value, SHARE: reached(step, steps), "step": step, "steps": steps, "id": trial_id}
                )
            if step < steps and gate.verdict(step) is None:
                gate.answer(step, "stop" if stops.asked(tune_id) or step >= until else "go")
        if not running:
            break
    close(setup, trial_id, point, config, training, steps)


class Training:
    """A job's training in a thread: its process' main thread belongs to Tune, and reports are made from there."""

    def __init__(self, train: Any, config: Any, trial: Trained) -> None:
        self.result: Result | None = None
        self.error: UserError | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(train, config, trial), daemon=True)
        self._thread.start()

    def running(self, seconds: float) -> bool:
        """Wait so long for its end; False when it has come. Raises what is not the user's to mend: Tune tries again."""
        self._thread.join(seconds)
        if self._failure:
            raise self._failure
        return self._thread.is_alive()

    def _run(self, train: Any, config: Any, trial: Trained) -> None:
        try:
            self.result = train(config, trial)
        except UserError as error:
            self.error = error
        except BaseException as error:
            self._failure = error


def evaluations(curve: Path, metric: str) -> list[tuple[int, float]]:
    """(step, value) of each evaluation that a run's curve holds, in their order."""
    return [(int(line["step"]), float(line[f"dev_{metric}"])) for line in _lines(curve) if f"dev_{metric}" in line]


def best_of(curve: Curve, direction: Direction) -> float | None:
    """The best value of a curve."""
    values = [value for _, value in curve]
    return (max(values) if direction == "max" else min(values)) if values else None


def close(
    setup: Setup, trial_id: str, point: Point, config: Any, training: Training, steps: int,
    earlier: Curve = (),
) -> None:  # fmt: skip
    """Write the outcome, and close the trial's MLflow run."""
    run_dir = config.run_dir
    own = evaluations(run_dir / CURVE, setup.metric)
    every = [*earlier, *(entry for entry in own if entry not in earlier)]
    curve = [entry for entry in every if math.isfinite(entry[1])]  # NaN is no result, and no JSON
    result = training.result or {}
    told: dict[str, Any] = {"id": trial_id, "config": {k: point[k] for k in setup.swept if k in point}, "steps": steps}
    told |= {"curve": curve, "metric": best_of(curve, setup.direction)}
    if training.error:
        last = max((int(line["step"]) for line in _lines(run_dir / CURVE)), default=0)
        told |= {"status": "failed", "reason": training.error.message, "trained_steps": last}
    else:
        told |= {
            "status": "stopped" if result["ended"] == "stop" else "finished",
            "trained_steps": result["step"],
            "trainable_parameters": result["trainable_parameters"],
            "peak_bytes": max(result["peak_memory"]["bytes"]),
            "seconds": result["seconds"],
            "adapter": str(run_dir / "adapter"),
        }
    tracked = run_dir / "steps" / "tracking.json"
    run_id = json.loads(tracked.read_text("utf-8"))["run_id"] if tracked.exists() else None
    trial = Trial.model_validate({**told, "tracking_run": run_id})
    write_json(setup.place(trial_id) / OUTCOME, trial.model_dump(mode="json"))
    if run_id:
        close_trial(setup, trial, run_dir)


def _lines(curve: Path) -> Iterator[dict[str, Any]]:
    """A curve's lines; one that is half written comes later."""
    if not curve.exists():
        return
    for line in curve.read_text("utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return
