"""Configurations of the search jobs. Describes only: imports neither torch nor ray."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from common.adapters.methods import METHODS, PeftSpec
from common.config import Config, JobConfig
from common.corpora.config import CorpusConfig
from common.corpora.sources.config import SetConfig, SetOptions
from common.models.catalogue import Precision
from common.models.loading import EncoderConfig
from common.tracking import TrackingConfig
from jobs.ray_session import ClusterConfig
from jobs.training.recipe import Recipe

NamedSource = Literal["codesearchnet", "cosqa", "xlcost", "codetrans", "advtest"]
EvaluationSource = Literal["csn-challenge", "humaneval-x"]  # nothing to train on


class TrainingData(SetOptions):
    """What to train on."""

    source: Literal["stdlib", "pairs", "repository", NamedSource] = "stdlib"
    """stdlib: this interpreter's standard library. pairs: your own JSONL files. repository: your own code, mined as
    jobs.mine_pairs does. Others: published sets."""
    repository: str | None = None
    """For `repository`: a folder, or the URL of a git repository."""
    train: Path | None = None
    """For `pairs`: JSONL with query, document and language a line."""
    dev: Path | None = None
    """For `pairs`: BEIR folder for choosing the best adapter; none = held out from the pairs."""
    test: Path | None = None
    """For `pairs`: BEIR folder for the final score; none = held out from the pairs."""
    corpus: CorpusConfig = CorpusConfig()
    """Shares that are held out, near-duplicates, limits."""

    @model_validator(mode="after")
    def _complete(self) -> TrainingData:
        if self.source == "pairs" and self.train is None:
            raise ValueError("source `pairs` needs data.train, a JSONL file")
        if (self.source == "repository") != (self.repository is not None):
            raise ValueError("data.repository, a folder or a git URL, and source `repository` go together")
        if self.source != "pairs" and (self.train or self.dev or self.test):
            raise ValueError("data.train, data.dev and data.test go with --data.source pairs")
        if self.corpus.keep_documentation and self.source == "stdlib":
            raise ValueError("data.corpus.keep_documentation is for pairs, repositories and published sets")
        if (self.dev is None) != (self.test is None):
            raise ValueError("give data.dev and data.test both, or neither")
        allowed = {"pairs": {"languages"}, "repository": {"languages"}, "stdlib": set()}.get(self.source)
        if allowed is not None and (given := self.given() - allowed):
            raise ValueError(f"data.{min(given)} is for published sets, not for source `{self.source}`")
        return self

    def named(self) -> SetConfig:
        """The published set that is meant."""
        return self.of(self.source)  # type: ignore[arg-type]  # the other sources never get here


class Refinement(Config):
    """A language's own training after a shared one: gentler, because what is learnt last is what makes it forget."""

    learning_rate: float | None = Field(None, gt=0)
    """Peak rate; none = as the shared one."""
    epochs: float | None = Field(None, gt=0)
    """Passes over the language's pairs; none = as the shared one."""


class TrainSearchConfig(JobConfig):
    """Train a search adapter, score it beside its baselines, register it."""

    volatile: ClassVar[frozenset[str]] = frozenset({"run_dir", "cluster", "tracking"})

    model: str = "minilm"
    """Base model: a catalogue alias, a Hub id or a folder."""
    name: str | None = None
    """Name in the registry; none = search-LANGUAGE."""
    alias: str = "candidate"
    """Registry alias that will point at the new version."""
    per_language: bool = False
    """One adapter per language of the data, side by side as far as the cluster allows."""
    shared_start: bool = False
    """With per_language: train one adapter on all languages first, and start each language's from it."""
    refine: Refinement = Refinement()
    """With shared_start: how each language's own training differs."""
    start: Path | None = None
    """Adapter folder to start from, of the same base and --peft; none = a fresh adapter."""
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

    @model_validator(mode="after")
    def _consistent(self) -> TrainSearchConfig:
        method = METHODS[self.peft.method]
        if self.training.anchor and method.trains_base:
            raise ValueError("training.anchor needs the base beside the adapter; full fine-tuning has none left")
        if self.training.interpolate < 1 and not method.mergeable:
            raise ValueError(f"training.interpolate: {self.peft.method} cannot be moved towards the base")
        if self.shared_start and not self.per_language:
            raise ValueError("shared_start goes with per_language")
        if self.refine != Refinement() and not self.shared_start:
            raise ValueError("refine goes with shared_start")
        if self.shared_start and self.data.source == "repository":
            raise ValueError(
                "shared_start: each language of a repository is mined and split by itself, so the shared adapter would "
                "learn what they are tested on; run jobs.mine_pairs and give its pairs with data.dev and data.test"
            )
        if self.start and method.trains_base:
            raise ValueError("start is an adapter folder; full fine-tuning starts from the base")
        if self.per_language and self.index:
            raise ValueError("index goes with one adapter, not with per_language")
        return self


class EvaluationData(SetOptions):
    """What to score on."""

    source: Literal["beir", NamedSource, EvaluationSource] = "beir"
    """beir: a folder with corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv. Others: published sets."""
    split: str = "test"
    """Which qrels; of a published set, dev or test."""
    dev: Path | None = None
    """BEIR folder to choose the hybrid's weights on, by qrels/dev.tsv, or test.tsv where it has no other (RUN/data/dev
    of a training run); none = equal weights."""

    @model_validator(mode="after")
    def _complete(self) -> EvaluationData:
        if self.source == "beir" and (given := self.given() - {"path"}):
            raise ValueError(f"data.{min(given)} is for published sets, not for a BEIR folder")
        if self.source != "beir" and self.split not in ("dev", "test"):
            raise ValueError(f"data.split is dev or test, not {self.split!r}")
        return self

    def named(self) -> SetConfig:
        """The published set that is meant."""
        return self.of(self.source)  # type: ignore[arg-type]  # the other sources never get here


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
    dump_run: int | None = Field(None, ge=1)
    """Write the first so many documents of each query as TREC run files, and the judgements beside them."""

    @model_validator(mode="after")
    def _complete(self) -> EvaluateSearchConfig:
        if self.data.source == "beir" and self.data.path is None:
            raise ValueError("data.path is required: a BEIR folder")
        return self
