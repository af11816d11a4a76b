"""Judge programs on problems with tests: `python -m jobs.evaluate_apps --problems FILE --candidates FILE`."""

from __future__ import annotations

import sys

from common.cli import Job, run
from common.runs import Result
from jobs.apps.config import EvaluateAppsConfig


def main(config: EvaluateAppsConfig) -> Result:
    """Run every candidate in a sandbox on the cluster, write its verdict, sum up by difficulty."""
    from jobs.apps.pipeline import evaluate_apps

    return evaluate_apps(config)


def _plan(config: EvaluateAppsConfig) -> str:
    from jobs.apps.pipeline import plan

    return plan(config)


def _show(result: Result) -> str:
    from jobs.apps.report import render

    return render(result)


JOB = Job(
    name="jobs.evaluate_apps",
    description="Run candidate programs on the tests of APPS, HumanEval or MBPP: tests passed, accuracy, pass@k.",
    config=EvaluateAppsConfig,
    main=main,
    plan=_plan,
    show=_show,
)

if __name__ == "__main__":
    sys.exit(run(JOB))
