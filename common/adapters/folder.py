"""Adapter folders: PEFT's own files plus the manifest, checked against the base before they are used.

A full fine-tuning is a folder of the same use with other weights: transformers' `config.json` and `model.safetensors`
(shards where large) instead of PEFT's files, without a tokenizer, since it is the base's. Its manifest names the base
and the digest of its weights as any other.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from common.adapters.manifest import Manifest, read_manifest
from common.errors import AdapterError
from common.models.digests import file_digest, weights_digest

if TYPE_CHECKING:
    import torch

    from common.models.loading import Base

WEIGHTS = "adapter_model.safetensors"
_PEFT_CONFIG = "adapter_config.json"


def adapter_digest(folder: Path) -> str:
    """SHA-256 of the adapter's weights, or of those of a full fine-tuning."""
    file = folder / WEIGHTS
    digest = file_digest(file) if file.is_file() else None if is_peft(folder) else weights_digest(folder)
    if digest is None:
        raise AdapterError(f"{folder} has no {WEIGHTS}", "give the folder RUN/adapter of a finished run")
    return digest


def is_peft(folder: Path) -> bool:
    """Whether PEFT's files are in it; otherwise it holds a full fine-tuning."""
    return (folder / _PEFT_CONFIG).is_file()


class Weights(Protocol):
    """A base as far as an adapter is concerned."""

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...


def check(folder: Path, base: Weights) -> Manifest:
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


def save_adapter(model: Any, folder: Path, *, base_name: str, revision: str | None) -> None:
    """Write what `wrap` made and training changed, moved into place as a whole; the manifest is the caller's.

    An adapter names its base as `base_name` at `revision`, not the path that it had on this machine. Nothing but
    PEFT's own files (transformers' for `full`) is in the folder afterwards.
    """
    draft = folder.with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    if hasattr(model, "peft_config"):
        for config in model.peft_config.values():
            config.base_model_name_or_path = base_name
            config.revision = revision
        model.save_pretrained(draft, save_embedding_layers=False)  # "auto" would ask the Hub about the vocabulary
        (draft / "README.md").unlink(missing_ok=True)  # PEFT's card is a form with empty fields
    else:
        model.save_pretrained(draft)
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def start_from(model: Any, folder: Path, base: Weights) -> None:
    """Give what `wrap` made the weights of the adapter in `folder`; raises `AdapterError` where they do not fit."""
    from peft import load_peft_weights, set_peft_model_state_dict

    manifest = check(folder, base)
    if not is_peft(folder) or not hasattr(model, "peft_config"):
        raise AdapterError(
            f"{manifest.name} cannot be a start: a full fine-tuning is no adapter", "start from an adapter"
        )
    try:
        loaded = set_peft_model_state_dict(model, load_peft_weights(str(folder), device="cpu"))
        foreign = loaded.unexpected_keys
    except (RuntimeError, KeyError, ValueError) as error:
        foreign = [" ".join(str(error).split())[:160]]
    if foreign:
        raise AdapterError(
            f"{manifest.name} has another method, rank or targets ({foreign[0]})", "give --peft as it was trained with"
        )


def attach(model: torch.nn.Module, folder: Path, base: Base) -> torch.nn.Module:
    """`model`, the base in fp32, with the adapter; base and weights are checked first.

    What can be merged into its weights is. Prompt and prefix tuning stay around it as a `PeftModel`.
    A full fine-tuning takes its place.
    """
    from peft import PeftModel

    check(folder, base)
    if not is_peft(folder):
        from common.models.weights import load_model

        device = next(model.parameters()).device
        tuned = load_model(base.model_copy(update={"folder": folder}), device).to(device)
        tuned.base_changed = "full fine-tuning replaced them"  # type: ignore[assignment]
        return tuned
    wrapped = PeftModel.from_pretrained(model, folder)
    if wrapped.active_peft_config.is_prompt_learning:
        return wrapped
    merged = wrapped.merge_and_unload()
    merged.base_changed = "an adapter is merged into them"
    return merged
