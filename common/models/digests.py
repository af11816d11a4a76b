"""SHA-256 of weights: how an adapter knows its base."""

from __future__ import annotations

import hashlib
from pathlib import Path


def file_digest(path: Path) -> str:
    """Hex SHA-256 of one file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_digest(folder: Path) -> str | None:
    """Hex SHA-256 of a model folder's safetensors; None where it holds none.

    One file: the file's own digest, so it can be compared with the Hub's. Shards: the digest of the lines
    `NAME DIGEST`, sorted by name.
    """
    shards = sorted(folder.glob("*.safetensors"))
    if len(shards) <= 1:
        return file_digest(shards[0]) if shards else None
    lines = "".join(f"{shard.name} {file_digest(shard)}\n" for shard in shards)
    return hashlib.sha256(lines.encode()).hexdigest()
