"""Many random LoRA adapters for the serving benchmarks: folders as training writes them, with another seed each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

RANK = 16


SPEC = {"rank": RANK, "alpha": 2.0 * RANK}


def save(wrapped: Any, base: Any, task: Any, folder: Path, count: int) -> list[Path]:
    """`count` adapters in `folder`, from a base that is wrapped in one; their weights do change what comes out."""
    import torch

    from common.adapters.folder import adapter_digest, save_adapter
    from common.adapters.manifest import BaseReference, Manifest, write_manifest
    from common.adapters.methods import PeftSpec

    folders = []
    for number in range(count):
        generator = torch.Generator().manual_seed(number)
        with torch.no_grad():
            for name, weight in wrapped.named_parameters():
                if "lora_" in name:
                    weight.copy_(torch.randn(weight.shape, generator=generator) * 0.02)
        place = folder / f"a{number:03d}"
        save_adapter(wrapped, place, base_name=base.name, revision=None)
        told = Manifest(
            name=place.name, task=task, language="all", peft=PeftSpec(**SPEC).model_dump(mode="json"), prompts={},
            base=BaseReference(id=base.name, revision=None, digest=base.digest), pooling=None, max_length=None,
            data={}, scores={}, digest=adapter_digest(place),
        )  # fmt: skip
        write_manifest(place, told)
        folders.append(place)
    return folders


def record(folder: Path) -> Any:
    """The adapter in a folder as the server's parts hand it around."""
    from serving.sources import Folder

    (adapter,) = Folder(folder).read().adapters
    return adapter


def popular(names: Sequence[Any], count: int, seed: int, power: float = 1.0) -> list[Any]:
    """`count` draws whose frequencies fall with the rank as rank^-power, as S-LoRA's traces do."""
    weights = np.arange(1, len(names) + 1, dtype=float) ** -power
    drawn = np.random.default_rng(seed).choice(len(names), size=count, p=weights / weights.sum())
    return [names[each] for each in drawn]
