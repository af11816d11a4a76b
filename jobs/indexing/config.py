"""Configuration of `jobs.build_index`. Describes only."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field, model_validator
from pydantic_settings import CliPositionalArg

from common.config import JobConfig
from common.corpora.mining.walk import DEFAULT_MAX_BYTES
from common.models.catalogue import Precision
from common.models.loading import EncoderConfig
from common.retrieval.vector_rules import VectorSettings
from jobs.ray_session import ClusterConfig


class BuildIndexConfig(JobConfig):
    """Index the functions, methods, classes and module documentation of a source tree."""

    volatile: ClassVar[frozenset[str]] = frozenset(
        {"run_dir", "cluster", "model", "encoder", "adapters", "precision", "vectors", "dimensions"}
    )

    source: CliPositionalArg[Path | None] = None
    """The folder to index. Submitted again, only what has changed is parsed and encoded."""
    languages: tuple[str, ...] = ()
    """Languages to index, such as `python,go`; none = all that have a parser here."""
    gitignore: bool = True
    """Leave out what .gitignore files and .git/info/exclude name."""
    path_rules: bool = True
    """Leave out other people's code, what was built or minified, and what is hidden, by its path. Tests are indexed,
    and found where a search asks for them."""
    max_bytes: int = Field(DEFAULT_MAX_BYTES, ge=1)
    """Files larger than this are not read."""
    model: str = "minilm"
    """The base: a catalogue alias, a Hub id or a folder."""
    encoder: EncoderConfig = EncoderConfig()
    """How the base is read, where it is not in the catalogue."""
    adapters: tuple[str, ...] = ()
    """Adapter folders, or run folders that hold one; `base` for the base without any. Each gets an index over the same
    store. none = the base."""
    precision: Precision = "auto"
    """Numbers that the base computes in."""
    dimensions: int | None = Field(None, ge=8)
    """Keep only so many of a vector's first dimensions, for bases that were trained for it."""
    vectors: VectorSettings = VectorSettings()
    """How vectors are stored and searched."""
    cluster: ClusterConfig = ClusterConfig()
    """Where large builds run; so many encoders as it has workers."""

    @model_validator(mode="after")
    def _complete(self) -> BuildIndexConfig:
        if self.source is None:
            raise ValueError("source is required: the folder to index")
        return self
