"""Train a generation adapter: `python -m jobs.train_codegen --config jobs/configs/microproblems.yaml`."""

from __future__ import annotations

import sys

from common.cli import Job, run
from common.runs import Result
from jobs.codegen.config import TrainCodegenConfig


def main(config: TrainCodegenConfig) -> Result:
    """Data, training on Ray Train, evaluation beside the base, registration, export."""
    from jobs.codegen.pipeline import train_codegen

    return train_codegen(config)


def _plan(config: TrainCodegenConfig) -> str:
    from jobs.codegen.plan import plan

    return plan(config)


def _show(result: Result) -> str:
    from jobs.codegen.table import render_training

    return render_training(result)


JOB = Job(
    name="jobs.train_codegen",
    description="Train an adapter for code generation, score it beside its base, and register it.",
    config=TrainCodegenConfig,
    main=main,
    plan=_plan,
    show=_show,
)

if __name__ == "__main__":
    sys.exit(run(JOB))
