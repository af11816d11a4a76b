"""Train the embedded stand-in base from scratch: `python -m jobs.train_standin --run-dir runs/standin`."""

from __future__ import annotations

import sys

from common.cli import Job, run
from common.runs import Result
from jobs.pretraining.config import TrainStandinConfig


def main(config: TrainStandinConfig) -> Result:
    """A byte-level BPE and a tiny Llama from the standard library of this interpreter."""
    from jobs.pretraining.pipeline import train_standin

    return train_standin(config)


def _plan(config: TrainStandinConfig) -> str:
    from jobs.pretraining.pipeline import plan

    return plan(config)


def _show(result: Result) -> str:
    from jobs.pretraining.pipeline import show

    return show(result)


JOB = Job(
    name="jobs.train_standin",
    description="Train the embedded base, a stand-in for demo and tests, on the standard library.",
    config=TrainStandinConfig,
    main=main,
    plan=_plan,
    show=_show,
)

if __name__ == "__main__":
    sys.exit(run(JOB))
