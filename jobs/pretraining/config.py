"""Configuration of `jobs.train_standin`. Describes only."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, model_validator

from common.config import Config, JobConfig
from jobs.ray_session import ClusterConfig


class Shape(Config):
    """The size of the model. The defaults make 4.8 million parameters, 9.6 MB in bf16."""

    vocabulary: int = Field(4096, ge=300)
    """Tokens of the byte-level BPE, special ones included."""
    hidden: int = Field(256, ge=8)
    """Width of the residual stream."""
    layers: int = Field(5, ge=1)
    """Transformer blocks."""
    heads: int = Field(4, ge=1)
    """Attention heads."""
    feedforward: int = Field(640, ge=8)
    """Width of the gated feed-forward block."""
    positions: int = Field(768, ge=16)
    """Longest text in tokens, and the length of a training row."""

    @model_validator(mode="after")
    def _divides(self) -> Shape:
        if self.hidden % (2 * self.heads):
            raise ValueError("hidden must be a multiple of 2 · heads: rotary positions turn pairs")
        return self


class Schedule(Config):
    """How it is trained."""

    epochs: int = Field(3, ge=1)
    """Passes over the library."""
    batch: int = Field(8, ge=1)
    """Rows a step, over all workers."""
    muon_rate: float = Field(4e-3, gt=0)
    """Peak rate of Muon (Jordan et al. 2024), which trains the matrices of the blocks."""
    adam_rate: float = Field(4e-3, gt=0)
    """Peak rate of AdamW, which trains embeddings and norms."""
    weight_decay: float = Field(0.1, ge=0)
    """Decoupled decay of the matrices."""
    warmup_share: float = Field(0.03, ge=0, lt=1)
    """Share of the steps with a rising rate; linear decay to zero afterwards."""
    clip_norm: float = Field(1.0, gt=0)
    """Largest gradient norm."""
    evaluations: int = Field(8, ge=1)
    """How often the held-out modules are read, and a checkpoint written."""
    rows_at_once: int = Field(2, ge=1)
    """Rows that run through the model together; a step accumulates."""
    seed: int = 0
    """Seeds weights and the order of the rows."""


class TrainStandinConfig(JobConfig):
    """Train the embedded base from scratch on the standard library."""

    volatile: ClassVar[frozenset[str]] = frozenset({"run_dir", "cluster"})

    name: str = "stdlib-llama-5m"
    """Name on the model card."""
    limit_files: int | None = Field(None, ge=4)
    """Read so many files only, for tests."""
    shape: Shape = Shape()
    """Size of the model."""
    training: Schedule = Schedule()
    """How it is trained."""
    cluster: ClusterConfig = ClusterConfig()
    """Where it runs."""
