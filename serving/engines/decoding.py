"""Prompts → tokens, for many adapters at once: requests join at any step, and leave when they are over.

A thread of its own runs rounds. In each the oldest requests enter, as many as a round's prompt tokens and the cache
allow, and every lane with rows makes one step: an adapter with a lane of its own stalls nobody.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from common.adapters.methods import Quantise
from common.errors import ModelError
from common.models.catalogue import Precision
from common.models.choosing import end_tokens
from common.models.decoding import supports
from common.models.generation import BUDGET
from common.models.generator import GeneratorBase, load_generator, load_generator_tokenizer
from common.models.precision import choose_dtype
from serving.engines.generation_adapters import GenerationAdapters, LoadedAdapter
from serving.engines.generation_lane import Lane
from serving.engines.generation_rounds import DecodingStats, Rounds
from serving.engines.requests import Handle, OnPiece, Request, Vocabulary, is_drawn
from serving.records import Adapter, Limits, ServingError

PREFILL = 2048
"""Tokens of prompts, padding included, that run between two steps of those that are answered already."""
_LOG = logging.getLogger(__name__)


class DecodingEngine:
    """One generator with its adapters. All methods may be called from any thread."""

    def __init__(
        self, base: GeneratorBase, *, device: torch.device | None = None, quantise: Quantise = "none",
        precision: Precision = "auto", budget: int | None = None, prefill: int = PREFILL,
    ) -> None:  # fmt: skip
        """`budget`: cache positions in use at a time, padding and answers to come included.

        Raises `ModelError` where the base cannot be loaded, or its rows cannot come and go.
        """
        if base.kind == "seq2seq":
            raise _unsupported(base, "is an encoder-decoder")
        device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        dtype = choose_dtype(precision, device)
        self.base, self.tokenizer = base, load_generator_tokenizer(base)
        model: Any = load_generator(base, device, dtype=dtype, quantise=quantise)
        if not supports(model):
            raise _unsupported(base, "keeps more than keys and values of each token")
        self._vocabulary = Vocabulary(self.tokenizer, tuple(end_tokens(model, self.tokenizer)))
        self._words: int = model.get_input_embeddings().num_embeddings
        self._adapters = GenerationAdapters(model, base, self.tokenizer.pad_token_id, dtype, quantise)
        self._budget, self._prefill = budget or BUDGET.get(device.type, BUDGET["cpu"]), prefill
        self._changed = threading.Condition()
        self._inbox: list[Request] = []
        self._closed = False
        self._numbers = itertools.count()
        self._rounds = Rounds(base.name, self._budget, prefill, self._over)
        self._thread = threading.Thread(target=self._run, name=f"decoding {base.name}", daemon=True)
        self._thread.start()

    @property
    def healthy(self) -> bool:
        """Whether requests are answered; once it is false it stays so."""
        return self._thread.is_alive() and not self._closed

    def load(self, folder: Path, adapter: Adapter) -> LoadedAdapter:
        """Bring the adapter in `folder` into memory; raises `AdapterError` where it is not `adapter` or of another
        base, is damaged, or cannot be served beside others."""
        return self._adapters.load(folder, adapter)

    def unload(self, loaded: LoadedAdapter) -> None:
        """Let an adapter leave memory, as soon as the requests that have it are over."""
        with self._changed:
            free = not loaded.leaving and not loaded.uses
            loaded.leaving = True
        if free:
            self._adapters.free(loaded)

    def room(self, prompt: int, loaded: LoadedAdapter | None = None) -> int:
        """Most new tokens that one answer to a prompt of so many tokens may have; 0 or less where it does not fit."""
        lane = self._lane(loaded)
        held = self._budget - lane.span(prompt, 0)
        return min(held, self.base.positions - prompt - lane.virtual_tokens) if self.base.positions else held

    def submit(
        self, prompt_ids: Sequence[int], limits: Limits, loaded: LoadedAdapter | None, on_piece: OnPiece
    ) -> Handle:
        """Answer a prompt; `on_piece` gets the pieces of all answers, or one error, on the engine's thread.

        Seed, prompt and adapter decide what is drawn, whatever else runs. Raises `ServingError` where the prompt and
        its answers do not fit (nothing is cut, nothing has run), and where the engine or the adapter has left.
        """
        self._check(prompt_ids, limits, loaded)
        request = Request(next(self._numbers), prompt_ids, limits, loaded, on_piece, self._vocabulary)
        with self._changed:
            if self._closed:
                raise ServingError(503, f"{self.base.name} is being stopped", retry_after=1)
            if loaded:
                if loaded.leaving:
                    raise _left(loaded)
                loaded.uses += 1
            self._inbox.append(request)
            self._changed.notify()
        return Handle(request)

    def stats(self) -> DecodingStats:
        """As of the last round."""
        stats = self._rounds.stats
        return replace(stats, waiting=stats.waiting + len(self._inbox))

    def close(self) -> None:
        """Stop; requests that are not over get an error."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _lane(self, loaded: LoadedAdapter | None) -> Lane:
        if loaded is None:
            return self._adapters.shared
        lane = loaded.lane
        if lane is None:
            raise _left(loaded)
        return lane

    def _check(self, prompt: Sequence[int], limits: Limits, loaded: LoadedAdapter | None) -> None:
        if not prompt:
            raise ServingError(400, "the prompt is empty", param="prompt")
        if limits.max_tokens < 1:
            raise ServingError(400, f"{limits.max_tokens} new tokens are no answer: at least 1", param="max_tokens")
        if strange := next((token for token in prompt if not 0 <= token < self._words), None):
            raise ServingError(
                400, f"the prompt has token {strange}, {self.base.name} knows 0 to {self._words - 1}", param="prompt"
            )
        room = self.room(len(prompt), loaded)
        if limits.max_tokens > room:
            raise ServingError(
                400, f"a prompt of {len(prompt):,} tokens and {limits.max_tokens:,} new ones do not fit into "
                f"{self.base.name}: the limit is {len(prompt) + room:,} in all", param="prompt",
                code="context_length_exceeded",
            )  # fmt: skip
        rows = limits.n if is_drawn(limits) else 1
        span = self._lane(loaded).span(len(prompt), limits.max_tokens)
        if rows * span > self._budget:
            raise ServingError(
                400, f"{limits.n} answers of {span:,} tokens, prompt included, exceed the {self._budget:,} that "
                f"{self.base.name} holds at a time", param="n",
            )  # fmt: skip

    def _run(self) -> None:
        try:
            with torch.no_grad():
                while self._arrived():
                    self._take_in()
                    self._rounds.run()
        except Exception:
            _LOG.exception("decoding with %s broke down", self.base.name)
        finally:
            with self._changed:
                self._closed = True
            self._take_in()
            self._rounds.abandon(ServingError(503, f"{self.base.name} was stopped", retry_after=1))

    def _arrived(self) -> bool:
        """Wait for something to do; False = stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._inbox or self._rounds.busy)
            return not self._closed

    def _take_in(self) -> None:
        with self._changed:
            arrived, self._inbox = self._inbox, []
        for request in arrived:
            self._rounds.add(request, self._lane(request.loaded))

    def _over(self, request: Request) -> None:
        loaded = request.loaded
        if loaded is None:
            return
        with self._changed:
            loaded.uses -= 1
            free = loaded.leaving and not loaded.uses
        if free:
            self._adapters.free(loaded)


def _left(loaded: LoadedAdapter) -> ServingError:
    return ServingError(503, f"{loaded.adapter.name} is leaving memory: ask again", retry_after=1)


def _unsupported(base: GeneratorBase, why: str) -> ModelError:
    return ModelError(
        f"{base.name} ({base.architecture}) {why}, so rows cannot come and go while it decodes",
        "serve a decoder-only base such as Qwen2.5-Coder or CodeGen",
    )
