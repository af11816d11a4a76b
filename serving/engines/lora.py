"""LoRA adapters side by side on one base, each row of a batch with its own: `y = W x + B_s A_s x`, s the row's slot.

The matrices of all adapters stand stacked in one tensor per layer, and a batch gathers those of its rows and multiplies
them in two batched products (punica and S-LoRA do the same with kernels of their own). PEFT's `adapter_names` loops
over the adapters instead, in every layer. Slot 0 is the bare base.

Axes: S slots, R largest rank, B rows, T tokens, I and O a layer's inputs and outputs.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from common.adapters.folder import WEIGHTS
from common.errors import AdapterError

BASE = 0
"""The slot of the bare base."""
_PREFIX, _A, _B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
_PLAIN = {
    "use_dora": False, "bias": "none", "modules_to_save": None, "lora_bias": False, "trainable_token_indices": None,
    "alora_invocation_tokens": None, "target_parameters": None, "use_bdlora": None,
}  # fmt: skip
"""What PEFT's configuration says of an adapter that is A and B alone."""


@dataclass(frozen=True)
class LoraWeights:
    """An adapter as matrices: the layer's path in the base → A (r, I), and B (O, r) with the scaling in it; fp32."""

    layers: Mapping[str, tuple[torch.Tensor, torch.Tensor]]

    @property
    def bytes(self) -> int:
        """Of all matrices."""
        return sum(one.nbytes for pair in self.layers.values() for one in pair)


def is_mixable(folder: Path) -> bool:
    """Whether the adapter in `folder` is LoRA and nothing else, so that it can share a batch with others.

    DoRA, biases, embeddings and whole modules that were trained beside it are not matrices that can be stacked.
    """
    try:
        config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False  # a full fine-tuning, or damaged: the lane that loads it says so
    if config.get("peft_type") != "LORA":
        return False
    return all(not config.get(name) or config.get(name) == plain for name, plain in _PLAIN.items())


def read_lora(folder: Path) -> LoraWeights:
    """The matrices of an adapter that `is_mixable`.

    Raises `AdapterError` where the file is damaged or holds anything but A and B.
    """
    from peft import LoraConfig
    from peft.utils.other import get_pattern_key
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    config = LoraConfig.from_pretrained(str(folder))
    try:
        tensors = load_file(folder / WEIGHTS)
    except (SafetensorError, OSError) as error:
        raise AdapterError(f"{folder / WEIGHTS} cannot be read: {error}", "copy or train it again") from error
    layers = {}
    for key in sorted(key for key in tensors if key.endswith(_A)):
        path = key.removesuffix(_A).removeprefix(_PREFIX)
        a, b = tensors.pop(key).float(), tensors.pop(f"{_PREFIX}{path}{_B}").float()
        rank = a.shape[0]
        alphas = config.alpha_pattern or {}
        alpha = alphas.get(get_pattern_key(alphas, path), config.lora_alpha)
        layers[path] = (a, b * (alpha / (rank**0.5 if config.use_rslora else rank)))
    if tensors or not layers:
        left = next(iter(tensors), "no matrix at all")
        raise AdapterError(
            f"{folder / WEIGHTS} holds more than LoRA's A and B: {left}", "serve it in a lane of its own"
        )
    return LoraWeights(layers)


class Slots:
    """The adapters that are in one base's layers. Forward passes and changes take turns under `lock`."""

    def __init__(self, model: torch.nn.Module) -> None:
        self._model = model
        self._layers: dict[str, _Mixed] = {}
        self._free: list[int] = []
        self._count = 1  # slot 0
        self.lock = threading.RLock()

    def add(self, weights: LoraWeights) -> int:
        """Put an adapter into a free slot; raises `AdapterError`, changing nothing, where it does not fit the base."""
        for path, (a, b) in weights.layers.items():
            self._check(path, a, b)
        with self.lock:
            slot = self._free.pop() if self._free else self._count
            self._count = max(self._count, slot + 1)
            for path in weights.layers:
                if path not in self._layers:
                    self._layers[path] = self._install(path)
            for path, layer in self._layers.items():
                layer.put(slot, weights.layers.get(path))
            return slot

    def remove(self, slot: int) -> None:
        """Free a slot; no pass may be using it."""
        with self.lock:
            for layer in self._layers.values():
                layer.put(slot, None)
            self._free.append(slot)

    @contextmanager
    def rows(self, slots: Sequence[int]) -> Iterator[None]:
        """Within it, row i of every forward pass has the adapter in slots[i]; one thread at a time."""
        with self.lock:
            distinct = set(slots)
            index: torch.Tensor | int
            index = distinct.pop() if len(distinct) == 1 else torch.tensor(list(slots))
            for layer in self._layers.values():
                layer.choose(index)
            try:
                yield
            finally:
                for layer in self._layers.values():
                    layer.choose(BASE)

    def _check(self, path: str, a: torch.Tensor, b: torch.Tensor) -> None:
        try:
            layer: Any = self._model.get_submodule(path)
        except AttributeError:
            raise AdapterError(f"the base has no layer {path}", "the adapter is of another architecture") from None
        weight = layer.base.weight if isinstance(layer, _Mixed) else layer.weight
        sizes = getattr(layer, "in_features", a.shape[1]), getattr(layer, "out_features", b.shape[0])
        shape = (a.shape[1], b.shape[0])
        packed = weight.dtype == torch.uint8  # four bits: its shape says nothing
        if shape != sizes or (not packed and shape[0] * shape[1] != weight.numel()):
            raise AdapterError(
                f"the base's {path} is {sizes[0]} → {sizes[1]}, the adapter's {shape[0]} → {shape[1]}",
                "the adapter is of another base",
            )

    def _install(self, path: str) -> _Mixed:
        parent_path, _, name = path.rpartition(".")
        parent = self._model.get_submodule(parent_path)
        mixed = _Mixed(parent.get_submodule(name))
        setattr(parent, name, mixed)
        return mixed


