"""Configuration of `jobs.mine_negatives`. Describes only: imports neither torch nor ray."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from common.config import Config, JobConfig
from common.models.catalogue import Precision
from common.models.loading import EncoderConfig


class NegativesData(Config):
    """What to mine."""

    train: Path | None = None
    """JSONL with query, document and language a line, plain or .gz."""


class ConsistencyConfig(Config):
    """Which pairs are kept: CoRNStack's filter. A pair that fails goes to RUN/inconsistent.jsonl."""

    top: int | None = Field(2, ge=1)
    """Keep a pair whose document is among so many best for its own query; None = whatever its rank."""
    min_score: float | None = Field(None, ge=-1, le=1)
    """Keep a pair whose cosine is above this; None = whatever its cosine. CoRNStack's 0.7 belongs to its model: MiniLM
    scores far lower. The report shows how the scores lie."""


class GuardConfig(Config):
    """What is no negative although it is not the pair's own document. Always: what the same query, written in whatever
    way, or the same `problem` has as its document."""

    near_duplicate: float | None = Field(0.8, gt=0, le=1)
    """Refuse documents whose token shingles overlap the own one's by this Jaccard similarity; None = none."""
    same_name: bool = True
    """Refuse functions of the same name in the same repository (overloads), where the pairs say both."""


class SearchConfig(Config):
    """How the nearest documents are found."""

    exact_up_to: int = Field(1_000_000, ge=0)
    """Documents of a pool up to which all are compared; above, FAISS IVF with 4·√documents lists."""
    probes: int = Field(64, ge=1)
    """IVF lists that a query looks into."""


class MineNegativesConfig(JobConfig):
    """Give each pair hard negatives, and set inconsistent pairs aside."""

    model: str = "minilm"
    """Base model: a catalogue alias, a Hub id or a folder."""
    adapter: Path | None = None
    """Adapter folder; none = the base alone."""
    encoder: EncoderConfig = EncoderConfig()
    """How the base encodes."""
    precision: Precision = "auto"
    """fp32, bf16, or auto: bf16 where it is faster here."""
    data: NegativesData = NegativesData()
    """The pairs."""
    per_query: int = Field(8, ge=0)
    """Negatives a pair gets; 0 = only filter. A pair with fewer candidates keeps what there is, and is counted."""
    pool: Literal["language", "all"] = "language"
    """Where negatives come from, and what a document is ranked among: documents of the pair's language, or all."""
    margin: float = Field(0.95, gt=0, le=1)
    """A negative scores at most this share of the own document's score (where that is negative: as far below it)."""
    skip_top: int = Field(0, ge=0)
    """Leave out so many nearest documents."""
    depth: int = Field(100, ge=1)
    """Nearest documents that are looked at."""
    sampling: Literal["top", "random"] = "top"
    """top: the hardest of what is left. random: a seeded choice of what is left, a wider spread of difficulty."""
    seed: int = Field(0, ge=0)
    """Seeds the random choice."""
    guards: GuardConfig = GuardConfig()
    """False negatives to refuse."""
    consistency: ConsistencyConfig = ConsistencyConfig()
    """Which pairs are kept."""
    search: SearchConfig = SearchConfig()
    """How the nearest documents are found."""

    @model_validator(mode="after")
    def _complete(self) -> MineNegativesConfig:
        if self.data.train is None:
            raise ValueError("data.train is required: a JSONL file of pairs")
        if self.skip_top >= self.depth:
            raise ValueError(f"skip_top {self.skip_top} leaves nothing of depth {self.depth}")
        if self.consistency.top is not None and self.consistency.top > self.depth:
            raise ValueError(f"consistency.top {self.consistency.top} is more than depth {self.depth} can tell")
        if self.per_query == 0 and self.consistency.top is None and self.consistency.min_score is None:
            raise ValueError("per_query 0 without consistency.top and consistency.min_score leaves nothing to do")
        return self
