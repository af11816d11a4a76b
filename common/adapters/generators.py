"""A generator with a finished adapter: loaded for use or to train on, and merged into a model of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.adapters.folder import check, is_peft
from common.adapters.manifest import Manifest
from common.adapters.methods import METHODS, PeftSpec, Quantise, demand
from common.adapters.wrapping import generator_targets
from common.errors import AdapterError
from common.models.generator import GeneratorBase, load_generator, load_generator_tokenizer

if TYPE_CHECKING:
    import torch


def load_with_adapter(
    base: GeneratorBase,
    folder: Path,
    device: torch.device,
    *,
    dtype: torch.dtype,
    quantise: Quantise = "none",
    expected: PeftSpec | None = None,
    trainable: bool = False,
) -> Any:
    """The base, stored as `quantise` says, with the adapter in `folder` around it, in inference mode.

    A full fine-tuning is loaded in the base's place. With `expected`, an adapter of another method or other parameters
    is refused, so that a resumed run never goes on with something else. `trainable` leaves its parameters trainable, in
    fp32. Raises `AdapterError` where base or weights are not those of the manifest (by digest), where it is a search
    adapter, or where the base cannot be stored that way.
    """
    manifest = check_generation(folder, base, expected)
    if not is_peft(folder):
        if quantise != "none" and trainable:
            demand("full", "quantised base")
        tuned = load_generator(base.model_copy(update={"folder": folder}), device, dtype=dtype, quantise=quantise)
        tuned.base_changed = "full fine-tuning replaced them"
        return tuned.requires_grad_(trainable)
    from peft import PeftModel

    if quantise != "none":
        demand(manifest.peft["method"], "quantised base")
    model = load_generator(base, device, dtype=dtype, quantise=quantise)
    adapted = PeftModel.from_pretrained(model, folder, is_trainable=trainable, autocast_adapter_dtype=True)
    return adapted.eval()


def check_generation(folder: Path, base: GeneratorBase, expected: PeftSpec | None = None) -> Manifest:
    """The manifest, once everything that can be checked without loading fits; raises `AdapterError`."""
    manifest = check(folder, base)
    if manifest.task != "generation":
        raise AdapterError(
            f"{manifest.name} is a {manifest.task} adapter and writes nothing", "give one for generation"
        )
    method = manifest.peft.get("method")
    if method not in METHODS:
        raise AdapterError(
            f"{manifest.name} is of method {method!r}, which this release does not know",
            f"known are {', '.join(METHODS)}",
        )
    if expected is not None and manifest.peft != described(expected, base):
        ours = described(expected, base)
        keys = sorted(ours.keys() | manifest.peft.keys())
        differing = next(key for key in ("method", *keys) if ours.get(key) != manifest.peft.get(key))
        raise AdapterError(
            f"{manifest.name} was trained with {differing} {manifest.peft.get(differing)}, not {ours.get(differing)}",
            "give --peft as it was trained with, or another run folder",
        )
    return manifest


def described(spec: PeftSpec, base: GeneratorBase) -> dict[str, Any]:
    """Method and parameters in force on this base, as a manifest holds them."""
    return spec.describe(generator_targets(spec, base.architecture), base.architecture)


def merge_adapter(
    base: GeneratorBase, folder: Path, destination: Path, *, device: torch.device, dtype: torch.dtype
) -> Path:
    """Write base and adapter as one model with its tokenizer, which plain transformers loads; returns `destination`.

    The base is read again in fp32 and rounded to `dtype` once, at the end: an adapter that was trained over a quantised
    base is merged into the exact weights, never into rounded ones. Raises `AdapterError` for a method that cannot be
    merged, and where `destination` is in use.
    """
    import torch

    if destination.exists() and any(destination.iterdir()):
        raise AdapterError(f"{destination} is not empty, and nothing is written over", "name another folder")
    manifest = check_generation(folder, base)
    demand(manifest.peft["method"], "merge")
    model = merge_in_place(load_with_adapter(base, folder, device, dtype=torch.float32)).to(dtype)
    draft = destination.with_name(f".{destination.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    model.save_pretrained(draft)
    load_generator_tokenizer(base).save_pretrained(draft)
    if destination.exists():
        destination.rmdir()
    draft.rename(destination)
    return destination


def merge_in_place(model: Any) -> Any:
    """The loaded model with its adapter folded into its weights; itself where it has none.

    Raises `AdapterError` for virtual tokens, and over quantised weights, where PEFT would round the sum.
    """
    if not hasattr(model, "peft_config"):
        return model
    if model.active_peft_config.is_prompt_learning:
        demand("prompt", "merge")
    if getattr(model.get_base_model(), "is_quantized", False):
        demand("lora", "merge quantised")
    return model.merge_and_unload()
