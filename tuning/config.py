"""Configuration of `tuning.sweep`. Describes only: imports neither torch nor ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from common.config import Config, JobConfig
from common.tracking import TrackingConfig
from jobs.ray_session import ClusterConfig
from tuning.outcome import Direction
from tuning.space import Axis

JobName = Literal["train_search", "train_codegen"]


class Limits(Config):
    """What a trial may take; one that is predicted to take more is listed as refused and never started."""

    trainable_parameters: float | None = Field(None, gt=0)
    """Most parameters that it may train."""
    memory_gb: float | None = Field(None, gt=0)
    """Most memory of a worker, as predicted."""


class Search(Config):
    """Which points of the space are tried, and how long each is trained."""

    points: Literal["grid", "random", "tpe"] = "grid"
    """grid: every point. random: `trials` of them. tpe: `trials` points, each chosen by Optuna's TPE from the results
    of those before."""
    stopping: Literal["none", "halving", "asha", "pbt"] = "none"
    """none: each trial runs to its end. halving: all are trained to the first rung, then the best 1/`reduction` to the
    next, and so on (Jamieson and Talwalkar 2016): fewest steps, but a trial begins again from its checkpoint at each
    rung. asha: the same without waiting for the others, so that the first ones go further (Li et al. 2018). pbt: the
    worst take over the best ones' weights and try other rates (Jaderberg et al. 2017)."""
    trials: int | None = Field(None, ge=1)
    """Points that random and tpe try, and the population of pbt."""
    reduction: int = Field(4, ge=2)
    """halving, asha: one of so many goes on at each rung."""
    first_rung: float = Field(1 / 16, gt=0, lt=1)
    """halving, asha: share of a run before its first rung; the others follow at `reduction` times the one before."""
    interval: float = Field(0.25, gt=0, lt=1)
    """pbt: share of a run between two exchanges."""
    concurrent: int | None = Field(None, ge=1)
    """Trials at once; none = as many as the cluster holds."""
    repeats: int = Field(1, ge=1)
    """Seeds that each point is trained with, counted on from the job's."""
    seed: int = 0
    """Seeds the choice and the order of the points."""

    @model_validator(mode="after")
    def _complete(self) -> Search:
        if self.points != "grid" and self.trials is None:
            raise ValueError(f"points {self.points} needs search.trials, how many to try")
        if self.points == "grid" and self.trials is not None:
            raise ValueError("search.trials goes with points random or tpe; a grid tries every point")
        if self.stopping == "halving" and self.points == "tpe":
            raise ValueError("halving compares points that are all there from the start: take points grid or random")
        if self.stopping == "pbt" and self.points == "tpe":
            raise ValueError("pbt changes its trials on their way: take points grid or random")
        if self.points == "tpe" and self.repeats > 1:
            raise ValueError("repeats goes with points grid or random: tpe would choose among the seeds")
        if self.stopping == "pbt" and self.repeats > 1:
            raise ValueError("repeats goes with trials that keep their configuration, not with pbt")
        return self

    def rungs(self) -> tuple[float, ...]:
        """Shares of a run after which trials are compared, before the last one."""
        if self.stopping == "none":
            return ()
        if self.stopping == "pbt":
            return tuple(share for i in range(1, 1000) if (share := round(i * self.interval, 9)) < 1)
        shares = [self.first_rung]
        while shares[-1] * self.reduction < 0.999:
            shares.append(shares[-1] * self.reduction)
        return tuple(shares)


class SweepConfig(JobConfig):
    """Try many configurations of a training job, and train, score and register the best."""

    volatile: ClassVar[frozenset[str]] = frozenset({"run_dir", "cluster", "tracking", "search.concurrent"})

    job: JobName = "train_search"
    """The job whose configuration is searched."""
    start_from: Path | None = None
    """YAML file of that job: what every trial has."""
    fixed: dict[str, Any] = Field(default_factory=dict)
    """Laid over it, in the same form."""
    preset: Literal["loracode", "peft-study", "techniques"] | None = None
    """A grid of the studies: LoRACode's ranks × alphas, the PEFT study's, its seven techniques. `space` adds to it."""
    space: dict[str, Axis] = Field(default_factory=dict)
    """Dotted keys of the job, each with a list of values, or {low, high, log, integer}, and a condition `when`."""
    metric: str | None = None
    """What is compared, on the dev split: mrr of train_search; loss, em@1, codebleu or pass@1 of train_codegen. none =
    mrr, loss."""
    objectives: dict[str, Direction] = Field(default_factory=dict)
    """With tpe: what to trade against the metric: trainable_parameters, peak_bytes or seconds, each `min`."""
    search: Search = Search()
    """The points and the stopping."""
    limits: Limits = Limits()
    """What a trial may take."""
    warm_start: Path | None = None
    """Run folder of an earlier sweep of the same job and data: its trials count as tried."""
    finish: bool = True
    """Score the best adapter on the test sets and register it."""
    name: str | None = None
    """Name of the sweep in MLflow; none = that of the run folder."""
    cluster: ClusterConfig = ClusterConfig(num_workers=1)
    """The workers of one trial, and where all run."""
    tracking: TrackingConfig = TrackingConfig()
    """Where it is tracked."""

    @model_validator(mode="after")
    def _consistent(self) -> SweepConfig:
        allowed = {"trainable_parameters", "peak_bytes", "seconds"}
        if unknown := self.objectives.keys() - allowed:
            raise ValueError(f"objectives: {min(unknown)!r} is none of {', '.join(sorted(allowed))}")
        if self.objectives and (self.search.points != "tpe" or self.search.stopping != "none"):
            raise ValueError(
                "objectives steer tpe with trials that run to their end; the report shows the Pareto front of any sweep"
            )
        return self
