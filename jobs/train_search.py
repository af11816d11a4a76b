"""Train a search adapter: `python -m jobs.train_search --config jobs/configs/demo.yaml`."""

from __future__ import annotations

import sys

from common.cli import Job, run
from common.runs import Result
from jobs.search.config import TrainSearchConfig


def main(config: TrainSearchConfig) -> Result:
    """Corpus, training on Ray Train, evaluation beside the baselines, registration."""
    from jobs.search.pipeline import train_search

    return train_search(config)


def _plan(config: TrainSearchConfig) -> str:
    from jobs.search.plan import plan

    return plan(config)


def _show(result: Result) -> str:
    from jobs.search.table import render_training

    return render_training(result)


JOB = Job(
    name="jobs.train_search",
    description="Train an adapter for code search, score it beside BM25 and the bare base, and register it.",
    config=TrainSearchConfig,
    main=main,
    plan=_plan,
    show=_show,
)

if __name__ == "__main__":
    sys.exit(run(JOB))
