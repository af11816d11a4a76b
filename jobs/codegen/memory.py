"""The memory of a run before it begins: its largest pass from the tokens, the prediction, the limit it must keep."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from common.adapters.methods import METHODS
from common.models.batching import split_evenly
from common.models.footprint import Footprint, Workload, fits
from common.models.generator import GeneratorBase
from common.models.precision import choose_dtype
from jobs.codegen.config import TrainCodegenConfig
from jobs.training.packing import CHUNK, Micro, plan_bucketed, plan_packed
from jobs.training.tokenised import TokenStore

LOOKED_AT = 200
"""Steps whose passes are looked at."""


def device_of(config: TrainCodegenConfig) -> Literal["cpu", "cuda"]:
    """Where the workers will train, as far as this machine can tell."""
    import torch

    wanted = config.cluster.use_gpu
    return "cuda" if wanted or (wanted is None and torch.cuda.device_count() >= config.cluster.num_workers) else "cpu"


def check_memory(config: TrainCodegenConfig, base: GeneratorBase, store: TokenStore) -> Footprint | None:
    """The predicted footprint of a worker; raises `ModelError` with a suggestion where it cannot fit.

    None where the architecture's sizes are not known.
    """
    device = device_of(config)
    return fits(config.peft, base, workload(config, base, store, device), limit(config, device))


def workload(
    config: TrainCodegenConfig, base: GeneratorBase, store: TokenStore, device: Literal["cpu", "cuda"]
) -> Workload:
    """The largest pass of the run's first steps."""
    import torch

    recipe, workers = config.training, config.cluster.num_workers
    packed = base.kind == "causal" and recipe.layout != "bucketed" and not config.peft.virtual_tokens
    plan = plan_packed if packed else plan_bucketed
    budget = recipe.tokens_per_chunk or CHUNK[device]
    schedule = recipe.schedule(len(store))
    worst, size, answer, several = Micro((0,), 1, packed), 0, 1, False
    for step in range(min(schedule.steps, LOOKED_AT)):
        rows = schedule.rows(step)
        lengths = (store.prompts if base.kind == "seq2seq" else store.lengths)[rows]
        for share in split_evenly(store.lengths[rows].tolist(), workers):
            passes = plan(lengths[share].tolist(), budget=budget)
            several = several or len(passes) > 1
            for micro in passes:
                tokens = micro.length * (1 if micro.packed else len(micro.rows))
                if tokens > size:
                    worst, size = micro, tokens
                    answers = store.answers[rows][share][list(micro.rows)]
                    answer = int(-(-answers.sum() // len(micro.rows)) if micro.packed else answers.max())
    length = -(-worst.length // len(worst.rows)) if worst.packed else worst.length
    whole = METHODS[config.peft.method].trains_base
    dtype = choose_dtype(recipe.precision, torch.device(device))
    return Workload(
        rows=len(worst.rows),
        length=length,
        answer=answer,
        dtype="fp32" if dtype == torch.float32 else "bf16",
        optimiser=recipe.optimiser,
        accumulates=several,
        checkpointing=recipe.gradient_checkpointing,
        device=device,
        shards=workers if recipe.fsdp and whole else 1,
    )


def limit(config: TrainCodegenConfig, device: Literal["cpu", "cuda"]) -> float:
    """Bytes that a worker may take: as the recipe says, the GPU's, or its share of this machine's free memory; no end
    where the cluster is another machine's."""
    if config.training.memory_limit:
        return config.training.memory_limit * 1e9
    if device == "cuda":
        import torch

        return float(torch.cuda.get_device_properties(0).total_memory) if torch.cuda.is_available() else float("inf")
    if config.cluster.address:
        return float("inf")
    return available() / config.cluster.num_workers


def available(meminfo: Path = Path("/proc/meminfo")) -> float:
    """Bytes that this machine can give without swapping; no end where it does not say."""
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
    return float("inf")
