"""Techniques side by side: `python -m jobs.compare_methods --config jobs/configs/microproblems.yaml`."""

from __future__ import annotations

import sys

from common.cli import Job, run
from common.runs import Result
from jobs.codegen.compare_config import CompareMethodsConfig


def main(config: CompareMethodsConfig) -> Result:
    """Train and score each technique; one table."""
    from jobs.codegen.compare import compare_methods

    return compare_methods(config)


def _plan(config: CompareMethodsConfig) -> str:
    from jobs.codegen.plan import plan

    parts = [plan(config.child(method, base=False)) for method in config.methods]
    return "\n\n".join(f"{method}\n{part}" for method, part in zip(config.methods, parts, strict=True))


def _show(result: Result) -> str:
    from jobs.codegen.table import render_methods

    return render_methods(result)


JOB = Job(
    name="jobs.compare_methods",
    description="Train and score full, LoRA, IA3, prompt and prefix tuning and QLoRA on the same data: one table.",
    config=CompareMethodsConfig,
    main=main,
    plan=_plan,
    show=_show,
)

if __name__ == "__main__":
    sys.exit(run(JOB))
