"""Putting a fresh adapter around a model: of an encoder for search, of a generator; and what its training needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from common.adapters.builders import Place
from common.adapters.methods import METHODS, PeftSpec, Quantise, bits_of, demand, targets_of
from common.errors import AdapterError
from common.models.architectures import ARCHITECTURES, Kind, of_kind
from common.models.loading import Base, check_room
from common.models.shapes import Shapes

if TYPE_CHECKING:
    import torch

    from common.models.generator import GeneratorBase


def check_fit(spec: PeftSpec, base: Base) -> None:
    """Raise `AdapterError` or `ModelError` where the method does not fit the encoder; needs no weights."""
    _check_kind(spec, base.architecture, "encoder")
    check_room(base, spec.virtual_tokens or 0)
    if "targets" in METHODS[spec.method].parameters:
        targets_of(spec, base.lora_targets, ARCHITECTURES.get(base.architecture))


def check_generator_fit(
    spec: PeftSpec, base: GeneratorBase, quantise: Quantise | None = None, *, checkpointing: bool = False
) -> None:
    """Raise `AdapterError` with the table's reason where method, base, storage and checkpointing do not go together.

    `quantise` is how the base will be stored; none = as the method wants it. Needs no weights.
    """
    _check_kind(spec, base.architecture, base.kind)
    wanted = bits_of(spec)
    quantise = wanted if quantise is None else quantise
    if wanted != "none" and quantise != wanted:
        raise AdapterError(
            f"{spec.method} is LoRA over a base in {wanted.removesuffix('bit')} bits, not over one in {quantise}",
            f"load it with quantise={wanted}, or use --peft.method lora",
        )
    if quantise != "none":
        demand(spec.method, "quantised base")
    if checkpointing:
        demand(spec.method, "gradient checkpointing")
    if base.positions and (spec.virtual_tokens or 0) >= base.positions:
        raise AdapterError(
            f"{spec.virtual_tokens} virtual tokens leave no room in the {base.positions} positions of {base.name}",
            "lower --peft.virtual-tokens",
        )
    names = generator_targets(spec, base.architecture)
    shapes = Shapes.read(base.folder)
    if shapes and names:
        _check_names(names, shapes.names())
    if shapes and spec.block_size:
        _check_blocks(spec.block_size, {one.name: one.inputs for one in shapes.matching(names)})


def generator_targets(spec: PeftSpec, architecture: str) -> tuple[str, ...]:
    """The modules that are adapted in a generator of this architecture; none for methods without targets."""
    if "targets" not in METHODS[spec.method].parameters:
        return ()
    entry = ARCHITECTURES.get(architecture)
    return targets_of(spec, entry.generation if entry else (), entry)


def wrap(model: torch.nn.Module, spec: PeftSpec, targets: tuple[str, ...], seed: int) -> torch.nn.Module:
    """The encoder with a fresh adapter in fp32; only the method's parameters are trainable.

    `targets` are LoRA's modules for this base. `seed` decides the start values, so that every worker begins with the
    same adapter. A fresh adapter gives the base's vectors, except prompt's and prefix's, which do not. `full` trains
    the model itself, which must be in fp32: in bf16 small updates are lost.
    """
    model_type = str(getattr(model.config, "model_type", ""))
    _check_kind(spec, model_type, "encoder")
    entry = ARCHITECTURES.get(model_type)
    targeted = "targets" in METHODS[spec.method].parameters
    names = targets_of(spec, targets, entry) if targeted else ()
    place = Place("encoder", names, entry.feedforward if entry else None, seed=seed)
    return _wrap(model, spec, place)


def trained_on_encoder(spec: PeftSpec, base: Base) -> int:
    """Parameters that the method would train on an encoder: counted on its module without weights."""
    from common.models.weights import skeleton

    wrapped = wrap(skeleton(base), spec, base.lora_targets, seed=0)
    return sum(parameter.numel() for parameter in wrapped.parameters() if parameter.requires_grad)


def wrap_generator(
    model: torch.nn.Module, spec: PeftSpec, base: GeneratorBase, seed: int, *, steps: int | None = None
) -> torch.nn.Module:
    """The generator, as `load_generator` gives it, with a fresh adapter in fp32; only the method's parameters learn.

    `seed` decides the start values. `steps`, the optimiser steps of the whole run, is for adalora, whose training also
    calls `after_step`. `full` trains the model itself, which must be in fp32. A prompt or prefix makes the sequence
    longer by `virtual_tokens`: PEFT pads a causal model's labels itself, and gives logits for the virtual tokens of
    prompt tuning too, in front.
    """
    entry = ARCHITECTURES.get(base.architecture)
    shapes = Shapes.read(base.folder)
    place = Place(
        base.kind,
        generator_targets(spec, base.architecture),
        entry.feedforward if entry else None,
        steps=steps,
        cache=shapes.cache if shapes else None,
        seed=seed,
    )
    return _wrap(model, spec, place)


def parameter_groups(model: torch.nn.Module, spec: PeftSpec, rate: float) -> list[dict[str, Any]]:
    """The trainable parameters as an optimiser takes them, each group with its `lr` and its share `rate_ratio` of
    `rate`; one group, save for loraplus, where B has a group of its own."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    ratio = spec.rate_ratio or 1.0
    slow = [p for name, p in named if ratio == 1 or "lora_B" not in name]
    fast = [p for name, p in named if ratio != 1 and "lora_B" in name]
    groups = [(slow, 1.0), (fast, ratio)]
    return [{"params": found, "lr": rate * share, "rate_ratio": share} for found, share in groups if found]


