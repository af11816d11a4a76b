"""Figure 1 of the PEFT study (Weyssow et al., arXiv 2308.10462): its peak GPU memory beside our prediction.

The sizes are the models' public `config.json`s. The study's batch is 8 and its precision 16 bits; its models see an
instruction and an answer of at most 64 tokens each on CoNaLa, padded to 128 together, with the loss over all logits.
That length, and 16-bit weights for the adapters and fp32 ones for full fine-tuning, are our reading of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from common.adapters.methods import PeftSpec
from common.models.footprint import Workload, predict
from common.models.shapes import Shapes


@dataclass(frozen=True)
class Comparison:
    """One bar of the figure, in GB."""

    name: str
    predicted: float
    published: float

    @property
    def ratio(self) -> float:
        """Predicted over published."""
        return self.predicted / self.published


def _codet5p(width: int, inner: int, layers: int, heads: int) -> dict[str, Any]:
    return {
        "model_type": "t5", "vocab_size": 32100, "d_model": width, "d_ff": inner, "num_layers": layers,
        "num_heads": heads, "d_kv": 64,
    }  # fmt: skip


def _codegen(width: int, layers: int, heads: int) -> dict[str, Any]:
    return {"model_type": "codegen", "vocab_size": 51200, "n_embd": width, "n_layer": layers, "n_head": heads}


def _codellama(width: int, inner: int, layers: int, heads: int, groups: int) -> dict[str, Any]:
    return {
        "model_type": "llama", "vocab_size": 32016, "hidden_size": width, "intermediate_size": inner,
        "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": groups,
    }  # fmt: skip


MODELS: dict[str, dict[str, Any]] = {
    "CodeT5+-220M": _codet5p(768, 3072, 12, 12),
    "CodeT5+-770M": _codet5p(1024, 4096, 24, 16),
    "CodeGen-350M": _codegen(1024, 20, 16),
    "CodeGen2-1B": _codegen(2048, 16, 16),
    "CodeGen2-3.7B": _codegen(4096, 16, 16),
    "CodeGen2-7B": _codegen(4096, 32, 16),
    "CodeLlama-7B": _codellama(4096, 11008, 32, 32, 32),
    "CodeLlama-13B": _codellama(5120, 13824, 40, 40, 40),
    "CodeLlama-34B": _codellama(8192, 22016, 48, 64, 8),
}
PUBLISHED: tuple[tuple[str, str, float], ...] = (
    ("CodeT5+-220M", "full", 3.54),
    ("CodeGen-350M", "full", 5.84),
    ("CodeT5+-770M", "full", 8.16),
    ("CodeLlama-7B", "qlora-4bit", 9.16),
    ("CodeGen2-1B", "lora", 9.8),
    ("CodeGen2-3.7B", "lora", 14.08),
    ("CodeLlama-13B", "qlora-4bit", 15.01),
    ("CodeLlama-7B", "lora", 19.06),
    ("CodeGen2-7B", "lora", 20.29),
    ("CodeLlama-34B", "qlora-4bit", 23.59),
)
"""Model, method, and GB as published."""


def figure_1() -> list[Comparison]:
    """Each bar with our prediction for it."""
    found = []
    for name, method, gigabytes in PUBLISHED:
        shapes = Shapes.of(MODELS[name])
        assert shapes
        seq2seq = len(shapes.stacks) > 1
        work = Workload(
            rows=8, length=64 if seq2seq else 128, answer=64 if seq2seq else 0, dtype="fp16", optimiser="adafactor",
            device="cuda",
        )  # fmt: skip
        spec = PeftSpec.model_validate({"method": method})
        found.append(Comparison(f"{name}, {method}", predict(spec, shapes, work).peak / 1e9, gigabytes))
    return found
