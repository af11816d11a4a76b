"""A base model, with or without an adapter, as a function from texts to unit vectors.

Tensor names carry their shape: B rows, T tokens, H hidden size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from common.errors import AdapterError
from common.models.batching import Chunk, plan_chunks
from common.models.catalogue import Precision
from common.models.loading import Base, check_room
from common.models.precision import choose_dtype
from common.models.tokens import Kind, load_tokenizer, tokenize
from common.models.weights import load_model
from common.progress import progress

__all__ = ["Encoder", "Kind", "load_model"]

TOKENS_PER_CHUNK = {"cpu": 2048, "cuda": 65536}
"""Tokens that run together while encoding; on a CPU larger chunks fall out of the cache and are slower."""


class Encoder:
    """Encodes queries and documents; every vector has length 1, so a dot product is a cosine."""

    def __init__(self, base: Base, model: torch.nn.Module, dtype: torch.dtype, device: torch.device) -> None:
        self.base = base
        self.model = model
        self.dtype = dtype
        self.device = device
        self.tokenizer = load_tokenizer(base)
        check_room(base, virtual_tokens(model))

    @property
    def hidden_size(self) -> int:
        """H, the length of a vector: that of the projection where the model ends in one."""
        config: Any = self.model.config
        return int(getattr(config, "embed_dim", None) or config.hidden_size)

    @classmethod
    def load(
        cls, base: Base, *, adapter: Path | None = None, precision: Precision = "auto", device: str | None = None
    ) -> Encoder:
        """The base in inference mode, with the adapter in the folder `adapter`, merged where its method allows.

        Raises `AdapterError` where the adapter was trained on another base.
        """
        torch_device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        model = load_model(base, torch_device)
        if adapter is not None:
            from common.adapters.folder import attach

            model = attach(model, adapter, base)  # merged in fp32: rounding comes once, afterwards
        dtype = choose_dtype(precision, torch_device)
        return cls(base, model.to(torch_device, dtype).eval(), dtype, torch_device)

    @contextmanager
    def base_only(self) -> Iterator[None]:
        """Within it the adapter is switched off, and vectors are those of the base.

        Raises `AdapterError` where the base's weights are gone: a merged adapter, full fine-tuning.
        """
        changed = getattr(self.model, "base_changed", None)
        if changed:
            raise AdapterError(f"the base's own weights are not here: {changed}", "load the base a second time")
        if virtual_tokens(self.model):  # the bare model stands inside; PEFT 0.21's own switch fails here
            adapted, self.model = self.model, self.model.base_model  # type: ignore[assignment]
            try:
                yield
            finally:
                self.model = adapted
        elif hasattr(self.model, "peft_config"):
            with self.model.disable_adapter():  # type: ignore[operator]
                yield
        else:
            yield

    def tokenize(self, texts: Sequence[str], kind: Kind) -> list[list[int]]:
        """Token ids with the documented prompt and special tokens, cut at the base's `max_length`."""
        return tokenize(self.tokenizer, self.base, texts, kind)

    def embed(self, ids: Sequence[Sequence[int]], chunk: Chunk) -> torch.Tensor:
        """Unit vectors (B, H) in fp32 for the rows of one chunk; differentiable.

        Prompt tuning's V virtual tokens stand in front of each text and come out too, (B, V + T, H): they are left out,
        so that the mean is over the text, the first token is the text's, and the last one is found.
        """
        tokens_BT, mask_BT = self._pad(ids, chunk)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            hidden_BTH = self.model(input_ids=tokens_BT, attention_mask=mask_BT).last_hidden_state
        hidden_BTH = hidden_BTH[:, hidden_BTH.shape[1] - tokens_BT.shape[1] :]
        return torch.nn.functional.normalize(self._pool(hidden_BTH.float(), mask_BT), dim=1)

    def encode(
        self, texts: Sequence[str], kind: Kind, *, tokens_per_chunk: int | None = None, label: str = ""
    ) -> np.ndarray:
        """Unit vectors (len(texts), H), float32. With a `label`, a progress bar where it takes over two seconds."""
        return self.encode_ids(self.tokenize(texts, kind), tokens_per_chunk=tokens_per_chunk, label=label)

    def encode_ids(
        self, ids: Sequence[Sequence[int]], *, tokens_per_chunk: int | None = None, label: str = ""
    ) -> np.ndarray:
        """The same from token ids, as `tokenize` gives them."""
        self.model.eval()
        budget = tokens_per_chunk or TOKENS_PER_CHUNK[self.device.type]
        vectors = np.zeros((len(ids), self.hidden_size), dtype=np.float32)
        with torch.inference_mode(), progress(len(ids), label, "text") as bar:
            for chunk in plan_chunks([len(row) for row in ids], budget=budget):
                vectors[list(chunk.rows)] = self.embed(ids, chunk).cpu().numpy()
                bar.update(len(chunk.rows))
        return vectors

    def _pad(self, ids: Sequence[Sequence[int]], chunk: Chunk) -> tuple[torch.Tensor, torch.Tensor]:
        tokens = np.full((len(chunk.rows), chunk.length), self.tokenizer.pad_token_id, dtype=np.int64)
        mask = np.zeros_like(tokens)
        for position, row in enumerate(chunk.rows):
            tokens[position, : len(ids[row])] = ids[row]
            mask[position, : len(ids[row])] = 1
        return torch.from_numpy(tokens).to(self.device), torch.from_numpy(mask).to(self.device)

    def _pool(self, hidden_BTH: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
        if self.base.pooling == "cls":
            return hidden_BTH[:, 0]
        count_B1 = mask_BT.sum(1, keepdim=True)
        if self.base.pooling == "last":
            rows = torch.arange(len(hidden_BTH), device=hidden_BTH.device)
            return hidden_BTH[rows, count_B1[:, 0] - 1]
        return (hidden_BTH * mask_BT[..., None]).sum(1) / count_B1


def virtual_tokens(model: torch.nn.Module) -> int:
    """Positions that an adapter takes up before each text: those of prompt and prefix tuning."""
    configs: Any = getattr(model, "peft_config", {})
    return sum(getattr(config, "num_virtual_tokens", 0) or 0 for config in configs.values())
