"""Adapter folders: PEFT's own files plus the manifest, checked against the base before they are used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from common.adapters.manifest import Manifest, read_manifest
from common.errors import AdapterError
from common.models.digests import file_digest

if TYPE_CHECKING:
    import torch

    from common.models.loading import Base

WEIGHTS = "adapter_model.safetensors"


def adapter_digest(folder: Path) -> str:
    """SHA-256 of the adapter's weights."""
    file = folder / WEIGHTS
    if not file.is_file():
        raise AdapterError(f"{folder} has no {WEIGHTS}", "give the folder RUN/adapter of a finished run")
    return file_digest(file)


def check(folder: Path, base: Base) -> Manifest:
    """The manifest, once weights and base are the ones it names; raises `AdapterError` naming both digests."""
    manifest = read_manifest(folder)
    if manifest.base.digest != base.digest:
        raise AdapterError(
            f"the adapter {manifest.name} was trained on {manifest.base.id} ({manifest.base.digest[:12]}…), "
            f"not on {base.name} ({base.digest[:12]}…)",
            f"load it onto its own base: --model {manifest.base.id}, or the folder of that name",
        )
    if (digest := adapter_digest(folder)) != manifest.digest:
        raise AdapterError(
            f"the weights in {folder} have digest {digest[:12]}…, its manifest says {manifest.digest[:12]}…",
            "the file was changed or damaged: copy or train it again",
        )
    return manifest


def attach(model: torch.nn.Module, folder: Path, base: Base) -> torch.nn.Module:
    """`model` with the adapter merged into its weights; the base is checked first."""
    from peft import PeftModel

    check(folder, base)
    return PeftModel.from_pretrained(model, folder).merge_and_unload()
