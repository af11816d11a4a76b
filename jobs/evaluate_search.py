"""Score search: `python -m jobs.evaluate_search --data.path BEIR_FOLDER [--adapter DIR]`."""

from __future__ import annotations

import sys
from pathlib import Path

from common.cli import Job, run
from common.runs import Result, RunFolder
from jobs.search_config import EvaluateSearchConfig


def main(config: EvaluateSearchConfig) -> Result:
    """BM25, zero-shot, adapter and hybrid on one BEIR folder."""
    from common.adapters.folder import check
    from common.models.loading import resolve
    from jobs.search_data import read_retrieval
    from jobs.search_evaluation import evaluate

    with RunFolder.open(_folder(config), config) as folder:
        if done := folder.result():
            return done
        folder.log_to_file()
        base = resolve(config.model, config.encoder)
        if config.adapter:
            check(config.adapter, base)  # before anything is encoded
        scores = evaluate(
            read_retrieval(config.data.path, config.data.split),
            base,
            adapter=config.adapter,
            precision=config.precision,
            seed=config.seed,
            vectors=folder.path / "vectors",
        )
        model = {"id": base.name, "digest": base.digest}
        return folder.finish({"job": "evaluate_search", "model": model, "adapter": str(config.adapter or ""), **scores})


def _folder(config: EvaluateSearchConfig) -> Path:
    return config.run_dir or Path("runs/evaluate_search")


def _plan(config: EvaluateSearchConfig) -> str:
    from common.adapters.folder import check
    from common.models.loading import resolve
    from jobs.search_data import read_retrieval

    base = resolve(config.model, config.encoder)
    retrieval = read_retrieval(config.data.path, config.data.split)
    lines = [
        f"base     {base.name} ({base.architecture}, {base.pooling} pooling, digest {base.digest[:12]}…)",
        f"data     {retrieval.name}: {len(retrieval.queries):,} queries, {len(retrieval.documents):,} documents",
    ]
    if config.adapter:
        manifest = check(config.adapter, base)
        lines.append(f"adapter  {manifest.name} (digest {manifest.digest[:12]}…)")
    return "\n".join([*lines, f"run      {_folder(config)}"])


def _show(result: Result) -> str:
    from jobs.search_table import render

    return render(result)


JOB = Job(
    name="jobs.evaluate_search",
    description="Score BM25, the bare base, an adapter and the hybrid on a retrieval set in BEIR's layout.",
    config=EvaluateSearchConfig,
    main=main,
    plan=_plan,
    show=_show,
)

if __name__ == "__main__":
    sys.exit(run(JOB))
