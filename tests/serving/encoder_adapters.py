"""Random adapters of many shapes for the small encoders, as records that a server hands round."""

import json

import numpy as np
import torch
from peft import LoraConfig, get_peft_model

from common.adapters.folder import save_adapter
from common.adapters.manifest import read_manifest, write_manifest
from common.adapters.methods import PeftSpec
from common.models.architectures import ARCHITECTURES
from common.models.weights import load_model
from serving.records import Adapter, Place
from tests.models_zoo import CPU, adapter, manifest


def shapes(on):
    """Eight LoRA configurations that differ in rank, targets and scaling."""
    attention, wide = list(ARCHITECTURES[on.architecture].lora), list(ARCHITECTURES[on.architecture].ia3)
    paths = [name for name, _ in load_model(on, CPU).named_modules() if name.endswith(attention[0])]
    return [
        {"r": 4, "lora_alpha": 8, "target_modules": attention},
        {"r": 2, "lora_alpha": 4, "target_modules": attention[:1]},
        {"r": 8, "lora_alpha": 8, "target_modules": wide},
        {"r": 3, "lora_alpha": 6, "target_modules": attention, "use_rslora": True},
        {"r": 4, "lora_alpha": 8, "target_modules": attention, "rank_pattern": {paths[0]: 6},
         "alpha_pattern": {paths[-1]: 3}},
        {"r": 1, "lora_alpha": 20, "target_modules": paths[-1:]},
        {"r": 5, "lora_alpha": 3, "target_modules": wide, "use_rslora": True, "alpha_pattern": {wide[0]: 7}},
        {"r": 16, "lora_alpha": 16, "target_modules": sorted({*attention, *wide})},
    ]  # fmt: skip


def lora(folder, on, seed=0, **config):
    """A random LoRA of PEFT's configuration `config` in `folder`, with a manifest; returns the folder."""
    model = get_peft_model(load_model(on, CPU), LoraConfig(task_type="FEATURE_EXTRACTION", **config))
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data.normal_(0, 0.1, generator=generator)
    save_adapter(model, folder, base_name=on.name, revision=None)
    write_manifest(folder, manifest(folder, on))
    return folder


def of_method(folder, on, method, seed=0):
    """A random adapter of a method, in `folder`."""
    sizes = {"rank": 4} if method in ("dora", "lora") else {"virtual_tokens": 4} if method in VIRTUAL else {}
    return adapter(folder, on, PeftSpec(method=method, **sizes), seed=seed)


VIRTUAL = ("prompt", "prefix")


def record(folder, **changes):
    """What the catalogue says of the adapter in `folder`."""
    said = read_manifest(folder)
    known = {
        "name": said.name,
        "version": None,
        "aliases": (),
        "digest": said.digest,
        "place": Place(folder),
        "base": said.base.id,
        "base_digest": said.base.digest,
        "task": said.task,
        "language": said.language,
        "method": said.peft["method"],
    }
    return Adapter(**(known | changes))


def rewrite(folder, **changes):
    """Change entries of the manifest in `folder`."""
    file = folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def cosines(a, b):
    """Of two lists of vectors, pair by pair."""
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
