"""Adapters on a generator in memory: LoRA as a slot of the shared lane, all others as a lane of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from common.adapters.folder import is_peft
from common.adapters.generators import check_generation
from common.adapters.methods import Quantise, demand
from common.errors import AdapterError, UserError
from common.models.decoding import supports
from common.models.generator import GeneratorBase, load_generator
from serving.engines.generation_lane import Lane
from serving.engines.lanes import twin
from serving.engines.lora import BASE, Slots, is_mixable, read_lora
from serving.records import Adapter


@dataclass(eq=False)
class LoadedAdapter:
    """An adapter that can be asked."""

    adapter: Adapter
    bytes: int
    """Memory that it takes beside the base."""
    mixable: bool
    """Whether its requests share passes with those of other adapters."""
    slot: int
    lane: Lane | None
    """None = it has left memory."""
    uses: int = 0
    """Requests that are not over."""
    leaving: bool = False
    """Whether it leaves memory once they are."""


class GenerationAdapters:
    """Loads adapters onto one base; from any thread, while the base is in use."""

    def __init__(self, model: Any, base: GeneratorBase, pad: int, dtype: torch.dtype, quantise: Quantise) -> None:
        self._bare = twin(model)  # before LoRA's layers come into the other
        self._slots = Slots(model)
        self.shared = Lane(model, pad, self._slots.rows)
        """The lane of the base and of LoRA."""
        self._base, self._pad, self._dtype, self._quantise = base, pad, dtype, quantise
        self._one_by_one = threading.Lock()  # transformers and PEFT switch things of the whole process while they load

    def load(self, folder: Path, adapter: Adapter) -> LoadedAdapter:
        """Read the adapter in `folder`; raises `AdapterError` where it is damaged or another one, or does not fit."""
        manifest = check_generation(folder, self._base)
        if manifest.digest != adapter.digest:
            raise AdapterError(
                f"the files of {adapter.name} have digest {manifest.digest[:12]}…, not {adapter.digest[:12]}…",
                "its folder has another version by now: ask for that one",
            )
        if self._quantise != "none":
            demand(manifest.peft["method"], "quantised base")
        try:
            if is_mixable(folder):
                slot = self._slots.add(read_lora(folder))
                return LoadedAdapter(adapter, self._slots.bytes(slot), True, slot, self.shared)
            model = self._own(folder)
        except UserError:
            raise
        except Exception as error:  # PEFT, transformers and torch have no common error for what does not fit
            raise AdapterError(
                f"{adapter.name} cannot be loaded onto {self._base.name}: {' '.join(str(error).split())[:200]}",
                "train it again with this release, or leave it out of the registry",
            ) from error
        if not supports(model):
            raise AdapterError(
                f"{adapter.name} puts virtual tokens before prompts, which {self._base.name}'s sliding windows forbid",
                "train lora or ia3 for this base",
            )
        own = _bytes(model, besides=_tensors(self._bare))
        return LoadedAdapter(adapter, own, False, BASE, Lane(model, self._pad))

    def free(self, loaded: LoadedAdapter) -> None:
        """Give its memory back; nothing may be using it."""
        if loaded.mixable:
            self._slots.remove(loaded.slot)
        loaded.lane = None  # its model with it, where it had one

    def _own(self, folder: Path) -> Any:
        from peft import PeftModel

        with self._one_by_one:
            device = next(self._bare.parameters()).device
            if not is_peft(folder):
                tuned = self._base.model_copy(update={"folder": folder})
                return load_generator(tuned, device, dtype=self._dtype, quantise=self._quantise)
            return PeftModel.from_pretrained(twin(self._bare), folder, autocast_adapter_dtype=True).eval()


def _tensors(model: torch.nn.Module) -> list[torch.Tensor]:
    return [*model.parameters(), *model.buffers()]


def _bytes(model: torch.nn.Module, *, besides: Iterable[torch.Tensor]) -> int:
    shared = set(map(id, besides))
    return sum(tensor.nbytes for tensor in _tensors(model) if id(tensor) not in shared)
