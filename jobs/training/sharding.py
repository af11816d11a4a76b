"""Full fine-tuning of what does not fit one worker: weights, gradients and optimiser state spread by FSDP2."""

from __future__ import annotations

from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard

from common.adapters.folder import save_adapter
from common.models.generator import load_generator
from jobs.training.checkpoint import Weights, set_weights
from jobs.training.generative_recipe import GenerativeInput


def shard(model: Any, device: torch.device) -> None:
    """Spread a model over all workers, layer by layer, so that one layer at a time is whole on each."""
    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    for layer in layers(model):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)  # losses are shares of the batch's mean: their gradients add up
            module.set_force_sum_reduction_for_comms(True)  # gloo knows no other sum


def layers(model: Any) -> list[torch.nn.Module]:
    """The blocks that transformers names as what must not be split."""
    names = set(model._no_split_modules or ())
    return [module for module in model.modules() if type(module).__name__ in names]


def save(model: Any, weights: Weights, job: GenerativeInput, *, write: bool) -> None:
    """Write the whole weights through an unspread model: transformers saves no parts."""
    if not write:
        return
    whole = load_generator(job.base, torch.device("cpu"), dtype=torch.float32)
    whole.requires_grad_(True)
    set_weights(whole, weights)
    save_adapter(whole, job.output, base_name=job.base.name, revision=job.base.revision)
