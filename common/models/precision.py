"""Which number format is fast here. Measured, not assumed."""

from __future__ import annotations

import functools
import time

import torch

from common.models.catalogue import Precision


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The dtype for matrix products: as asked, or for `auto` bf16 where a probe shows that it pays."""
    if precision == "auto":
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
        return torch.bfloat16 if cpu_bf16_speedup() > 1.3 else torch.float32
    return torch.bfloat16 if precision == "bf16" else torch.float32


@functools.cache
def cpu_bf16_speedup() -> float:
    """How many times faster a bf16 product is than an fp32 one on this CPU; below 1 without bf16 instructions.

    Best of several tries on a BERT-sized product: a busy neighbour slows a try down and never speeds one up.
    """
    return _best_time(torch.float32) / _best_time(torch.bfloat16)


def _best_time(dtype: torch.dtype) -> float:
    a, b = torch.ones(512, 384, dtype=dtype), torch.ones(1536, 384, dtype=dtype)
    best = float("inf")
    for _ in range(8):
        start = time.perf_counter()
        torch.nn.functional.linear(a, b)
        best = min(best, time.perf_counter() - start)
    return best
