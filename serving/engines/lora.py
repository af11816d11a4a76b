"""LoRA adapters side by side on one base, each row of a batch with its own: `y = W x + B_s A_s x`, s the row's slot.

A batch stacks the matrices of its rows and multiplies them in two batched products (punica and S-LoRA do the same with
kernels of their own). PEFT's `adapter_names` loops over the adapters instead, in every layer. Slot 0 is the bare base.

Axes: r an adapter's rank, R the largest in a batch, B rows, T tokens, I and O a layer's inputs and outputs.
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
_Pair = tuple[torch.Tensor, torch.Tensor]
_PREFIX, _A, _B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
_PLAIN = {
    "use_dora": False, "bias": "none", "modules_to_save": None, "lora_bias": False, "trainable_token_indices": None,
    "alora_invocation_tokens": None, "target_parameters": None, "use_bdlora": None, "use_qalora": False,
    "layer_replication": None, "velora_config": None, "monteclora_config": None, "arrow_config": None,
    "kasa_config": None,
}  # fmt: skip
"""What PEFT's configuration says of an adapter that is A and B alone."""
_STARTS = (True, False, None, "gaussian", "orthogonal")
"""Start values that leave the base as it is: PiSSA, OLoRA, CorDA and LoftQ take a part out of its weights."""


@dataclass(frozen=True)
class LoraWeights:
    """An adapter as matrices: the layer's path in the base → A (r, I), and B (O, r) with the scaling in it; fp32."""

    layers: Mapping[str, _Pair]

    @property
    def bytes(self) -> int:
        """Of all matrices."""
        return sum(one.nbytes for pair in self.layers.values() for one in pair)


