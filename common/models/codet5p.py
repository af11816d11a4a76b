"""CodeT5+ embedding (Wang et al. 2023) without its remote code: T5's encoder and a linear projection.

Reads a checkpoint of the layout of Salesforce/codet5p-110m-embedding: T5's encoder tensors, `proj.weight` and
`proj.bias`. The documented vector is the projection of the first token at length 1: pooling `cls`.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import T5Config, T5EncoderModel
from transformers.modeling_outputs import BaseModelOutput


class CodeT5pEmbeddingConfig(T5Config):
    """T5's configuration and the length of a vector."""

    model_type = "codet5p_embedding"
    embed_dim: int = 256


class CodeT5pEmbeddingModel(T5EncoderModel):
    """Gives every token's projection as `last_hidden_state`, (B, T, embed_dim), so that it pools as others do."""

    config_class = CodeT5pEmbeddingConfig

    def __init__(self, config: CodeT5pEmbeddingConfig) -> None:
        super().__init__(config)
        self.proj = torch.nn.Linear(config.d_model, config.embed_dim)

    def forward(self, *args: Any, **kwargs: Any) -> BaseModelOutput:
        hidden_BTH = super().forward(*args, **kwargs).last_hidden_state
        return BaseModelOutput(last_hidden_state=self.proj(hidden_BTH))
