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

    config = LoraConfig(
        task_type=TaskType.FEATURE_EXTRACTION,
        r=spec.rank,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        target_modules=list(spec.targets or targets),
        bias="none",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return get_peft_model(model, config)
        except ValueError as error:  # PEFT: no module of that name
            linear = sorted({n.rsplit(".", 1)[-1] for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)})
            raise AdapterError(
                f"none of the targets {list(spec.targets or targets)} is a module of this base",
                f"--peft.targets takes names among {', '.join(linear)}",
            ) from error
