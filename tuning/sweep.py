"""Try many configurations of a training job: `python -m tuning.sweep --config tuning/configs/quick.yaml`."""

from __future__ import annotations

import sys

from common.cli import Job, run
from common.runs import Result
from tuning.config import SweepConfig


def main(config: SweepConfig) -> Result:
    """Data once, trials on Ray Tune, the best one scored and registered, the report."""
    from tuning.pipeline import sweep

    return sweep(config)


def _plan(config: SweepConfig) -> str:
    from tuning.plan import plan

    return plan(config)


def _show(result: Result) -> str:
    from tuning.pipeline import show

    return show(result)


JOB = Job(
    name="tuning.sweep",
    description="Try many configurations of a training job on Ray Tune; train, score and register the best.",
    config=SweepConfig,
    main=main,
    plan=_plan,
    show=_show,
)

if __name__ == "__main__":
    sys.exit(run(JOB))
