"""Index a source tree for search: `python -m jobs.build_index PATH --run-dir DIR [--adapters RUN/adapter]`."""

from __future__ import annotations

import sys

from common.cli import Job, run
from common.runs import Result
from jobs.indexing.config import BuildIndexConfig


def main(config: BuildIndexConfig) -> Result:
    """Bring the index up to date."""
    from jobs.indexing.pipeline import build_index

    return build_index(config)


def _plan(config: BuildIndexConfig) -> str:
    from jobs.indexing.pipeline import plan
    from jobs.indexing.table import render_plan

    return render_plan(*plan(config))


def _show(result: Result) -> str:
    from jobs.indexing.table import render

    return render(result)


JOB = Job(
    name="jobs.build_index",
    description="Index the functions, methods, classes and module documentation of a source tree, or bring it up to "
    "date.",
    config=BuildIndexConfig,
    main=main,
    plan=_plan,
    show=_show,
)

if __name__ == "__main__":
    sys.exit(run(JOB))
