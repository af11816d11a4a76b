"""Configuration of `jobs.mine_pairs`. Describes only."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_settings import CliPositionalArg

from common.config import JobConfig
from common.corpora.config import CorpusConfig
from jobs.ray_session import ClusterConfig


class MinePairsConfig(JobConfig):
    """Mine (documentation, code) pairs from a source tree."""

    volatile: ClassVar[frozenset[str]] = frozenset({"run_dir", "cluster"})

    source: CliPositionalArg[str] = ""
    """A folder, or the URL of a git repository (http, https, ssh, git, file)."""
    ref: str | None = None
    """Branch, tag or commit to fetch from a git URL; none = its default branch."""
    languages: tuple[str, ...] = ()
    """Languages to mine, such as `python,go`; none = all that have a parser here."""
    gitignore: bool = True
    """Leave out what .gitignore files and .git/info/exclude name."""
    path_rules: bool = True
    """Leave out tests, other people's code, what was built or minified, and what is hidden, by its path."""
    max_bytes: int = Field(1_000_000, ge=1)
    """Files larger than this are not read."""
    group: Literal["auto", "repository", "folder"] = "auto"
    """What is held out as a whole; auto = repository where there are ten and more, else folder."""
    benchmarks: tuple[Path, ...] = ()
    """BEIR folders and JSONL files (pairs, HumanEval, MBPP, APPS) that no split may repeat."""
    corpus: CorpusConfig = CorpusConfig()
    """Shares that are held out, near-duplicates, limits."""
    sample: int = Field(0, ge=0, le=1000)
    """So many random pairs, and so many random rejects, to RUN/sample.md for reading by eye."""
    cluster: ClusterConfig = ClusterConfig()
    """Where it runs; so many shards at a time as it has workers."""

    @model_validator(mode="after")
    def _complete(self) -> MinePairsConfig:
        if not self.source.strip():
            raise ValueError("source is required: a folder or the URL of a git repository")
        return self
