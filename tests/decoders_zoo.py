"""Small random causal language models, saved as users have them. Nothing in them is trained."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tests.models_zoo import byte_level

END = "<|endoftext|>"


def llama(folder: Path, *, seed: int = 0, positions: int = 512) -> Path:
    """A random Llama of two layers with a byte-level tokenizer, in `folder`; returns the folder."""
    torch.manual_seed(seed)
    tokenizer = byte_level([END], "$A", eos_token=END, pad_token=END)
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=positions, pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id, bos_token_id=None,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
