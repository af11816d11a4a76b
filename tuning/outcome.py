"""What a sweep has found: its trials and what was asked. Plain data, written to result.json and read by the report."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from common.config import Config

Status = Literal["finished", "stopped", "failed", "refused"]
Direction = Literal["max", "min"]


class Trial(Config):
    """One configuration of the space, and how far it came."""

    id: str
    """Digest of `config` and of what was not swept: the same configuration has the same id in every sweep."""
    config: dict[str, Any]
    """The swept keys, dotted as on the command line. A key that does not apply to the method is absent."""
    status: Status
    """finished: trained to its end. stopped: ended early by the scheduler. failed: see `reason`. refused: outside the
    sweep's limits, never started."""
    metric: float | None = None
    """The best value of the sweep's metric on the dev split, by its direction."""
    trained_steps: int = 0
    """Steps that were trained in this sweep or an earlier one."""
    steps: int = 0
    """Steps of a complete run."""
    curve: tuple[tuple[int, float], ...] = ()
    """(step, metric) of each evaluation."""
    trainable_parameters: int | None = None
    """What the method trains."""
    peak_bytes: int | None = None
    """The largest memory of a worker."""
    seconds: float | None = None
    """Time in training steps."""
    reason: str | None = None
    """Why it failed or was refused, in one sentence."""
    adapter: str | None = None
    """Folder of its adapter."""
    tracking_run: str | None = None
    """Its MLflow run."""


class Sweep(Config):
    """A finished sweep."""

    name: str
    """Name in MLflow and in the report."""
    job: str
    """The job that was swept: train_search or train_codegen."""
    metric: str
    """What was optimised: dev_mrr, dev_loss, …"""
    direction: Direction
    """Whether more of it is better."""
    scheduler: str
    """grid, random, asha, tpe, pbt."""
    trials: tuple[Trial, ...]
    """In the order in which they began."""
    importance: dict[str, float] = Field(default_factory=dict)
    """Share of the metric's variance that each swept key explains; empty where too few trials say something."""
    command: str | None = None
    """The best configuration as a command to run again."""
    grid_steps: int | None = None
    """Steps that every point of the grid, trained to its end, would take; None where the space has a range."""
    seconds: float = 0.0
    """Wall time of the sweep, of its last submission."""

    def best(self) -> Trial | None:
        """The trial with the best metric; None where none has one."""
        scored = [trial for trial in self.trials if trial.metric is not None]
        if not scored:
            return None
        sign = 1 if self.direction == "max" else -1
        return max(scored, key=lambda trial: (sign * (trial.metric or 0.0), trial.trained_steps))
