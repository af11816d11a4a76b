"""Where an index is."""

from __future__ import annotations

from pathlib import Path


def index_folder(folder: Path) -> Path:
    """The folder of the index, which a training run has inside its own."""
    inside = folder / "index"
    return inside if not (folder / "store.db").exists() and (inside / "store.db").exists() else folder
