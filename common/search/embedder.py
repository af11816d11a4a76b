"""The space that a base and an adapter make, and the encoder of it: for a build, and for the queries of a search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common.adapters.folder import check
from common.adapters.manifest import MANIFEST, Manifest
from common.errors import AdapterError, ConfigError, ModelError, UserError
from common.models.catalogue import Precision, lookup
from common.models.loading import Base, EncoderConfig, resolve
from common.retrieval.space import Origin, Space
from common.retrieval.weighting import EQUAL, Fusion

if TYPE_CHECKING:
    from common.models.encoder import Encoder, Kind

BASE = "base"
_SIZES = ("embed_dim", "hidden_size", "d_model", "n_embd")


@dataclass(frozen=True)
class Embedder:
    """What gives texts their vectors in a space; plain data, so that Ray can send it."""

    base: Base
    adapter: Path | None
    precision: Precision
    space: Space
    origin: Origin

    def load(self) -> Encoder:
        """The encoder, in this process."""
        from common.models.encoder import Encoder

        return Encoder.load(self.base, adapter=self.adapter, precision=self.precision)

    def encode(self, encoder: Encoder, texts: Sequence[str], kind: Kind, label: str = "") -> np.ndarray:
        """(N, H) float32 unit vectors, of the first dimensions where the space has fewer."""
        vectors = encoder.encode(texts, kind, label=label)[:, : self.space.dimensions]
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def query(self, encoder: Encoder, text: str) -> np.ndarray:
        """(H,) of a query; raises `UserError` where it is longer than the base reads, and would be cut."""
        length = len(encoder.tokenizer(self.base.query_prompt + text)["input_ids"])
        if length > self.base.max_length:
            raise UserError(
                f"the query has {length:,} tokens, {self.base.name} reads {self.base.max_length:,}",
                "shorten it, or search for its beginning",
            )
        return self.encode(encoder, [text], "query")[0]


def embedder(
    model: str, options: EncoderConfig, adapter: str | None, precision: Precision, dimensions: int | None = None
) -> Embedder:
    """The embedder of a base with an adapter, a folder or `base` for none.

    Raises `AdapterError` where the adapter is of another base, and `ConfigError` for a cut of the vectors that the
    base was not trained for.
    """
    base = resolve(model, options)
    folder = None if adapter in (None, BASE) else adapter_folder(str(adapter))
    manifest = check(folder, base) if folder else None
    space = _space(base, manifest, _kept(base, dimensions))
    absolute = folder.absolute() if folder else None
    read = options.model_dump(mode="json")
    origin = Origin(model=model, encoder=read, adapter=absolute)
    if manifest:
        fusion = Fusion(**manifest.scores["fusion"]["weights"]) if "fusion" in manifest.scores else EQUAL
        origin = origin.model_copy(update={"language": manifest.language, "fusion": fusion})
    return Embedder(base, absolute, precision, space, origin)


def of_space(space: Space, origin: Origin, adapter: Path | None = None, precision: Precision = "auto") -> Embedder:
    """The embedder of an index' queries; `adapter` stands in where the adapter's folder has moved since the build.

    Raises `UserError` with both names where what is there now makes another space.
    """
    folder = adapter or origin.adapter
    if folder is not None and not (folder / MANIFEST).is_file():
        raise AdapterError(
            f"the adapter {space.adapter} is no longer in {folder}", "say where it is with --adapter-folder"
        )
    options = EncoderConfig.model_validate(origin.encoder)
    found = embedder(origin.model, options, str(folder) if folder else None, precision, space.dimensions)
    space.check(found.space)
    return found


def adapter_folder(name: str) -> Path:
    """The folder of an adapter, or that in a run folder; raises `AdapterError` where there is none."""
    for folder in (Path(name), Path(name) / "adapter"):
        if (folder / MANIFEST).is_file():
            return folder
    raise AdapterError(
        f"{name} is no adapter: it has no {MANIFEST}", "give the folder RUN/adapter of a finished run, or `base`"
    )


def _space(base: Base, manifest: Manifest | None, dimensions: int) -> Space:
    return Space(
        base=base.name, base_digest=base.digest, adapter=manifest.name if manifest else None,
        adapter_digest=manifest.digest if manifest else None, pooling=base.pooling, query_prompt=base.query_prompt,
        document_prompt=base.document_prompt, max_length=base.max_length, dimensions=dimensions,
    )  # fmt: skip


def _kept(base: Base, wanted: int | None) -> int:
    size = _hidden_size(base)
    if wanted is None or wanted == size:
        return size
    spec = lookup(base.name)
    trained = spec.matryoshka if spec else ()
    if wanted not in trained:
        told = f"it was for {', '.join(map(str, trained))}" if trained else "it was for none"
        raise ConfigError(
            f"--dimensions {wanted}: {base.name} was not trained to be cut to that; {told}", "leave it out"
        )
    return wanted


def _hidden_size(base: Base) -> int:
    config: dict[str, Any] = json.loads((base.folder / "config.json").read_text("utf-8"))
    for name in _SIZES:
        if isinstance(config.get(name), int):
            return int(config[name])
    raise ModelError(f"{base.folder / 'config.json'} does not say how long its vectors are", f"it has none of {_SIZES}")
