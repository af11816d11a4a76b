"""Answers in the making, row by row over one key-value cache; they are entered, stepped and removed from outside.

For decoder-only models whose cache is plain keys and values. Rows are aligned at their last token; what stands left of
a shorter one is masked and gets no position, so a row computes what it would compute alone. The arithmetic is the
same up to the order of sums: equal tokens wherever no two are as probable as each other to the last bits.

Tensor names carry their shape: B rows, L positions in the cache, T tokens of prompts, V vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from common.models.choosing import Logprob, choose_each, log_probabilities
from common.models.encoder import virtual_tokens
from common.models.sampling import Sampling

SHAPES = 16  # prompts are padded to a multiple: oneDNN keeps something for each new shape
SPARE = 64  # columns that a cache gets beyond those it needs: copying it at each step would cost more than attention


@dataclass(eq=False)
class Row:
    """One answer in the making."""

    sampling: Sampling
    numbers: np.ndarray | None
    """What it draws with, a number for each token; None = the most probable token each time."""
    slot: int = 0
    """Its adapter, where the model holds several."""
    top: int | None = None
    """Most probable tokens that are kept beside each chosen one; None = no log probabilities."""
    tokens: list[int] = field(default_factory=list)
    logprobs: list[Logprob] = field(default_factory=list)
    """Of each token, where `top` is set."""

    @property
    def full(self) -> bool:
        """Whether it has as many tokens as it may have."""
        return len(self.tokens) >= self.sampling.max_new_tokens


class Rows:
    """The rows of one model. `answers` are those that the next step goes on with."""

    def __init__(
        self, model: Any, pad: int, choosing: Callable[[Sequence[int]], AbstractContextManager[None]] | None = None
    ) -> None:
        """`choosing`: puts adapters into effect around a pass, given the slot of each of its rows."""
        self.answers: list[Row] = []
        self._prefix = Prefix(model)
        self._core, self._pad = self._prefix.core, pad
        self._choosing = choosing or (lambda slots: nullcontext())
        parameters = inspect.signature(self._core.forward).parameters
        self._with_positions = "position_ids" in parameters
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}

    @property
    def columns(self) -> int:
        """Cache positions of each row, L."""
        return self._mask_BL.shape[1] if self.answers else 0

    @property
    def virtual_tokens(self) -> int:
        """Positions before each prompt."""
        return self._prefix.length

    def span(self, prompt: int, new: int) -> int:
        """Most columns that `new` tokens behind a prompt of so many can take, what it is padded with included."""
        return _padded(prompt) + self.virtual_tokens + new

    def enter(self, prompts: Sequence[Sequence[int]], rows: Sequence[Sequence[Row]]) -> None:
        """Run prompts once each, make as many rows of them as they have answers, and choose the first tokens.

        The answers to one prompt have one slot. Where it fails, the rows that were there before are as they were.
        """
        length = _padded(max(map(len, prompts)))
        tokens = np.full((len(prompts), length), self._pad)
        mask = np.zeros_like(tokens)
        for place, prompt in enumerate(prompts):
            tokens[place, length - len(prompt) :] = prompt
            mask[place, length - len(prompt) :] = 1
        device = self._prefix.device
        tokens_BT, mask_BT = torch.from_numpy(tokens).to(device), torch.from_numpy(mask).to(device)
        given, mask_BL, cache = self._prefix.inputs(tokens_BT, mask_BT)
        positions = (mask_BL.cumsum(dim=1) - 1).clamp(min=0)[:, mask_BL.shape[1] - _length(given) :]
        logits_BV = self._forward(given, mask_BL, positions, cache, [answers[0].slot for answers in rows])
        new = [row for answers in rows for row in answers]
        if len(new) > len(prompts):
            times = torch.tensor([len(each) for each in rows], device=device)
            each = torch.arange(len(prompts), device=device).repeat_interleave(times)
            cache.batch_select_indices(each)
            logits_BV, mask_BL = logits_BV[each], mask_BL[each]
        chosen_B = _choose(logits_BV, new)
        if self.answers:
            self._join(cache, mask_BL, chosen_B)
        else:
            cache.layers = [_Growing(layer) for layer in cache.layers]
            self._cache, self._mask_BL, self._next_B = cache, mask_BL, chosen_B
        self.answers = self.answers + new

    def step(self) -> None:
        """One token more for every row. Where it fails, the rows are lost: `clear` them."""
        positions_B1 = self._mask_BL.sum(dim=1, keepdim=True)
        self._mask_BL = torch.nn.functional.pad(self._mask_BL, (0, 1), value=1)
        given = {"input_ids": self._next_B[:, None]}
        slots = [row.slot for row in self.answers]
        self._next_B = _choose(self._forward(given, self._mask_BL, positions_B1, self._cache, slots), self.answers)

    def remove(self, rows: Collection[Row]) -> None:
        """Take rows out, and the columns that no other needs any more."""
        leaving = set(map(id, rows))
        stay = [place for place, row in enumerate(self.answers) if id(row) not in leaving]
        if len(stay) == len(self.answers):
            return
        if not stay:
            self.clear()
            return
        kept = torch.tensor(stay, device=self._mask_BL.device)
        mask_BL = self._mask_BL[kept]
        unused = int(mask_BL.any(dim=0).int().argmax())
        self._mask_BL, self._next_B = mask_BL[:, unused:], self._next_B[kept]
        for layer in self._cache.layers:
            layer.replace(layer.keys[kept, :, unused:], layer.values[kept, :, unused:])
        self.answers = [self.answers[place] for place in stay]

    def clear(self) -> None:
        """Take all rows out and give the cache back."""
        self.answers = []
        for name in ("_cache", "_mask_BL", "_next_B"):
            self.__dict__.pop(name, None)

    def _join(self, cache: DynamicCache, mask_BL: torch.Tensor, next_B: torch.Tensor) -> None:
        """Set rows below those that are there, all aligned at the right."""
        length = max(mask_BL.shape[1], self._mask_BL.shape[1])
        joined = [
            tuple(torch.cat([_wider(a, length), _wider(b, length)]) for a, b in
                  ((old.keys, new.keys), (old.values, new.values)))
            for old, new in zip(self._cache.layers, cache.layers, strict=True)
        ]  # fmt: skip
        for layer, (keys, values) in zip(self._cache.layers, joined, strict=True):
            layer.replace(keys, values)
        grown = [torch.nn.functional.pad(mask, (length - mask.shape[1], 0)) for mask in (self._mask_BL, mask_BL)]
        self._mask_BL = torch.cat(grown)
        self._next_B = torch.cat([self._next_B, next_B])

    def _forward(
        self, given: dict[str, torch.Tensor], mask: torch.Tensor, positions: torch.Tensor, cache: Any,
        slots: Sequence[int],
    ) -> torch.Tensor:  # fmt: skip
        """Logits (B, V) behind each row's last token."""
        where = {"position_ids": positions} if self._with_positions else {}
        with self._choosing(slots):
            out = self._core(**given, attention_mask=mask, past_key_values=cache, use_cache=True, **where,
                             **self._last_only)  # fmt: skip
        return out.logits[:, -1]


