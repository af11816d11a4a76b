"""Mine (documentation, code) pairs from your own code: `python -m jobs.mine_pairs PATH|git-URL`."""

from __future__ import annotations

import sys

from common.cli import Job, run
from common.runs import Result
from jobs.mining.config import MinePairsConfig


def main(config: MinePairsConfig) -> Result:
    """Walk, parse and filter over Ray, take out duplicates and benchmarks, split, write what training takes."""
    from jobs.mining.pipeline import mine_pairs

    return mine_pairs(config)


def _plan(config: MinePairsConfig) -> str:
    from jobs.mining.pipeline import plan

    return plan(config)


def _show(result: Result) -> str:
    from jobs.mining.report import render

    return render(result)


JOB = Job(
    name="jobs.mine_pairs",
    description="Mine (documentation, code) pairs for search training from a source tree or a git repository.",
    config=MinePairsConfig,
    main=main,
    plan=_plan,
    show=_show,
)

if __name__ == "__main__":
    sys.exit(run(JOB))
