"""What the table of PEFT methods must know of an architecture: its kind, and which modules each method adapts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from common.errors import ModelError

Kind = Literal["encoder", "decoder", "t5"]
"""encoder: sees both sides. decoder: each token sees those before it. t5: the encoder half of a T5."""


@dataclass(frozen=True)
class Architecture:
    """One `model_type` of transformers."""

    model_type: str
    kind: Kind
    lora: tuple[str, ...]
    """The attention's query and value projections, as in LoRA's paper; the fused one where there is but one."""
    ia3: tuple[str, ...]
    """Keys, values and the second layer of the feed-forward block, as in IA3's paper."""
    feedforward: str
    """The one of `ia3` that is scaled at its input."""
    prefix: bool
    """Whether its forward takes past key values, which prefix tuning needs (tried with transformers 5.23)."""


_Modules = dict[str, Any]
# `output.dense` is the attention's output projection as well, as in PEFT's own table for BERT
_BERT: _Modules = {
    "lora": ("query", "value"),
    "ia3": ("key", "value", "output.dense"),
    "feedforward": "output.dense",
}
_SPLIT: _Modules = {
    "lora": ("q_proj", "v_proj"),
    "ia3": ("k_proj", "v_proj", "down_proj"),
    "feedforward": "down_proj",
}
_T5: _Modules = {"lora": ("q", "v"), "ia3": ("k", "v", "wo"), "feedforward": "wo"}
_FUSED: _Modules = {"lora": ("Wqkv",), "ia3": ("Wqkv", "mlp.Wo"), "feedforward": "mlp.Wo"}

ARCHITECTURES: dict[str, Architecture] = {
    entry.model_type: entry
    for entry in (
        Architecture("bert", "encoder", **_BERT, prefix=True),
        Architecture("roberta", "encoder", **_BERT, prefix=True),
        Architecture("xlm-roberta", "encoder", **_BERT, prefix=True),
        Architecture("modernbert", "encoder", **_FUSED, prefix=False),
        Architecture("nomic_bert", "encoder", **_SPLIT, prefix=False),
        Architecture("gte", "encoder", **_SPLIT, prefix=False),
        Architecture("qwen2", "decoder", **_SPLIT, prefix=True),
        Architecture("qwen3", "decoder", **_SPLIT, prefix=True),
        Architecture("t5", "t5", **_T5, prefix=False),
        Architecture("codet5p_embedding", "t5", **_T5, prefix=False),
    )
}


def default_targets(model_type: str) -> tuple[str, ...]:
    """LoRA's targets; raises `ModelError` for an architecture outside the table."""
    if model_type not in ARCHITECTURES:
        raise ModelError(
            f"no default adapter targets are known for architecture {model_type!r}",
            "name the modules with --peft.targets",
        )
    return ARCHITECTURES[model_type].lora
