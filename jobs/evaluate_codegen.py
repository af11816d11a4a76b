"""Score generated code: `python -m jobs.evaluate_codegen --predictions FILE`, or with `--model MODEL --data.…`."""

from __future__ import annotations

import sys

from common.cli import Job, run
from common.runs import Result
from jobs.codegen.evaluate_config import EvaluateCodegenConfig


def main(config: EvaluateCodegenConfig) -> Result:
    """Answer the test sets on the cluster, or read predictions; score them and run them where there are tests."""
    from jobs.codegen.evaluate_pipeline import evaluate_codegen

    return evaluate_codegen(config)


def _plan(config: EvaluateCodegenConfig) -> str:
    from jobs.codegen.evaluate_table import plan

    return plan(config)


def _show(result: Result) -> str:
    from jobs.codegen.evaluate_table import render

    return render(result)


JOB = Job(
    name="jobs.evaluate_codegen",
    description="Score generated code: exact match, CodeBLEU, chrF, and pass@k where there are tests; with ICL or RAG.",
    config=EvaluateCodegenConfig,
    main=main,
    plan=_plan,
    show=_show,
)

if __name__ == "__main__":
    sys.exit(run(JOB))
