"""Texts → vectors: one base and many adapters on it, waiting rows planned into batches that one thread runs.

Plain LoRA and the bare base share a lane (`lora.Slots`). An adapter of another kind has a lane and a model of its own,
whose weights are the base's wherever the adapter left them alone.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from common.adapters.folder import check
from common.errors import AdapterError, UserError
from common.models.batching import Chunk
from common.models.catalogue import Precision
from common.models.encoder import TOKENS_PER_CHUNK, Encoder, Kind
from common.models.loading import Base
from serving.engines.encoding_queue import EncodingQueue, EncodingStats, Pass
from serving.engines.lanes import share, twin
from serving.engines.lora import BASE, Slots, is_mixable, read_lora
from serving.planner import Planner
from serving.records import Adapter

MIXED = "mixed"
"""The lane of the bare base and of plain LoRA."""
PADDING = {"cpu": {"multiple": 8, "waste": 0.15, "spare": 0}}
"""Of batches, by device. A processor computes padding at the price of text, so that short queries (16 tokens in the
mean) share a batch only with their like; a GPU pays for each pass: the planner's own values."""


@dataclass(frozen=True, eq=False)
class LoadedAdapter:
    """An adapter in memory, until `EncodingEngine.unload`."""

    adapter: Adapter
    mixable: bool
    """Whether it shares batches with others."""
    bytes: int
    """What it holds beside the base."""
    slot: int = BASE
    encoder: Encoder | None = None
    """Of its own lane; None in the mixed one."""