class Prefix:
    """What prompt and prefix tuning put before each prompt; nothing with other methods, which live in the layers."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.core = model.get_base_model() if hasattr(model, "peft_config") else model
        self.device = self.core.device
        self.length = virtual_tokens(model)

    def inputs(
        self, tokens_BT: torch.Tensor, mask_BT: torch.Tensor
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor, DynamicCache]:
        """What the model is called with, the mask over all its positions, and the cache, which may not be empty."""
        if not self.length:
            return {"input_ids": tokens_BT}, mask_BT, DynamicCache()
        mask_BL = torch.nn.functional.pad(mask_BT, (self.length, 0), value=1)
        learnt = self._model.get_prompt(batch_size=len(tokens_BT))
        if isinstance(learnt, DynamicCache):
            return {"input_ids": tokens_BT}, mask_BL, learnt
        words = self._model.word_embeddings(tokens_BT)
        return {"inputs_embeds": torch.cat([learnt.to(words.dtype), words], dim=1)}, mask_BL, DynamicCache()


class _Growing(DynamicLayer):
    """Keys and values with spare columns behind them, into which a step writes its own."""

    def __init__(self, plain: DynamicLayer) -> None:
        super().__init__()
        self.dtype, self.device, self.is_initialized = plain.dtype, plain.device, True
        self.replace(plain.keys, plain.values)

    def replace(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Hold these instead, (B, heads, L, dimension)."""
        self.keys, self.values = keys, values
        self._wide: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Put columns behind those that are there; all of them."""
        held = self.keys.shape[2]
        end = held + key_states.shape[2]
        if self._wide is None or end > self._wide[0].shape[2]:
            self._wide = _roomy(self.keys, end + SPARE), _roomy(self.values, end + SPARE)
        keys, values = self._wide
        keys[:, :, held:end], values[:, :, held:end] = key_states, value_states
        self.keys, self.values = keys[:, :, :end], values[:, :, :end]
        return self.keys, self.values


def _choose(logits_BV: torch.Tensor, rows: Sequence[Row]) -> torch.Tensor:
    """The next token of each row, (B,), written down in it."""
    numbers = [None if row.numbers is None else float(row.numbers[len(row.tokens)]) for row in rows]
    chosen_B = choose_each(logits_BV, [row.sampling for row in rows], numbers)
    asked = [place for place, row in enumerate(rows) if row.top is not None]
    if asked:
        tops = [rows[place].top or 0 for place in asked]
        for place, logprob in zip(asked, log_probabilities(logits_BV[asked], chosen_B[asked], tops), strict=True):
            rows[place].logprobs.append(logprob)
    for row, token in zip(rows, chosen_B.tolist(), strict=True):
        row.tokens.append(token)
    return chosen_B


def _padded(length: int) -> int:
    return -(-length // SHAPES) * SHAPES


def _length(given: dict[str, torch.Tensor]) -> int:
    (only,) = given.values()
    return only.shape[1]


def _wider(states: torch.Tensor, length: int) -> torch.Tensor:
    """Keys or values (B, heads, L, dimension) with empty positions at the left, `length` in all."""
    return torch.nn.functional.pad(states, (0, 0, length - states.shape[2], 0))


def _roomy(states: torch.Tensor, length: int) -> torch.Tensor:
    """Keys or values with room at the right for `length` positions in all."""
    rows, heads, held, size = states.shape
    roomy = states.new_empty(rows, heads, length, size)
    roomy[:, :, :held] = states
    return roomy