class _Mixed(torch.nn.Module):
    """A layer of the base with the matrices of all slots."""

    def __init__(self, base: torch.nn.Module) -> None:
        super().__init__()
        self.base = base
        self._a: torch.Tensor | None = None  # (S, R, I)
        self._b: torch.Tensor | None = None  # (S, O, R)
        self._filled: dict[int, int] = {}  # slot → rank
        self._index: torch.Tensor | int = BASE
        for name in ("in_features", "out_features"):
            if hasattr(base, name):
                setattr(self, name, getattr(base, name))

    @property
    def weight(self) -> Any:
        """The base's: some models look at its dtype."""
        return self.base.weight

    def put(self, slot: int, pair: tuple[torch.Tensor, torch.Tensor] | None) -> None:
        """Fill a slot; None empties it."""
        self._filled.pop(slot, None)
        if self._a is not None and self._b is not None and slot < len(self._a):
            self._a[slot], self._b[slot] = 0, 0
        if pair is None:
            return
        a, b = pair
        rank = len(a)
        self._grow(slot + 1, rank, a.shape[1], b.shape[0])
        assert self._a is not None and self._b is not None
        self._a[slot, :rank], self._b[slot, :, :rank] = a.to(self._a), b.to(self._b)
        self._filled[slot] = rank

    def choose(self, index: torch.Tensor | int) -> None:
        """Slots of the next pass' rows: (B,), or one for all of them."""
        self._index = index.to(self._device()) if isinstance(index, torch.Tensor) else index

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, O) of (…, I), the first axis the rows."""
        out: torch.Tensor = self.base(x)
        a, b, index = self._a, self._b, self._index
        if a is None or b is None:
            return out
        if isinstance(index, int):
            rank = self._filled.get(index)
            if rank is None:
                return out
            low = torch.nn.functional.linear(x.to(a.dtype), a[index, :rank])
            return out + torch.nn.functional.linear(low, b[index, :, :rank]).to(out.dtype)
        index = index.clamp(max=len(a)) if int(index.max()) < len(a) else torch.where(index < len(a), index, 0)
        rows = x.to(a.dtype).reshape(len(x), -1, x.shape[-1])
        delta = torch.bmm(torch.bmm(rows, a[index].transpose(1, 2)), b[index].transpose(1, 2))
        return out + delta.reshape(out.shape).to(out.dtype)

    def _grow(self, slots: int, rank: int, inputs: int, outputs: int) -> None:
        if self._a is None or self._b is None:
            kind = _arithmetic(self.base)
            self._a = torch.zeros(max(slots, 2), rank, inputs, dtype=kind, device=self._device())
            self._b = torch.zeros(max(slots, 2), outputs, rank, dtype=kind, device=self._device())
        have, held = self._a.shape[:2]
        if slots <= have and rank <= held:
            return
        more, wider = (2 * slots if slots > have else have) - have, max(rank, held) - held
        self._a = torch.nn.functional.pad(self._a, (0, 0, 0, wider, 0, more))
        self._b = torch.nn.functional.pad(self._b, (0, wider, 0, 0, 0, more))

    def _device(self) -> torch.device:
        return self.base.weight.device  # type: ignore[return-value]


def _arithmetic(layer: torch.nn.Module) -> torch.dtype:
    """The base's number format; that of its inputs where it is quantised."""
    kind: Any = layer.weight.dtype
    return kind if kind.is_floating_point else getattr(layer, "compute_dtype", None) or torch.float32
