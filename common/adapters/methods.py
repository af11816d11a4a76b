"""The table of PEFT methods: what each is called, how it is configured, what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from common.config import Config

if TYPE_CHECKING:
    import torch

Method = Literal["lora"]


class PeftSpec(Config):
    """The adapter to train."""

    method: Method = "lora"
    """LoRA (Hu et al. 2021): W + (alpha / rank) · B·A."""
    rank: int = Field(16, ge=1)
    """Rank r of the update."""
    alpha: float = Field(32, gt=0)
    """Scale; the update is multiplied by alpha / rank."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout before the adapter."""
    targets: tuple[str, ...] = ()
    """Module names to adapt; none = the base's query and value projections."""


def wrap(model: torch.nn.Module, spec: PeftSpec, targets: tuple[str, ...], seed: int) -> torch.nn.Module:
    """The model with a fresh adapter; only the adapter's parameters are trainable.

    `seed` decides the start values, so that every worker begins with the same adapter.
    """
    import torch
    from peft import LoraConfig, TaskType, get_peft_model

    from common.errors import AdapterError

    names = list(spec.targets or targets)
    linear = {n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    absent = [name for name in names if not any(n == name or n.endswith(f".{name}") for n in linear)]
    if absent or not names:
        raise AdapterError(
            f"{absent} are not linear modules of this base" if absent else "no adapter targets are known for this base",
            f"--peft.targets takes names among {', '.join(sorted({n.rsplit('.', 1)[-1] for n in linear}))}",
        )
    config = LoraConfig(
        task_type=TaskType.FEATURE_EXTRACTION,
        r=spec.rank,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        target_modules=names,
        bias="none",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return get_peft_model(model, config)
