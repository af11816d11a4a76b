"""Configuration of `jobs.evaluate_apps`. Describes only."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from common.config import JobConfig
from common.models.sampling import Sampling
from jobs.execution.pool import PoolConfig
from jobs.execution.sandbox.spec import Limits, SandboxConfig
from jobs.execution.verdicts import Mode

MICROPROBLEMS, SOLUTIONS, GENERATED, HUB = "microproblems", "solutions", "generated", "hub:"
HUB_SETS = ("apps", "humaneval", "mbpp", "mbpp-sanitized")


class EvaluateAppsConfig(JobConfig):
    """Run candidate programs on the tests of problems."""

    volatile: ClassVar[frozenset[str]] = frozenset({"run_dir", "cluster"})

    problems: str = ""
    """A file or folder of APPS, HumanEval or MBPP; `microproblems` (made here); or from the Hub `hub:apps`,
    `hub:humaneval`, `hub:mbpp`, `hub:mbpp-sanitized`."""
    candidates: str = ""
    """JSONL of {"problem_id", "sample", "code"}; or `solutions`: the ones that come with the problems; or `generated`:
    sampled from --model while earlier ones run, and kept in RUN/candidates.jsonl."""
    model: str | None = None
    """Causal language model to sample from: a folder or a Hub id."""
    revision: str | None = None
    """Branch, tag or commit of the model on the Hub."""
    adapter: Path | None = None
    """Adapter folder for the model."""
    sampling: Sampling = Sampling()
    """How it is sampled from."""
    generate_on_gpu: bool = False
    """Give the model a GPU of the cluster; else it runs on one CPU."""
    mode: Literal["strict", "reference", "both"] = "strict"
    """strict: a fresh process for each test, ordered comparison. reference: as codeparrot/apps_metric judges, with its
    faults, to compare with published figures. Test scripts (HumanEval, MBPP) know strict only."""
    layout: Literal["auto", "apps", "humaneval", "mbpp"] = "auto"
    """Of the problems; auto looks at their fields."""
    split: str | None = None
    """Part of a set from the Hub (none = test), or of the microproblems: train, eval_instances, eval_families (none =
    all three)."""
    first_solutions: int = Field(1, ge=1)
    """So many of each problem's solutions, with `--candidates solutions`."""
    seed: int = Field(0, ge=0)
    """Draws the microproblems, and the problems of the intervals."""
    stop_after_timeouts: int = Field(1, ge=1)
    """In mode strict, the tests behind so many that timed out are skipped."""
    limits: Limits = Limits()
    """What a test may use."""
    sandbox: SandboxConfig = SandboxConfig()
    """How candidates are kept in."""
    cluster: PoolConfig = PoolConfig()
    """Where they run."""

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The modes to run, the one that the result's first figures are of in front."""
        return ("strict", "reference") if self.mode == "both" else (self.mode,)

    @model_validator(mode="after")
    def _complete(self) -> EvaluateAppsConfig:
        if not self.problems.strip():
            raise ValueError("problems is required: a file or folder, microproblems, or hub:apps")
        if not self.candidates.strip():
            raise ValueError("candidates is required: a JSONL file, solutions, or generated")
        if self.problems.startswith(HUB) and self.problems.removeprefix(HUB) not in HUB_SETS:
            raise ValueError(f"problems: the sets of the Hub are {', '.join(HUB + name for name in HUB_SETS)}")
        if self.split is not None and not (self.problems == MICROPROBLEMS or self.problems.startswith(HUB)):
            raise ValueError("split goes with microproblems and hub:…; a file holds one split")
        if (self.candidates == GENERATED) != (self.model is not None):
            raise ValueError("candidates generated and model go together")
        given = self.adapter or self.revision or self.sampling != Sampling() or self.generate_on_gpu
        if self.model is None and given:
            raise ValueError("adapter, revision, sampling and generate_on_gpu go with candidates generated")
        if self.first_solutions > 1 and self.candidates != SOLUTIONS:
            raise ValueError("first_solutions goes with candidates solutions")
        return self
