"""Attention within segments: examples lie end to end in one row, and none sees another.

Registered with transformers under a name, so that any architecture that takes attention from its table can use it.
On a GPU with 16-bit weights one variable-length kernel does all segments; elsewhere each has a call of its own, which
is cheap, because a segment needs no mask but the causal one, and nothing is computed for other segments.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import AttentionInterface

NAME = "codeadapters_segments"


def can_pack(model: Any) -> bool:
    """Whether a causal model's attention can be replaced: it takes it from the table, and looks at all before it."""
    config = model.config
    window = getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True)
    odd = getattr(config, "attn_logit_softcapping", None) or getattr(config, "alibi", False)
    return bool(getattr(model, "_supports_attention_backend", False)) and not window and not odd


@contextlib.contextmanager
def segmented(model: Any) -> Iterator[None]:
    """Within the block the model attends within segments, which each call must name by `cu_seq_lens_q`."""
    AttentionInterface.register(NAME, attend)
    before = model.config._attn_implementation
    model.config._attn_implementation = NAME
    try:
        yield
    finally:
        model.config._attn_implementation = before


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    *,
    cu_seq_lens_q: torch.Tensor,
    segments: Sequence[int],
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each segment. (1, H, T, D) → (1, T, H, D).

    `segments` are the lengths, `cu_seq_lens_q` their sums from 0 on the device. A model that does not hand these two on
    to its attention fails here, rather than let examples see each other.
    """
    groups = query.shape[1] // key.shape[1]
    if query.is_cuda and query.dtype in (torch.bfloat16, torch.float16) and not dropout:
        from torch.nn.attention.varlen import varlen_attn

        q, k, v = (t[0].transpose(0, 1).contiguous() for t in (query, key, value))
        longest = max(segments)
        mixed = varlen_attn(q, k, v, cu_seq_lens_q, cu_seq_lens_q, longest, longest, scale=scaling,
                            window_size=(-1, 0), enable_gqa=groups > 1)  # fmt: skip
        return mixed.unsqueeze(0), None  # type: ignore[union-attr]
    if groups > 1:
        key, value = (t.repeat_interleave(groups, dim=1) for t in (key, value))
    parts = [
        torch.nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True, scale=scaling)
        for q, k, v in zip(*(t.split(list(segments), dim=2) for t in (query, key, value)), strict=True)
    ]
    return torch.cat(parts, dim=2).transpose(1, 2), None
