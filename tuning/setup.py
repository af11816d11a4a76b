"""What all trials of a sweep have in common, and where each has its place.

SWEEP/data                the data, written once
SWEEP/trials/ID/run       a trial's run folder of the job; under PBT run-0, run-1, …, one a configuration it has had
SWEEP/trials/ID/gate      verdicts on its evaluations (jobs.training.gate)
SWEEP/trials/ID/trial.json   the outcome, written last
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.config import merge, validate
from common.runs import Result, write_json
from common.tracking import TrackingConfig, flatten
from jobs.lineage import Trial as Trained
from jobs.ray_session import ClusterConfig
from tuning.outcome import Direction, Trial
from tuning.space import Point, configure
from tuning.tasks import TASKS

OUTCOME, POINT = "trial.json", "point.json"


@dataclass(frozen=True)
class Setup:
    """What all trials have in common; plain data, so that Ray can send it."""

    job: str
    template: Mapping[str, Any]
    """Values of the job's configuration that the points are laid over."""
    swept: tuple[str, ...]
    """The keys of the space."""
    folder: Path
    """The sweep's run folder."""
    metric: str
    direction: Direction
    data: Result
    """Outcome of the job's data step."""
    cluster: ClusterConfig
    tracking: TrackingConfig
    """With the parent run."""
    shared: Any = None
    """In a list, a reference to what lies in the object store; None where nothing does. Out of the list Ray would
    pass the content and not the reference."""

    def config(self, point: Point, run_dir: Path | None = None) -> Any:
        """The job's configuration at a point; raises `ConfigError` where it is none."""
        point = {key: point[key] for key in self.swept if key in point}
        values = configure(self.template, point)
        tracking = self.tracking.model_copy(update={"name": told(point) or None})
        own = {"cluster": self.cluster, "tracking": tracking, "run_dir": run_dir}
        return validate(TASKS[self.job].config, merge(values, own), source=_told(point))

    def identify(self, point: Point) -> str:
        """Digest of the configuration at a point and of the data: names the trial in every sweep."""
        config = self.config(point)
        flat = flatten(config.model_dump(mode="json"))
        aside = [*type(config).volatile, "name", "alias"]
        kept = {key: v for key, v in flat.items() if key in self.swept or not _under(key, aside)}
        told = json.dumps([self.job, kept, self.data["fingerprint"]], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:10]

    def trained(self, gate: Path, *, resume_from: Path | None = None, pausing: bool = False) -> Trained:
        """What the sweep adds to a trial's training."""
        shared = self.shared[0] if self.shared else None
        return Trained(gate=gate, shared=shared, resume_from=resume_from, pausing=pausing)

    def place(self, trial_id: str) -> Path:
        """Folder of a trial."""
        return self.folder / "trials" / trial_id

    def point_of(self, place: Path) -> Point | None:
        """The point of a trial that has begun."""
        file = place / POINT
        return json.loads(file.read_text("utf-8")) if file.exists() else None

    def begin(self, run_dir: Path, point: Point) -> None:
        """Make a run folder that has the data already."""
        write_json(run_dir.parent / POINT, dict(point))
        (run_dir / "steps").mkdir(parents=True, exist_ok=True)
        if not (run_dir / "data").is_symlink():
            (run_dir / "data").symlink_to(os.path.relpath(self.folder / "data", run_dir))
        write_json(run_dir / "steps" / f"{TASKS[self.job].data_step}.json", self.data)


def outcome_of(place: Path) -> Trial | None:
    """How a trial ended, None where it has not."""
    file = place / OUTCOME
    return Trial.model_validate_json(file.read_text("utf-8")) if file.exists() else None


def told(point: Point) -> str:
    """A point in few words, as runs and folders of trials are named: the last part of each key, and its value."""
    return " ".join(f"{key.rpartition('.')[2]}={value}" for key, value in point.items())


def _under(key: str, groups: Sequence[str]) -> bool:
    return any(key == group or key.startswith(group + ".") for group in groups)


def _told(point: Point) -> str | None:
    """A point as a message names it."""
    return ", ".join(f"{key}={value}" for key, value in point.items()) or None
