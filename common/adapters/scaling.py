"""Moving an adapter towards its base by a factor λ: 0 is the base, 1 the adapter as trained.

Weight interpolation (WiSE-FT, Wortsman et al. 2022) keeps more of what the base could do. Prompt and prefix tuning
have no such line: virtual tokens draw attention whatever their values are, so no value of them gives the base.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.adapters.folder import adapter_digest, attach, check, is_peft, save_adapter
from common.adapters.manifest import Manifest, write_manifest
from common.errors import AdapterError

if TYPE_CHECKING:
    import torch

    from common.models.loading import Base


def scale_adapter(model: Any, factor: float, base: Base | None = None) -> None:
    """Scale in place what `wrap` made. `base` is read again for `full`, whose weights it no longer has.

    lora, rslora: B ← λB. dora: also m ← ‖W‖ + λ(m − ‖W‖) by row, for without it m would still rescale W. ia3:
    l ← 1 + λ(l − 1). vera: Λb ← λΛb. oft: the rotations' angles, not the weights: Q ← λQ. full: W ← W₀ + λ(W − W₀).
    Raises `AdapterError` for prompt and prefix tuning.
    """
    import torch

    if not 0 <= factor <= 1:
        raise AdapterError(
            f"a factor of {factor:g} is not between the base (0) and the adapter (1)", "choose one there"
        )
    with torch.no_grad():
        if not hasattr(model, "peft_config"):
            _towards(model, factor, base)
            return
        if model.active_peft_config.is_prompt_learning:
            raise AdapterError(
                "virtual tokens cannot be moved towards the base: they draw attention whatever their values are",
                "use lora, dora, rslora, ia3 or full where forgetting must be tuned",
            )
        for module in model.modules():
            for weight in getattr(module, "lora_B", {}).values():
                weight.weight.mul_(factor)
            for vector in getattr(module, "lora_magnitude_vector", {}).values():
                norm = torch.linalg.vector_norm(module.get_base_layer().weight.float(), dim=1)
                vector.weight.copy_(torch.lerp(norm.to(vector.weight), vector.weight, factor))
            for vector in getattr(module, "vera_lambda_b", {}).values():
                vector.mul_(factor)
            for rotation in getattr(module, "oft_R", {}).values():
                rotation.weight.mul_(factor)
            for vector in getattr(module, "ia3_l", {}).values():
                vector.copy_(torch.lerp(torch.ones_like(vector), vector, factor))


def interpolate(folder: Path, factor: float, destination: Path, base: Base) -> Manifest:
    """Write the adapter in `folder`, scaled, to `destination`, which plain PEFT loads; returns its manifest.

    The manifest says the factor under `peft.interpolation`, and no longer the scores and version of the original.
    """
    import torch
    from peft import PeftModel

    from common.models.weights import load_model

    manifest = check(folder, base)
    model = load_model(base, torch.device("cpu"))
    if is_peft(folder):
        tuned: Any = PeftModel.from_pretrained(model, folder)  # not merged, as `attach` would
    else:
        tuned = attach(model, folder, base)
    scale_adapter(tuned, factor, base)
    save_adapter(tuned, destination, base_name=manifest.base.id, revision=manifest.base.revision)
    scaled = manifest.model_copy(
        update={
            "peft": {**manifest.peft, "interpolation": factor * manifest.peft.get("interpolation", 1.0)},
            "scores": {},
            "version": None,
            "run_id": None,
            "digest": adapter_digest(destination),
        }
    )
    write_manifest(destination, scaled)
    return scaled


def _towards(model: torch.nn.Module, factor: float, base: Base | None) -> None:
    import torch

    from common.models.weights import load_model

    if base is None:
        raise ValueError("a fully fine-tuned model needs its base to be moved towards it")
    start = dict(load_model(base, torch.device("cpu")).named_parameters())
    for name, parameter in model.named_parameters():
        parameter.copy_(torch.lerp(start[name].to(parameter), parameter, factor))
