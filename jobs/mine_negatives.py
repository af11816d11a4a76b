"""Mine hard negatives: `python -m jobs.mine_negatives --data.train FILE.jsonl`."""

from __future__ import annotations

import sys

from common.cli import Job, run
from common.runs import Result
from jobs.negatives.config import MineNegativesConfig


def main(config: MineNegativesConfig) -> Result:
    """Encode, search, filter, choose; RUN/pairs.jsonl is what to train on."""
    from jobs.negatives.pipeline import mine_negatives

    return mine_negatives(config)


def _plan(config: MineNegativesConfig) -> str:
    from jobs.negatives.pipeline import plan

    return plan(config)


def _show(result: Result) -> str:
    from jobs.negatives.report import render

    return render(result)


JOB = Job(
    name="jobs.mine_negatives",
    description="Find hard negatives for training pairs, and set aside pairs whose document does not answer its query.",
    config=MineNegativesConfig,
    main=main,
    plan=_plan,
    show=_show,
)

if __name__ == "__main__":
    sys.exit(run(JOB))
