"""What a checkpoint holds, and why so little is enough.

Adapter weights, the best adapter so far, the optimiser's state and the step. The position of the sampler, the learning
rate and every random draw are functions of the seed and the step, so the step is their whole state, and a run may go
on with another number of workers.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

ADAPTER, BEST, OPTIMISER, PROGRESS = "adapter.safetensors", "best.safetensors", "optimiser.pt", "progress.json"

Weights = dict[str, torch.Tensor]


@dataclass
class Progress:
    """Where a run is."""

    step: int = 0
    """Steps done."""
    best_step: int = 0
    best_score: float = float("-inf")
    """Dev MRR of the best adapter."""
    dev_curve: list[tuple[int, float]] = field(default_factory=list)
    """(step, dev MRR) of each evaluation."""
    window: list[float] = field(default_factory=list)
    """Losses of the first log window, for the check against chance."""
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    """Time spent in training steps, evaluations left out."""
    pairs: int = 0
    """Pairs trained on so far."""
    tokens: int = 0
    """Tokens of the pairs trained on so far, padding left out."""


def trainable(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """The parameters an optimiser sees, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def weights(model: torch.nn.Module) -> Weights:
    """A copy of the trainable weights on the CPU."""
    return {name: p.detach().cpu().clone().contiguous() for name, p in trainable(model).items()}


def set_weights(model: torch.nn.Module, values: Weights) -> None:
    """Put trainable weights back."""
    with torch.no_grad():
        for name, parameter in trainable(model).items():
            parameter.copy_(values[name])


def save(folder: Path, model: torch.nn.Module, optimiser: torch.optim.Optimizer, best: Weights, at: Progress) -> None:
    """Write a checkpoint into `folder`; Ray Train commits it as a whole."""
    save_file(weights(model), folder / ADAPTER)
    save_file(best, folder / BEST)
    torch.save(optimiser.state_dict(), folder / OPTIMISER)
    (folder / PROGRESS).write_text(json.dumps(asdict(at)), encoding="utf-8")


def restore(folder: Path, model: torch.nn.Module, optimiser: torch.optim.Optimizer) -> tuple[Weights, Progress]:
    """Load a checkpoint; returns the best adapter so far and the progress."""
    set_weights(model, load_file(folder / ADAPTER))
    optimiser.load_state_dict(torch.load(folder / OPTIMISER, weights_only=True))
    progress = Progress(**json.loads((folder / PROGRESS).read_text("utf-8")))
    progress.dev_curve = [(int(step), float(score)) for step, score in progress.dev_curve]
    return load_file(folder / BEST), progress
