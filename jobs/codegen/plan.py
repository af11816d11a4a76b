"""What `train_codegen --dry-run` prints, once base and data were looked at: memory is predicted, nothing loaded."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from common.adapters.counting import trainable_parameters
from common.adapters.generators import described
from common.adapters.methods import METHODS
from common.models.generator import GeneratorBase
from common.models.shapes import Shapes
from common.tracking import tracking_uri
from jobs.codegen.config import TrainCodegenConfig
from jobs.codegen.data import TOKENS, prepare
from jobs.codegen.memory import device_of, limit
from jobs.codegen.pipeline import predicted_memory, resolved, run_folder


def plan(config: TrainCodegenConfig) -> str:
    """What the job would do. Raises `ModelError` with a suggestion where it cannot fit into memory."""
    base = resolved(config)
    with tempfile.TemporaryDirectory() as folder:
        data = prepare(config, base, Path(folder))
        memory = predicted_memory(config, base, Path(folder))
        assert (Path(folder) / TOKENS).is_dir()
    recipe = config.training
    schedule = recipe.schedule(data["examples"])
    tests = ", ".join(f"{count:,} {name}" for name, count in data["tests"].items())
    rate = recipe.learning_rate or METHODS[config.peft.method].generation_rate
    lines = [
        f"base      {base.name} ({base.architecture}, {base.kind}, digest {base.digest[:12]}…)",
        f"adapter   {_adapter(config, base)}",
        f"data      {data['examples']:,} examples of {', '.join(data['sources'])} ({data['tokens']:,} tokens, "
        f"{data['answer_tokens']:,} of them answers), prompt {data['template']}; {data['dev_examples']:,} dev; test "
        f"{tests}; fingerprint {data['fingerprint'][:12]}…",
        f"training  {schedule.steps:,} steps of {recipe.batch} examples on {config.cluster.num_workers} workers, "
        f"{recipe.epochs:g} epochs, {recipe.optimiser} at {rate:g}, {len(recipe.marks(schedule))} evaluations",
        f"memory    {_memory(memory, config)}",
        f"tracking  {tracking_uri(config.tracking, run_folder(config))}, experiment {config.tracking.experiment}",
        f"run       {run_folder(config)}",
    ]
    if data["left_out"]["too_long"]:
        first = data["left_out"]["first"][0]
        lines.insert(
            3,
            f"left out  {data['left_out']['too_long']:,} examples that are too long, first {first['id']}: "
            f"{first['tokens']:,} tokens, {first['excess']:,} too many",
        )
    return "\n".join(lines)


def _adapter(config: TrainCodegenConfig, base: GeneratorBase) -> str:
    shown = [
        ", ".join(value) if isinstance(value, list) else value if key == "method" else f"{key} {value:g}"
        for key, value in described(config.peft, base).items()
    ]
    shapes = Shapes.read(base.folder)
    count = [f"{trainable_parameters(config.peft, shapes):,} trainable parameters"] if shapes else []
    return ", ".join([*shown, *count])


def _memory(memory: dict[str, Any], config: TrainCodegenConfig) -> str:
    if memory["predicted"] is None:
        return "cannot be predicted: the sizes of this architecture are not known"
    parts = ", ".join(f"{name} {size / 1e9:.2f}" for name, size in memory["parts"].items() if size >= 5e6)
    most = limit(config, device_of(config))
    of = "" if most == float("inf") else f" of {most / 1e9:.1f}"
    return f"about {memory['predicted'] / 1e9:.2f}{of} GB a worker ({parts})"
