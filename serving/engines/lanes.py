"""Other module trees over the same weights, so that an adapter which cannot share a batch changes nobody's layers."""

from __future__ import annotations

import copy
from typing import Any

import torch


def twin(model: torch.nn.Module) -> torch.nn.Module:
    """A copy of the modules that shares every parameter and buffer with `model`: it costs no memory for weights.

    PEFT puts its layers into the tree that it is given; into this one it can, while the first goes on as it is.
    """
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers(), *_eight_bits(model))}
    return copy.deepcopy(model, shared)


def _eight_bits(model: torch.nn.Module) -> list[torch.Tensor]:
    """What bitsandbytes keeps of eight-bit weights beside the parameters: the first pass would take it from them, and
    only for the tree that it runs in."""
    layers: list[Any] = [layer for layer in model.modules() if hasattr(layer, "init_8bit_state")]
    for layer in layers:
        if layer.weight.CB is not None:
            layer.init_8bit_state()
    return [kept for layer in layers for kept in (layer.state.CB, layer.state.SCB) if kept is not None]


def share(model: torch.nn.Module, base: torch.nn.Module) -> int:
    """Let `model` use the parameters of `base` wherever it has the same ones; returns the bytes that stay its own.

    For an adapter that was merged: what it did not touch is not held twice. Both have the base's module names, `model`
    perhaps inside PEFT's.
    """
    inner: torch.nn.Module = model.get_base_model() if hasattr(model, "peft_config") else model  # type: ignore[operator]
    theirs = dict(base.named_parameters())
    for name, parameter in list(inner.named_parameters()):
        other = theirs.get(name)
        if other is None or other.dtype != parameter.dtype or not torch.equal(other, parameter):
            continue
        owner, _, leaf = name.rpartition(".")
        setattr(inner.get_submodule(owner), leaf, other)
    held = {id(parameter) for parameter in theirs.values()}
    return sum(tensor.nbytes for tensor in model.parameters() if id(tensor) not in held)
