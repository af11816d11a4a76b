"""What a checkpoint holds, and why so little is enough.

Adapter weights, the best adapter so far, the optimiser's state and the step. The position of the sampler, the learning
rate and every random draw are functions of the seed and the step, so the step is their whole state, and a run may go
on with another number of workers. It names what it was trained on: base, method and data.

A model whose weights are spread over workers (FSDP) is gathered here, so all of them must call; rank 0 writes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch.distributed.tensor import DTensor, distribute_tensor

from common.errors import AdapterError

ADAPTER, BEST, OPTIMISER, PROGRESS = "adapter.safetensors", "best.safetensors", "optimiser.pt", "progress.json"
_METHOD = "method.pt"

Weights = dict[str, torch.Tensor]


@dataclass
class Progress:
    """Where a run is."""

    step: int = 0
    """Steps done."""
    best_step: int = 0
    best_score: float = float("-inf")
    """Dev score of the best adapter; higher is better, so a loss is negative here."""
    dev_curve: list[tuple[int, float]] = field(default_factory=list)
    """(step, dev MRR or dev loss) of each evaluation."""
    dev_metrics: list[dict[str, float]] = field(default_factory=list)
    """Generation metrics of each evaluation, with `step`."""
    window: list[float] = field(default_factory=list)
    """Losses of the first log window, for the check against chance."""
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    """Time spent in training steps, evaluations left out."""
    items: int = 0
    """Pairs or examples trained on so far."""
    tokens: int = 0
    """Their tokens, padding left out."""
    identity: dict[str, str] = field(default_factory=dict)
    """What the run trains and on what: a checkpoint of anything else is refused."""


def trainable(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """The parameters an optimiser sees, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def weights(model: torch.nn.Module) -> Weights:
    """A copy of the trainable weights on the CPU, whole."""
    return {name: whole(p.detach()).cpu().clone().contiguous() for name, p in trainable(model).items()}


def set_weights(model: torch.nn.Module, values: Weights) -> None:
    """Put trainable weights back."""
    with torch.no_grad():
        for name, parameter in trainable(model).items():
            parameter.copy_(_spread(values[name], parameter))


def save(
    folder: Path | None,
    model: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    best: Weights,
    at: Progress,
    method: dict[str, Any] | None = None,
) -> None:
    """Write a checkpoint into `folder`; Ray Train commits it as a whole. None = give one's part to the writer.

    `method` is what the PEFT method itself remembers, AdaLoRA's importance of each rank.
    """
    now, state = weights(model), _whole_state(optimiser)
    if folder is None:
        return
    save_file(now, folder / ADAPTER)
    save_file(best, folder / BEST)
    torch.save(state, folder / OPTIMISER)
    if method:
        torch.save(method, folder / _METHOD)
    (folder / PROGRESS).write_text(json.dumps(asdict(at)), encoding="utf-8")


def restore(
    folder: Path, model: torch.nn.Module, optimiser: torch.optim.Optimizer, identity: dict[str, str] | None = None
) -> tuple[Weights, Progress]:
    """Load a checkpoint; returns the best adapter so far and the progress.

    Raises `AdapterError` where it belongs to a run of another base, method or data than `identity` says.
    """
    progress = Progress(**json.loads((folder / PROGRESS).read_text("utf-8")))
    _check(progress.identity, identity or {}, folder)
    progress.dev_curve = [(int(step), float(score)) for step, score in progress.dev_curve]
    set_weights(model, load_file(folder / ADAPTER))
    state = torch.load(folder / OPTIMISER, weights_only=True)
    _spread_state(state, optimiser)
    optimiser.load_state_dict(state)
    return load_file(folder / BEST), progress


def method_state(folder: Path) -> dict[str, Any]:
    """What `save` was given as `method`; empty where it was nothing."""
    file = folder / _METHOD
    return torch.load(file, weights_only=True) if file.exists() else {}


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor whose parts lie on several workers, put together on each."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _check(stored: dict[str, str], now: dict[str, str], folder: Path) -> None:
    differs = [
        f"{key} {stored[key][:12]} there, {now[key][:12]} now"
        for key in stored
        if now.get(key, stored[key]) != stored[key]
    ]
    if differs:
        raise AdapterError(
            f"the checkpoint in {folder} is of another run ({'; '.join(differs)})",
            "give a new --run-dir, or the base, method and data that it was made with",
        )


def _spread(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    if not isinstance(like, DTensor):
        return tensor
    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements)


def _whole_state(optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    state = optimiser.state_dict()
    values = {
        key: {name: whole(v) if isinstance(v, torch.Tensor) else v for name, v in entry.items()}
        for key, entry in state["state"].items()
    }
    return {**state, "state": values}


def _spread_state(state: dict[str, Any], optimiser: torch.optim.Optimizer) -> None:
    """Give each worker its part of moments that have their parameter's shape."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    for key, entry in state["state"].items():
        for name, value in entry.items():
            if isinstance(value, torch.Tensor) and value.shape == parameters[key].shape:
                entry[name] = _spread(value, parameters[key])
