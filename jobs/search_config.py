"""Configurations of the search jobs. Describes only: imports neither torch nor ray."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from common.adapters.methods import PeftSpec
from common.config import Config, JobConfig
from common.corpora.config import CorpusConfig
from common.models.catalogue import Precision
from common.models.loading import EncoderConfig
from common.tracking import TrackingConfig
from jobs.ray_session import ClusterConfig
from jobs.training.recipe import Recipe


class TrainingData(Config):
    """What to train on."""

    source: Literal["stdlib", "pairs"] = "stdlib"
    """stdlib: this interpreter's standard library. pairs: your own JSONL files."""
    train: Path | None = None
    """For `pairs`: JSONL with query, document and language a line."""
    dev: Path | None = None
    """BEIR folder for choosing the best adapter; none = held out from the pairs."""
    test: Path | None = None
    """BEIR folder for the final score; none = held out from the pairs."""
    corpus: CorpusConfig = CorpusConfig()
    """Shares that are held out, near-duplicates, limits."""

    @model_validator(mode="after")
    def _complete(self) -> TrainingData:
        if self.source == "pairs" and self.train is None:
            raise ValueError("source `pairs` needs data.train, a JSONL file")
        if self.source == "stdlib" and (self.train or self.dev or self.test):
            raise ValueError("data.train, data.dev and data.test go with --data.source pairs")
        if (self.dev is None) != (self.test is None):
            raise ValueError("give data.dev and data.test both, or neither")
        return self


class TrainSearchConfig(JobConfig):
    """Train a search adapter, score it beside its baselines, register it."""

    volatile: ClassVar[frozenset[str]] = frozenset({"run_dir", "cluster", "tracking"})

    model: str = "minilm"
    """Base model: a catalogue alias, a Hub id or a folder."""
    name: str | None = None
    """Name in the registry; none = search-LANGUAGE."""
    alias: str = "candidate"
    """Registry alias that will point at the new version."""
    index: bool = False
    """Also encode every document of the corpus, so that jobs.search_code can search them."""
    encoder: EncoderConfig = EncoderConfig()
    """How the base encodes."""
    peft: PeftSpec = PeftSpec()
    """The adapter."""
    data: TrainingData = TrainingData()
    """The pairs."""
    training: Recipe = Recipe()
    """The recipe."""
    cluster: ClusterConfig = ClusterConfig()
    """Where it runs."""
    tracking: TrackingConfig = TrackingConfig()
    """Where it is tracked."""


class EvaluationData(Config):
    """What to score on."""

    path: Path | None = None
    """BEIR folder: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv."""
    split: str = "test"
    """Which qrels."""


class EvaluateSearchConfig(JobConfig):
    """Score BM25, the bare base, an adapter and the hybrid on a retrieval set."""

    model: str = "minilm"
    """Base model: a catalogue alias, a Hub id or a folder."""
    adapter: Path | None = None
    """Adapter folder; none = the base alone."""
    encoder: EncoderConfig = EncoderConfig()
    """How the base encodes."""
    data: EvaluationData = EvaluationData()
    """The retrieval set."""
    precision: Precision = "auto"
    """fp32, bf16, or auto: bf16 where it is faster here."""
    seed: int = Field(0, ge=0)
    """Seeds the bootstrap."""

    @model_validator(mode="after")
    def _complete(self) -> EvaluateSearchConfig:
        if self.data.path is None:
            raise ValueError("data.path is required: a BEIR folder")
        return self
