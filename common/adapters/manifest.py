"""`manifest.json`: what an adapter is, what it belongs to, and what it is worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from common.config import Config
from common.errors import AdapterError
from common.runs import write_json

MANIFEST = "manifest.json"


class BaseReference(Config):
    """The base an adapter was trained on."""

    id: str
    """Hub id or folder name."""
    revision: str | None
    """Hub revision, where there is one."""
    digest: str
    """SHA-256 of its weights."""


class Manifest(Config):
    """Everything a user or a server must know before loading an adapter."""

    name: str
    """Name in the registry."""
    version: str | None = None
    """Version in the registry, once registered."""
    task: Literal["search", "generation"]
    """What it is for."""
    language: str
    """Programming language it was trained on, or `all`."""
    base: BaseReference
    """What it is loaded onto; another digest is refused."""
    peft: dict[str, Any]
    """Method and parameters."""
    prompts: dict[str, str]
    """Prompts it was trained with: `query`, `document`."""
    pooling: str | None
    """Pooling it was trained with."""
    max_length: int | None
    """Longest input in tokens it was trained with."""
    data: dict[str, Any]
    """Training data: name, fingerprint, number of pairs."""
    scores: dict[str, Any]
    """Held-out metrics beside those of the baselines."""
    run_id: str | None = None
    """MLflow run that made it."""
    digest: str
    """SHA-256 of the adapter's own weights."""


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` beside the weights, atomically."""
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))


def read_manifest(folder: Path) -> Manifest:
    """Read it back; raises `AdapterError` where it is absent or does not say what it must."""
    file = folder / MANIFEST
    try:
        return Manifest.model_validate(json.loads(file.read_text("utf-8")))
    except FileNotFoundError:
        raise AdapterError(
            f"{folder} is not an adapter folder of ours: it has no {MANIFEST}",
            "train one with `python -m jobs.train_search`, or give the folder RUN/adapter of a finished run",
        ) from None
    except (ValueError, ValidationError) as error:
        raise AdapterError(
            f"{file} is damaged: {' '.join(str(error).split())[:200]}", "train or copy it again"
        ) from error