def after_step(model: Any, spec: PeftSpec) -> Callable[[int], None] | None:
    """What training must call after each optimiser step with the step's number from 0, before gradients are cleared.

    AdaLoRA weighs its parts by weight times gradient there and masks the least important; others need nothing. What it
    remembers from step to step is in `method_state`.
    """
    return model.base_model.update_and_allocate if spec.method == "adalora" else None


def method_state(model: Any, spec: PeftSpec) -> dict[str, Any]:
    """What training must keep in a checkpoint beside weights and optimiser: AdaLoRA's importances and its mask."""
    if spec.method != "adalora":
        return {}
    allocator = model.base_model.rankallocator
    kept = {name: dict(getattr(allocator, name)) for name in _IMPORTANCES}
    return {**kept, "rank_pattern": model.active_peft_config.rank_pattern}


def restore_method_state(model: Any, spec: PeftSpec, state: dict[str, Any]) -> None:
    """Give back what `method_state` gave."""
    if spec.method == "adalora":
        for name in _IMPORTANCES:
            getattr(model.base_model.rankallocator, name).update(state[name])
        model.active_peft_config.rank_pattern = state["rank_pattern"]


_IMPORTANCES = ("ipt", "exp_avg_ipt", "exp_avg_unc")


def _wrap(model: torch.nn.Module, spec: PeftSpec, place: Place) -> torch.nn.Module:
    import torch
    from peft import get_peft_model

    entry = METHODS[spec.method]
    if entry.build is None:
        return _train_all(model)
    _check_targets(model, spec, place.targets)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(place.seed)
        wrapped = get_peft_model(model, entry.build(spec, place))
    for parameter in wrapped.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return wrapped


def _train_all(model: torch.nn.Module) -> torch.nn.Module:
    import torch

    if any(parameter.dtype != torch.float32 for parameter in model.parameters()):
        raise ValueError("full fine-tuning needs the model in fp32; it runs under autocast")
    model.requires_grad_(True)
    model.base_changed = "full fine-tuning trains them themselves"  # type: ignore[assignment]
    return model


def _check_kind(spec: PeftSpec, model_type: str, kind: Kind) -> None:
    demand(spec.method, kind)
    if spec.method != "prefix":
        return
    entry = ARCHITECTURES.get(model_type)
    if entry is None or kind not in entry.prefix:
        able = ", ".join(name for name, known in of_kind(kind).items() if kind in known.prefix)
        raise AdapterError(
            f"prefix tuning needs a model that takes past key values, which {model_type!r} of this release does not",
            f"use --peft.method prompt or lora; prefix fits {able}",
        )


def _check_targets(model: torch.nn.Module, spec: PeftSpec, names: tuple[str, ...]) -> None:
    import torch

    linear = {n: m for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    _check_names(names, linear)
    if spec.block_size:
        _check_blocks(spec.block_size, {n: m.in_features for n, m in linear.items() if matches(n, names)})


def matches(module: str, names: tuple[str, ...]) -> bool:
    """Whether PEFT takes the module of this dotted name for one of the targets."""
    return any(module == name or module.endswith(f".{name}") for name in names)


def _check_names(names: tuple[str, ...], modules: Any) -> None:
    absent = [name for name in names if not any(matches(module, (name,)) for module in modules)]
    if absent:
        raise AdapterError(
            f"{absent} are not linear modules of this base",
            f"--peft.targets takes names among {', '.join(sorted({n.rsplit('.', 1)[-1] for n in modules}))}",
        )


def _check_blocks(size: int, inputs: dict[str, int]) -> None:
    """PEFT would take another size in silence."""
    odd = next((name for name, width in inputs.items() if width % size), None)
    if odd:
        raise AdapterError(
            f"blocks of {size} do not divide the {inputs[odd]} inputs of {odd}",
            "give --peft.block-size a divisor of it",
        )
