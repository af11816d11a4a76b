"""From our record to PEFT's: one function a method. PEFT is imported when one is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.models.architectures import Kind

if TYPE_CHECKING:
    from peft import PeftConfig

    from common.adapters.methods import PeftSpec

TASKS: dict[Kind, str] = {"encoder": "FEATURE_EXTRACTION", "causal": "CAUSAL_LM", "seq2seq": "SEQ_2_SEQ_LM"}
"""PEFT's `task_type` for each use of a model: it decides how the adapted model's forward is called."""


@dataclass(frozen=True)
class Place:
    """Where an adapter goes."""

    kind: Kind
    targets: tuple[str, ...] = ()
    """Modules to adapt; none for the methods that adapt the input."""
    feedforward: str | None = None
    """The module among them that IA3 scales at its input."""
    steps: int | None = None
    """Optimiser steps of the whole training, which AdaLoRA's schedule needs."""
    cache: tuple[int, int, int] | None = None
    """Layers, heads and width of a head of the keys that prefix tuning trains; none = as PEFT guesses."""
    seed: int = 0
    """Decides VeRA's frozen matrices."""


def lora(spec: PeftSpec, place: Place) -> PeftConfig:
    """LoRA, QLoRA, LoRA+, DoRA, rsLoRA: they differ in the base, in the optimiser or by a flag."""
    from peft import LoraConfig

    return LoraConfig(
        task_type=TASKS[place.kind],
        r=spec.rank,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        target_modules=list(place.targets),
        use_dora=spec.method == "dora",
        use_rslora=spec.method == "rslora",
        bias="none",
    )


def adalora(spec: PeftSpec, place: Place) -> PeftConfig:
    """Starts at 1.5 times the rank and is pruned to it on average, from a tenth to two thirds of the run."""
    from peft import AdaLoraConfig

    if place.steps is None:
        raise ValueError("AdaLoRA needs the number of steps: wrap_generator(..., steps=N)")
    return AdaLoraConfig(
        task_type=TASKS[place.kind],
        init_r=first_rank(spec),
        target_r=spec.rank,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        target_modules=list(place.targets),
        bias="none",
        tinit=place.steps // 10,
        tfinal=place.steps // 3,
        deltaT=max(1, min(10, place.steps // 100)),
        total_step=place.steps,
    )


def first_rank(spec: PeftSpec) -> int:
    """The rank that AdaLoRA starts with: 1.5 times the one it ends with, as in its paper (Zhang et al. 2023)."""
    assert spec.rank
    return -(-3 * spec.rank // 2)


def vera(spec: PeftSpec, place: Place) -> PeftConfig:
    """The frozen matrices are saved with the vectors: another release of torch may draw others from one seed."""
    from peft import VeraConfig

    return VeraConfig(
        task_type=TASKS[place.kind],
        r=spec.rank,
        vera_dropout=spec.dropout,
        target_modules=list(place.targets),
        projection_prng_key=place.seed,
        save_projection=True,
        bias="none",
    )


def oft(spec: PeftSpec, place: Place) -> PeftConfig:
    """Exact Cayley: the approximate one is faster and strays from a rotation."""
    from peft import OFTConfig

    return OFTConfig(
        task_type=TASKS[place.kind],
        r=0,
        oft_block_size=spec.block_size,
        module_dropout=0.0,
        target_modules=list(place.targets),
        use_cayley_neumann=False,
        bias="none",
    )


def ia3(spec: PeftSpec, place: Place) -> PeftConfig:
    """Vectors at the outputs of the targets, at the input of the feed-forward one."""
    from peft import IA3Config

    return IA3Config(
        task_type=TASKS[place.kind],
        target_modules=list(place.targets),
        feedforward_modules=[name for name in place.targets if name == place.feedforward],
    )


def prompt(spec: PeftSpec, place: Place) -> PeftConfig:
    """Starts from words of the vocabulary (Lester et al. 2021): random values have not the norm of a word's."""
    from peft import PromptTuningConfig

    return PromptTuningConfig(
        task_type=TASKS[place.kind],
        num_virtual_tokens=spec.virtual_tokens,
        prompt_tuning_init="SAMPLE_VOCAB",
        num_transformer_submodules=1,  # PEFT would make a second set for a decoder, and never use it
    )


def prefix(spec: PeftSpec, place: Place) -> PeftConfig:
    """Without the projection that the paper trains through and throws away."""
    from peft import PrefixTuningConfig

    shape: dict[str, Any] = {}
    if place.cache:
        layers, heads, width = place.cache
        shape = {"num_layers": layers, "num_attention_heads": heads, "token_dim": heads * width}
    return PrefixTuningConfig(task_type=TASKS[place.kind], num_virtual_tokens=spec.virtual_tokens, **shape)
