"""Another module tree over the same weights, so that an adapter which cannot share a batch changes nobody's layers."""

from __future__ import annotations

import copy

import torch


def twin(model: torch.nn.Module) -> torch.nn.Module:
    """A copy of the modules that shares every parameter and buffer with `model`: it costs no memory for weights.

    PEFT puts its layers into the tree that it is given; into this one it can, while the first goes on as it is.
    """
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)