def is_mixable(folder: Path) -> bool:
    """Whether the adapter in `folder` is LoRA and nothing else, so that it can share a batch with others.

    DoRA, biases, embeddings and whole modules that were trained beside it are not matrices that can be stacked.
    """
    from safetensors import SafetensorError, safe_open

    try:
        config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False  # a full fine-tuning, or damaged: the lane that loads it says so
    if config.get("peft_type") != "LORA" or config.get("init_lora_weights", True) not in _STARTS:
        return False
    if any(config.get(name) and config.get(name) != plain for name, plain in _PLAIN.items()):
        return False
    try:
        with safe_open(folder / WEIGHTS, "pt") as file:
            return all(key.endswith((_A, _B)) for key in file.keys())  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError):
        return False


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
    for key in sorted(key for key in tensors if key.endswith(_A) and key.removesuffix(_A) + _B in tensors):
        path = key.removesuffix(_A).removeprefix(_PREFIX)
        a, b = tensors.pop(key).float(), tensors.pop(key.removesuffix(_A) + _B).float()
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
            for path, pair in weights.layers.items():
                self._layers[path].put(slot, pair)
            return slot

    def remove(self, slot: int) -> None:
        """Free a slot; no pass may be using it."""
        with self.lock:
            for layer in self._layers.values():
                layer.clear(slot)
            self._free.append(slot)

    def bytes(self, slot: int) -> int:
        """Of the slot's matrices in the format of the base's arithmetic."""
        with self.lock:
            return sum(layer.bytes(slot) for layer in self._layers.values())

    @contextmanager
    def rows(self, slots: Sequence[int]) -> Iterator[None]:
        """Within it, row i of every forward pass has the adapter in slots[i]; one thread at a time."""
        with self.lock:
            chosen = (slots[0],) if len(set(slots)) == 1 else tuple(slots)
            for layer in self._layers.values():
                layer.choose(chosen)
            try:
                yield
            finally:
                for layer in self._layers.values():
                    layer.choose((BASE,))

    def _check(self, path: str, a: torch.Tensor, b: torch.Tensor) -> None:
        try:
            layer: Any = self._model.get_submodule(path)
        except AttributeError:
            raise AdapterError(f"the base has no layer {path}", "the adapter is of another architecture") from None
        weight = getattr(layer.base if isinstance(layer, _Mixed) else layer, "weight", None)
        if weight is None or a.dim() != 2 or b.dim() != 2:
            raise AdapterError(f"the base's {path} is no linear layer", "the adapter is of another architecture")
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
        self._pairs: dict[int, _Pair] = {}  # slot → A (r, I), B (O, r)
        self._now: _Pair | None = None  # of this pass: one pair for all rows, or stacked, (B, R, I) and (B, O, R)
        self._last: tuple[tuple[int, ...], _Pair | None] = ((), None)
        for name in ("in_features", "out_features"):
            if hasattr(base, name):
                setattr(self, name, getattr(base, name))

    @property
    def weight(self) -> Any:
        """The base's: some models look at its dtype."""
        return self.base.weight

    def put(self, slot: int, pair: _Pair) -> None:
        """Fill a slot."""
        kind, device = _arithmetic(self.base), self.base.weight.device
        self._pairs[slot] = tuple(one.to(device, kind, copy=True) for one in pair)  # type: ignore[assignment,arg-type]

    def clear(self, slot: int) -> None:
        """Empty a slot."""
        self._pairs.pop(slot, None)
        self._last = ((), None)

    def bytes(self, slot: int) -> int:
        """Of the slot's matrices as they are held here."""
        return sum(one.nbytes for one in self._pairs.get(slot, ()))

    def choose(self, slots: tuple[int, ...]) -> None:
        """Slots of the next pass' rows: one for each, or a single one for all of them."""
        if len(slots) == 1:
            self._now = self._pairs.get(slots[0])
            return
        if slots != self._last[0]:  # while a batch decodes, its rows stay the same for many passes
            self._last = slots, self._stack(slots)
        self._now = self._last[1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, O) of (…, I), the first axis the rows."""
        out: torch.Tensor = self.base(x)
        if self._now is None:
            return out
        a, b = self._now
        rows = x.to(a.dtype).reshape(len(a) if a.dim() == 3 else 1, -1, x.shape[-1])
        total = out.reshape(len(rows), -1, out.shape[-1])
        if a.dim() == 2:
            low, total_NO = rows[0] @ a.T, total[0]
            if out.dtype == a.dtype:
                total_NO.addmm_(low, b.T)  # the sum is written where the base's output stands: one pass over it less
            else:
                total_NO += low @ b.T
        else:
            low = torch.bmm(rows, a.transpose(1, 2))
            if out.dtype == a.dtype:
                total.baddbmm_(low, b.transpose(1, 2))
            else:
                total += torch.bmm(low, b.transpose(1, 2))
        return total.view(out.shape)

    def _stack(self, slots: tuple[int, ...]) -> _Pair | None:
        """The matrices row by row; smaller ranks are filled up with zeros. None where no row has any."""
        pairs = {slot: self._pairs[slot] for slot in set(slots) if slot in self._pairs}
        if not pairs:
            return None
        rank = max(len(a) for a, _ in pairs.values())
        one_a, one_b = next(iter(pairs.values()))
        nothing = one_a.new_zeros(rank, one_a.shape[1]), one_b.new_zeros(one_b.shape[0], rank)
        pad = torch.nn.functional.pad  # which copies, even where there is nothing to fill
        filled = {
            slot: (a, b) if len(a) == rank else (pad(a, (0, 0, 0, rank - len(a))), pad(b, (0, rank - len(a))))
            for slot, (a, b) in pairs.items()
        }
        rows = [filled.get(slot, nothing) for slot in slots]
        return torch.stack([a for a, _ in rows]), torch.stack([b for _, b in rows])


def _arithmetic(layer: torch.nn.Module) -> torch.dtype:
    """The base's number format; that of its inputs where it is quantised."""
    kind: Any = layer.weight.dtype
    return kind if kind.is_floating_point else getattr(layer, "compute_dtype", None) or torch.float32