class EncodingEngine:
    """Encodes with one base and the adapters that are loaded. All methods may be called from any thread."""

    def __init__(
        self, base: Base, *, precision: Precision = "auto", device: str | None = None,
        tokens_per_pass: int | None = None, rows_per_pass: int = 256,
    ) -> None:  # fmt: skip
        """Load the base and run one pass; raises `ModelError` where it cannot be loaded.

        A pass has at most `tokens_per_pass` tokens with padding, none = `TOKENS_PER_CHUNK` for the device, and at most
        `rows_per_pass` rows.
        """
        self.base = base
        self._encoder = Encoder.load(base, precision=precision, device=device)
        self._bare = twin(self._encoder.model)  # before any slot changes the tree
        self._slots = Slots(self._encoder.model)
        budget = tokens_per_pass or TOKENS_PER_CHUNK[self._encoder.device.type]
        padding: dict[str, Any] = PADDING.get(self._encoder.device.type, {})
        planner = Planner(budget=budget, rows=rows_per_pass, longest=base.max_length, **padding)
        self._queue = EncodingQueue(planner, budget=budget)
        self._loaded: set[LoadedAdapter] = set()
        self._tokenizing, self._loading, self._adapters = threading.Lock(), threading.Lock(), threading.Lock()
        self._thread = threading.Thread(target=self._work, name=f"encode {base.name}", daemon=True)
        self._thread.start()
        self.submit(self.tokenize(["warm up"], "query"), None).result()

    @property
    def hidden_size(self) -> int:
        """H, the length of a vector."""
        return self._encoder.hidden_size

    @property
    def max_length(self) -> int:
        """Longest row in tokens; callers refuse longer ones."""
        return self.base.max_length

    @property
    def healthy(self) -> bool:
        """Whether passes run."""
        return self._thread.is_alive()

    def tokenize(self, texts: Sequence[str], kind: Kind) -> list[list[int]]:
        """Token ids with the documented prompt and special tokens, cut at `max_length`."""
        with self._tokenizing:  # the tokenizer keeps its truncation as state
            return self._encoder.tokenize(texts, kind)

    def count(self, texts: Sequence[str], kind: Kind) -> list[int]:
        """How many tokens each text has, uncut."""
        prompt = self.base.query_prompt if kind == "query" else self.base.document_prompt
        with self._tokenizing:
            rows = self._encoder.tokenizer([prompt + text for text in texts], verbose=False)["input_ids"]
        return [len(row) for row in rows]

    def spell(self, ids: Sequence[int]) -> str:
        """The text of token ids, special tokens left out; raises `UserError` for an id outside the vocabulary."""
        self._check_ids(ids)
        with self._tokenizing:
            return str(self._encoder.tokenizer.decode(list(ids), skip_special_tokens=True))

    def load(self, folder: Path, adapter: Adapter) -> LoadedAdapter:
        """Put the adapter in `folder` beside the base, while passes go on.

        Raises `AdapterError` where it is not `adapter`, damaged, of another base, or not for search, and `ModelError`
        where its virtual tokens leave no room for the longest text.
        """
        manifest = check(folder, self.base)
        if manifest.digest != adapter.digest:
            raise AdapterError(
                f"{folder} holds {manifest.digest[:12]}…, not {adapter.name} {adapter.digest[:12]}…", "fetch it again"
            )
        if manifest.task != "search":
            raise AdapterError(f"{adapter.name} was trained for {manifest.task}, not for search", "ask for another")
        if is_mixable(folder):
            slot = self._slots.add(read_lora(folder))
            loaded = LoadedAdapter(adapter, True, self._slots.bytes(slot), slot=slot)
        else:
            loaded = self._own_lane(folder, adapter)
        with self._adapters:
            self._loaded.add(loaded)
        return loaded

    def unload(self, loaded: LoadedAdapter) -> None:
        """Forget an adapter, once the requests that it was submitted with are over; new ones are refused at once.

        Raises `RuntimeError` where it is not loaded.
        """
        with self._adapters:
            if loaded not in self._loaded:
                raise RuntimeError(f"{loaded.adapter.name} is not loaded")
            self._loaded.remove(loaded)
        self._queue.wait_unused(loaded)
        if loaded.mixable:
            self._slots.remove(loaded.slot)  # after the pass that runs, which may hold rows of a cancelled request

    def submit(self, rows: Sequence[Sequence[int]], loaded: LoadedAdapter | None) -> Future[np.ndarray]:
        """Unit vectors (len(rows), H), float32, in the order of `rows`: token ids as `tokenize` gives them.

        Cancelling the future drops the rows that have not run; it can be cancelled until its result is there. Raises
        `UserError` for rows that are empty, too long or hold an unknown token, and `RuntimeError` where the adapter
        is not loaded or the engine is closed.
        """
        for row in rows:
            if not 0 < len(row) <= self.max_length:
                raise UserError(f"{self.base.name} reads 1 to {self.max_length} tokens, not {len(row)}", "cut the text")
            self._check_ids(row)
        lane = loaded if loaded and not loaded.mixable else MIXED
        with self._adapters:  # between this look and the queue nobody unloads it
            if loaded is not None and loaded not in self._loaded:
                raise RuntimeError(f"{loaded.adapter.name} is not loaded")
            return self._queue.submit(rows, loaded, lane, width=self.hidden_size)

    def stats(self) -> EncodingStats:
        """Now."""
        return self._queue.stats()

    def close(self) -> None:
        """Finish the pass that runs and end the thread; what waits gets a `RuntimeError`."""
        self._queue.close()
        self._thread.join()

    def _check_ids(self, ids: Sequence[int]) -> None:
        known = int(self._encoder.model.config.vocab_size)  # type: ignore[union-attr,arg-type]
        if ids and not 0 <= min(ids) <= max(ids) < known:
            raise UserError(f"{self.base.name} has token ids from 0 to {known - 1}", "send the text instead")

    def _own_lane(self, folder: Path, adapter: Adapter) -> LoadedAdapter:
        with self._loading:  # transformers changes torch's functions while it loads
            encoder = Encoder.load(
                self.base,
                adapter=folder,
                precision="fp32" if self._encoder.dtype == torch.float32 else "bf16",
                device=str(self._encoder.device),
            )
        size = share(encoder.model, self._bare)
        lane = copy.copy(self._encoder)  # with its tokenizer
        lane.model = encoder.model
        return LoadedAdapter(adapter, False, size, encoder=lane)

    def _work(self) -> None:
        try:
            while batch := self._queue.take():
                try:
                    self._queue.answer(batch, self._encode(batch))
                except Exception as error:  # of any kind: it is told to those who asked, and the next pass may do
                    self._queue.fail(batch, error)
        finally:
            self._queue.close()

    def _encode(self, batch: Pass) -> np.ndarray:
        """Unit vectors (B, H) of one batch."""
        chunk = Chunk(tuple(range(len(batch.ids))), batch.length)
        with torch.inference_mode():
            if isinstance(batch.lane, LoadedAdapter):
                assert batch.lane.encoder
                return batch.lane.encoder.embed(batch.ids, chunk).cpu().numpy()
            slots = [one.slot if isinstance(one, LoadedAdapter) else BASE for one in batch.adapters]
            with self._slots.rows(slots):
                return self._encoder.embed(batch.ids, chunk).cpu().numpy()
