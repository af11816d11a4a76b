"""Search code in the terminal: `python -m jobs.search_code "query" … --index DIR`, an index of `jobs.build_index`."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator
from pydantic_settings import CliPositionalArg

from common.cli import Job, run
from common.config import JobConfig
from common.runs import Result
from common.search.folders import index_folder

if TYPE_CHECKING:
    from common.retrieval.searcher import Hit

FIELDS = ("path", "start_line", "end_line", "symbol", "kind", "language", "score", "scores")


class SearchCodeConfig(JobConfig):
    """Search an index by words and by meaning."""

    queries: CliPositionalArg[tuple[str, ...]] = ()
    """What to look for, in words or as code; several queries are answered one after the other."""
    index: Path | None = None
    """Folder of `jobs.build_index`, or the run folder of a training that left an index."""
    adapter: str = "auto"
    """Whose vectors are searched, where the index has several: an adapter's name, or the beginning of its digest;
    `base`; or auto: by --language, --file, or what the query looks like."""
    adapter_folder: Path | None = None
    """Where the adapter is now, if it has moved since the build."""
    legs: Literal["hybrid", "dense", "bm25"] = "hybrid"
    """By words (bm25), by meaning (dense), or both."""
    language: tuple[str, ...] = ()
    """Only units in these languages, such as `python,go`."""
    path: tuple[str, ...] = ()
    """Only files that match one of these globs; `*` also crosses folders."""
    kind: tuple[Literal["function", "method", "class", "module"], ...] = ()
    """Only these kinds of unit."""
    tests: bool = False
    """Find test code, too."""
    file: str | None = None
    """The file one is working on: auto takes its language's adapter."""
    top: int = Field(5, ge=1)
    """Hits to show for each query."""
    lines: int = Field(8, ge=0)
    """Lines of code to show for each hit."""
    json_output: bool = Field(False, alias="json")
    """Print JSON: a list of hits; with several queries, a list for each."""

    @model_validator(mode="after")
    def _complete(self) -> SearchCodeConfig:
        if not self.queries or not all(query.strip() for query in self.queries):
            raise ValueError("give at least one query that is not empty")
        if self.index is None:
            raise ValueError("index is required: the folder of jobs.build_index")
        return self


def main(config: SearchCodeConfig) -> Result:
    """The hits of each query, and which adapter was picked for it and why."""
    from common.retrieval.filters import Filters
    from common.search.querying import Queries

    filters = Filters(languages=config.language, paths=config.path, kinds=config.kind, tests=config.tests)
    hits, picked, searcher = [], [], None
    with closing(Queries(index_folder(config.index or Path()), config.adapter_folder)) as queries:
        for query in config.queries:
            searcher, why = queries.searcher(query, config.adapter, filters, config.file)
            vector = queries.vector(searcher, query) if config.legs != "bm25" else None
            found = searcher.search(query, vector, top=config.top, filters=filters, words=config.legs != "dense")
            hits.append([_hit(hit, config.lines) for hit in found])
            picked.append(why)
        assert searcher is not None
        return {
            "queries": list(config.queries),
            "hits": hits,
            "picked": picked,
            "json": config.json_output,
            "units": len(searcher),
            "root": str(searcher.root or ""),
        }


def _hit(hit: Hit, lines: int) -> dict[str, Any]:
    return {name: getattr(hit, name) for name in FIELDS} | {"snippet": "\n".join(hit.source.splitlines()[:lines])}


def _plan(config: SearchCodeConfig) -> str:
    from common.retrieval.store import Store

    with closing(Store.open(index_folder(config.index or Path()))) as store:
        names = ", ".join(space.name() for space in store.spaces().values())
        return f"search {store.counts()['units']:,} units of {store.facts.root} with {names}"


def _show(result: Result) -> str:
    if result["json"]:
        hits = result["hits"][0] if len(result["hits"]) == 1 else result["hits"]
        return json.dumps(hits, indent=2, ensure_ascii=False)
    from jobs.indexing.table import render_hits

    return render_hits(result)


JOB = Job(
    name="jobs.search_code",
    description="Search code by what it does, or by its words; shows file, line and snippet.",
    config=SearchCodeConfig,
    main=main,
    plan=_plan,
    show=_show,
)

if __name__ == "__main__":
    sys.exit(run(JOB))
