"""How a source becomes a corpus with splits. Describes only."""

from __future__ import annotations

from pydantic import Field, model_validator

from common.config import Config


class CorpusConfig(Config):
    """How mined functions become a corpus."""

    seed: int = 0
    """Decides which groups are held out."""
    dev_share: float = Field(default=0.08, gt=0, lt=1)
    """Share of the pairs held out for choosing checkpoints and settings."""
    test_share: float = Field(default=0.12, gt=0, lt=1)
    """Share of the pairs held out for the final score."""
    near_duplicate_threshold: float = Field(default=0.8, gt=0, le=1)
    """Jaccard similarity of token shingles from which on two functions count as the same."""
    limit_dev: int = Field(default=2000, ge=1)
    """At most about so many documents in the dev set, which is scored again and again during training."""
    limit_test: int = Field(default=5000, ge=1)
    """At most about so many pairs held out for the final score; a test set that is given stays whole."""
    deduplicate: bool = True
    """Drop exact repetitions from the training pairs."""
    decontaminate: bool = True
    """Drop training pairs that repeat a held-out query or nearly repeat a held-out document."""
    keep_documentation: float = Field(default=0.0, ge=0, le=1)
    """Share of the training pairs whose code gets its query back as documentation, as most code has some: for queries
    that describe code; less forgetting."""
    limit_train: int | None = Field(default=None, ge=1)
    """At most so many training pairs, chosen by a seeded hash; dev and test stay as they are."""

    @model_validator(mode="after")
    def _leaves_something(self) -> CorpusConfig:
        if self.dev_share + self.test_share >= 1:
            raise ValueError("dev_share and test_share together must leave something to train on")
        return self
