"""What the table of PEFT methods must know of an architecture: its kinds, and which modules each method adapts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from common.errors import ModelError

Kind = Literal["encoder", "causal", "seq2seq"]
"""encoder: texts become vectors. causal: each token is guessed from those before it. seq2seq: an encoder reads the
prompt, a decoder writes the answer."""


@dataclass(frozen=True)
class Architecture:
    """One `model_type` of transformers."""

    model_type: str
    kinds: frozenset[Kind]
    """What we use it as."""
    lora: tuple[str, ...]
    """For search: the attention's query and value projections, as in LoRA's paper; the fused one where there is but
    one."""
    ia3: tuple[str, ...]
    """Keys, values and the second layer of the feed-forward block, as in IA3's paper."""
    feedforward: str
    """The one of `ia3` that is scaled at its input."""
    generation: tuple[str, ...] = ()
    """For generation: all projections into the attention, as in the PEFT study (Weyssow et al. 2023)."""
    prefix: frozenset[Kind] = field(default_factory=frozenset)
    """As what its forward takes past key values, which prefix tuning needs (tried with transformers 5.23)."""


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
    "generation": ("q_proj", "k_proj", "v_proj"),
}
_T5: _Modules = {
    "lora": ("q", "v"),
    "ia3": ("k", "v", "wo"),
    "feedforward": "wo",
    "generation": ("q", "k", "v"),
}
_FUSED: _Modules = {"lora": ("Wqkv",), "ia3": ("Wqkv", "mlp.Wo"), "feedforward": "mlp.Wo"}
_CODEGEN: _Modules = {
    "lora": ("qkv_proj",),
    "ia3": ("qkv_proj", "fc_out"),
    "feedforward": "fc_out",
    "generation": ("qkv_proj",),
}
_BIGCODE: _Modules = {  # "mlp.c_proj", for the attention's output is called c_proj as well
    "lora": ("c_attn",),
    "ia3": ("c_attn", "mlp.c_proj"),
    "feedforward": "mlp.c_proj",
    "generation": ("c_attn",),
}
_ENCODER: frozenset[Kind] = frozenset({"encoder"})
_CAUSAL: frozenset[Kind] = frozenset({"causal"})
_BOTH: frozenset[Kind] = frozenset({"encoder", "causal"})

ARCHITECTURES: dict[str, Architecture] = {
    entry.model_type: entry
    for entry in (
        Architecture("bert", _ENCODER, **_BERT, prefix=_ENCODER),
        Architecture("roberta", _ENCODER, **_BERT, prefix=_ENCODER),
        Architecture("xlm-roberta", _ENCODER, **_BERT, prefix=_ENCODER),
        Architecture("modernbert", _ENCODER, **_FUSED),
        Architecture("nomic_bert", _ENCODER, **_SPLIT),
        Architecture("gte", _ENCODER, **_SPLIT),
        Architecture("qwen2", _BOTH, **_SPLIT, prefix=_BOTH),
        Architecture("qwen3", _BOTH, **_SPLIT, prefix=_BOTH),
        Architecture("t5", frozenset({"encoder", "seq2seq"}), **_T5, prefix=frozenset({"seq2seq"})),
        Architecture("codet5p_embedding", _ENCODER, **_T5),
        Architecture("llama", _CAUSAL, **_SPLIT, prefix=_CAUSAL),
        Architecture("mistral", _CAUSAL, **_SPLIT, prefix=_CAUSAL),
        Architecture("codegen", _CAUSAL, **_CODEGEN, prefix=_CAUSAL),
        Architecture("gpt_bigcode", _CAUSAL, **_BIGCODE, prefix=_CAUSAL),
    )
}


def of_kind(kind: Kind) -> dict[str, Architecture]:
    """The architectures that are used as `kind`."""
    return {name: entry for name, entry in ARCHITECTURES.items() if kind in entry.kinds}


def default_targets(model_type: str) -> tuple[str, ...]:
    """LoRA's targets for search; raises `ModelError` for an architecture outside the table."""
    if model_type not in ARCHITECTURES:
        raise ModelError(
            f"no default adapter targets are known for architecture {model_type!r}",
            "name the modules with --peft.targets",
        )
    return ARCHITECTURES[model_type].lora
