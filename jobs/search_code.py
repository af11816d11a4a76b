"""Search code in the terminal: `python -m jobs.search_code "query" … --index RUN_DIR`.

First form: the index is a run folder of `jobs.train_search --index`, whose functions were encoded by its adapter.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator
from pydantic_settings import CliPositionalArg

from common.cli import Job, run
from common.config import JobConfig
from common.errors import UserError
from common.runs import Result


class SearchCodeConfig(JobConfig):
    """Search the functions a run has indexed."""

    queries: CliPositionalArg[tuple[str, ...]] = ()
    """What to look for, in words; several queries are answered one after the other."""
    index: Path | None = None
    """Run folder of `jobs.train_search`."""
    top: int = Field(3, ge=1)
    """Hits to show for each query."""
    lines: int = Field(6, ge=0)
    """Lines of code to show for each hit."""
    json_output: bool = Field(False, alias="json")
    """Print JSON: one list of hits per query."""

    @model_validator(mode="after")
    def _complete(self) -> SearchCodeConfig:
        if not self.queries or not all(query.strip() for query in self.queries):
            raise ValueError("give at least one query that is not empty")
        if self.index is None:
            raise ValueError("index is required: the run folder of a finished jobs.train_search")
        return self


def main(config: SearchCodeConfig) -> Result:
    """Dense search with the run's adapter; each hit carries its place, cosine and code."""
    from common.models.encoder import Encoder
    from common.models.loading import EncoderConfig, resolve
    from jobs.search.index import open_index

    run_dir, finished = _open(config)
    stored = finished["config"]
    index, documents = open_index(run_dir / "index")
    base = resolve(stored["model"], EncoderConfig.model_validate(stored["encoder"]))
    encoder = Encoder.load(base, adapter=run_dir / "adapter")
    rows, cosines = index.top(encoder.encode(list(config.queries), "query"), config.top)
    hits = [
        [_hit(documents[row], float(cosine), config.lines) for row, cosine in zip(*found, strict=True)]
        for found in zip(rows, cosines, strict=True)
    ]
    return {
        "queries": list(config.queries),
        "hits": hits,
        "json": config.json_output,
        "documents": len(documents),
        "root": finished["data"]["root"],
        "adapter": finished["adapter"]["digest"],
    }


def _open(config: SearchCodeConfig) -> tuple[Path, dict[str, Any]]:
    assert config.index is not None
    file = config.index / "result.json"
    try:
        finished = json.loads(file.read_text("utf-8"))
        config_file = (config.index / "config.resolved.yaml").read_text("utf-8")
    except FileNotFoundError as error:
        raise UserError(
            f"{config.index} is not the folder of a finished jobs.train_search: no {Path(error.filename).name}",
            "give one as --index, or make one with `make demo`",
        ) from error
    import yaml

    return config.index, {**finished, "config": yaml.safe_load(config_file)}


def _hit(document: Any, cosine: float, lines: int) -> dict[str, Any]:
    place = document.metadata
    return {
        "path": place.get("path", ""),
        "start_line": place.get("start_line"),
        "end_line": place.get("end_line"),
        "symbol": place.get("symbol", ""),
        "language": place.get("language", ""),
        "score": cosine,
        "snippet": "\n".join(document.text.splitlines()[:lines]),
    }


def _plan(config: SearchCodeConfig) -> str:
    run_dir, finished = _open(config)
    return f"search the functions of {run_dir} with adapter {finished['adapter']['digest'][:12]}…"


def _show(result: Result) -> str:
    if result["json"]:
        return json.dumps(result["hits"], indent=2, ensure_ascii=False)
    from jobs.search.table import render_hits

    return render_hits(result)


JOB = Job(
    name="jobs.search_code",
    description="Search functions by what they do; shows file, line and snippet.",
    config=SearchCodeConfig,
    main=main,
    plan=_plan,
    show=_show,
)

if __name__ == "__main__":
    sys.exit(run(JOB))
