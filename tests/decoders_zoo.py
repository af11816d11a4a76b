"""Small random generators, saved as users have them. Nothing in them is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import (
    CodeGenConfig,
    CodeGenForCausalLM,
    GPTBigCodeConfig,
    GPTBigCodeForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from tests.models_zoo import byte_level

END = "<|endoftext|>"
_SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
_GPT = {"n_embd": 32, "n_inner": 64, "n_layer": 2, "n_head": 4}


def llama(folder: Path, *, seed: int = 0, positions: int = 512) -> Path:
    """A random Llama of two layers with a byte-level tokenizer, in `folder`; returns the folder."""
    return generator(folder, "llama", seed=seed, max_position_embeddings=positions)


def generator(folder: Path, family: str, *, seed: int = 0, **sizes: Any) -> Path:
    """A random generator of two layers with a byte-level tokenizer, in `folder`; returns the folder.

    `sizes` go over those of its configuration.
    """
    tokenizer = byte_level([END], "$A", eos_token=END, pad_token=END)
    tokenizer.save_pretrained(folder)
    ids = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = FAMILIES[family]({"vocab_size": len(tokenizer), **ids, **sizes})
        for name, parameter in model.named_parameters():
            # The usual start is so small that a layer does next to nothing; a trained model's does
            if parameter.dim() == 2 and "embed" not in name and "wte" not in name:
                torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder)
    return folder


def _t5(given: dict[str, Any]) -> PreTrainedModel:
    sizes = {"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": 2, "dropout_rate": 0.0}
    return T5ForConditionalGeneration(T5Config(**{**sizes, "decoder_start_token_id": 0, **given}))


def _codegen(given: dict[str, Any]) -> PreTrainedModel:
    drops = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    return CodeGenForCausalLM(CodeGenConfig(**{**_GPT, **drops, "n_positions": 512, "rotary_dim": 8, **given}))


def _bigcode(given: dict[str, Any]) -> PreTrainedModel:
    drops = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    return GPTBigCodeForCausalLM(GPTBigCodeConfig(**{**_GPT, **drops, "n_positions": 512, **given}))


def _split(config: type, model: type, **own: Any) -> Callable[[dict[str, Any]], PreTrainedModel]:
    sizes = {**_SIZES, "num_key_value_heads": 2, "max_position_embeddings": 512, **own}
    return lambda given: model(config(**{**sizes, **given}))


FAMILIES: dict[str, Callable[[dict[str, Any]], PreTrainedModel]] = {
    "llama": _split(LlamaConfig, LlamaForCausalLM),
    "mistral": _split(MistralConfig, MistralForCausalLM, sliding_window=None),
    "qwen2": _split(Qwen2Config, Qwen2ForCausalLM),
    "qwen3": _split(Qwen3Config, Qwen3ForCausalLM, head_dim=8),
    "codegen": _codegen,
    "gpt_bigcode": _bigcode,
    "t5": _t5,
}
