"""Decoding many prompts at once over one key-value cache: finished rows leave, waiting ones take their places.

For decoder-only models whose cache is plain keys and values. Rows are aligned at their last token; what stands left of
a shorter one is masked and gets no position, so a row computes what it would compute alone. The arithmetic is the
same up to the order of sums: equal tokens wherever no two are as probable as each other to the last bits.

Tensor names carry their shape: B rows, L positions in the cache, T tokens of prompts, V vocabulary.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from common.models.choosing import Ending, choose
from common.models.encoder import virtual_tokens
from common.models.sampling import Sampling

SHAPES = 16  # prompts are padded to a multiple: oneDNN keeps something for each new shape


@dataclass(eq=False)
class Row:
    """One answer in the making."""

    prompt: int
    """Its place among the prompts."""
    numbers: np.ndarray | None
    """What it draws with, a number for each token."""
    tokens: list[int] = field(default_factory=list)


def supports(model: Any) -> bool:
    """Whether this model's cache is one of plain keys and values, so that `Decoding` can hold it.

    Sliding windows are, but not behind a learnt prefix: padding between it and a prompt would widen the distance.
    """
    prefix = _Prefix(model)
    config: Any = prefix.core.config
    if config.is_encoder_decoder:
        return False
    plain = (DynamicLayer,) if prefix.length else (DynamicLayer, DynamicSlidingWindowLayer)
    return all(type(layer) in plain for layer in DynamicCache(config=config).layers)


class Decoding:
    """Decodes greedily or by sampling; one use for one set of prompts."""

    def __init__(self, model: Any, sampling: Sampling, ending: Ending, pad: int, budget: int) -> None:
        """`budget`: cache positions, padding and answers to come included, that may be in use at a time."""
        self._prefix = _Prefix(model)
        self._core = self._prefix.core
        self._sampling, self._ending, self._pad, self._budget = sampling, ending, pad, budget
        parameters = inspect.signature(self._core.forward).parameters
        self._with_positions = "position_ids" in parameters
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}
        self._rows: list[Row] = []

    def run(self, prompts: Sequence[Sequence[int]], rows: Sequence[Sequence[Row]]) -> Iterator[int]:
        """Fill the rows of each prompt (N, with their tokens empty); yields a prompt's place when its rows are done.

        Longest prompts first: neighbours are alike, and what does not fit into memory is known at once.
        """
        waiting = deque(sorted(range(len(prompts)), key=lambda place: (-len(prompts[place]), place)))
        left = [len(each) for each in rows]
        while waiting or self._rows:
            if entering := self._admitted(waiting, prompts, rows):
                self._enter([prompts[place] for place in entering], [rows[place] for place in entering])
            else:
                self._step()
            for row in self._leave():
                left[row.prompt] -= 1
                if not left[row.prompt]:
                    yield row.prompt

    def _admitted(
        self, waiting: deque[int], prompts: Sequence[Sequence[int]], rows: Sequence[Sequence[Row]]
    ) -> list[int]:
        """Prompts that enter now; none while less than a quarter is free, since a pass for one alone does not pay."""
        if not waiting:
            return []
        length = len(prompts[waiting[0]]) + self._prefix.length
        span = max(length, self._mask_BL.shape[1] if self._rows else 0) + self._sampling.max_new_tokens
        room = max(1, self._budget // span)
        if self._rows and 4 * (room - len(self._rows)) < room:
            return []
        places: list[int] = []
        taken = len(self._rows)
        while waiting and (not taken or taken + len(rows[waiting[0]]) <= room):
            places.append(waiting.popleft())
            taken += len(rows[places[-1]])
        return places

    def _remaining(self, row: Row) -> int:
        return self._sampling.max_new_tokens - len(row.tokens)

    def _enter(self, prompts: Sequence[Sequence[int]], rows: Sequence[Sequence[Row]]) -> None:
        """Run prompts once each, make as many rows of them as they have answers, and choose the first tokens."""
        length = -(-max(map(len, prompts)) // SHAPES) * SHAPES
        tokens = np.full((len(prompts), length), self._pad)
        mask = np.zeros_like(tokens)
        for place, prompt in enumerate(prompts):
            tokens[place, length - len(prompt) :] = prompt
            mask[place, length - len(prompt) :] = 1
        device = self._prefix.device
        tokens_BT, mask_BT = torch.from_numpy(tokens).to(device), torch.from_numpy(mask).to(device)
        given, mask_BL, cache = self._prefix.inputs(tokens_BT, mask_BT)
        positions = (mask_BL.cumsum(dim=1) - 1).clamp(min=0)[:, mask_BL.shape[1] - _length(given) :]
        out = self._forward(given, mask_BL, positions, cache)
        times = torch.tensor([len(each) for each in rows], device=device)
        each = torch.arange(len(prompts), device=device).repeat_interleave(times)
        cache.batch_select_indices(each)
        new = [row for answers in rows for row in answers]
        chosen = self._choose(out.logits[:, -1][each], new)
        if not self._rows:
            self._cache, self._mask_BL, self._next_B = cache, mask_BL[each], chosen
        else:
            self._join(cache, mask_BL[each], chosen)
        self._rows += new

    def _join(self, cache: DynamicCache, mask_BL: torch.Tensor, next_B: torch.Tensor) -> None:
        """Set rows below those that are there, all aligned at the right."""
        length = max(mask_BL.shape[1], self._mask_BL.shape[1])
        for old, new in zip(self._cache.layers, cache.layers, strict=True):
            old.keys = torch.cat([_wider(old.keys, length), _wider(new.keys, length)])
            old.values = torch.cat([_wider(old.values, length), _wider(new.values, length)])
        grown = [torch.nn.functional.pad(mask, (length - mask.shape[1], 0)) for mask in (self._mask_BL, mask_BL)]
        self._mask_BL = torch.cat(grown)
        self._next_B = torch.cat([self._next_B, next_B])

    def _step(self) -> None:
        """One token more for every row."""
        positions_B1 = self._mask_BL.sum(dim=1, keepdim=True)
        self._mask_BL = torch.nn.functional.pad(self._mask_BL, (0, 1), value=1)
        out = self._forward({"input_ids": self._next_B[:, None]}, self._mask_BL, positions_B1, self._cache)
        self._next_B = self._choose(out.logits[:, -1], self._rows)

    def _forward(self, given: dict[str, torch.Tensor], mask: torch.Tensor, positions: torch.Tensor, cache: Any) -> Any:
        where = {"position_ids": positions} if self._with_positions else {}
        return self._core(**given, attention_mask=mask, past_key_values=cache, use_cache=True, **where,
                          **self._last_only)  # fmt: skip

    def _choose(self, logits_BV: torch.Tensor, rows: Sequence[Row]) -> torch.Tensor:
        drawn = [row.numbers[len(row.tokens)] for row in rows if row.numbers is not None]
        chosen_B = choose(logits_BV, self._sampling, np.array(drawn) if drawn else None)
        for row, token in zip(rows, chosen_B.tolist(), strict=True):
            row.tokens.append(token)
        return chosen_B

    def _leave(self) -> list[Row]:
        """Take out the rows that are done, and the columns that no row needs any more."""
        over = [not self._remaining(row) or self._ending.reached(row.tokens) for row in self._rows]
        done = [row for row, ended in zip(self._rows, over, strict=True) if ended]
        if not done:
            return done
        stay = [place for place, ended in enumerate(over) if not ended]
        self._rows = [self._rows[place] for place in stay]
        if not stay:
            del self._cache
            return done
        kept = torch.tensor(stay, device=self._mask_BL.device)
        mask_BL = self._mask_BL[kept]
        unused = int(mask_BL.any(dim=0).int().argmax())
        self._mask_BL, self._next_B = mask_BL[:, unused:], self._next_B[kept]
        for layer in self._cache.layers:
            layer.keys, layer.values = layer.keys[kept, :, unused:], layer.values[kept, :, unused:]
        return done


class _Prefix:
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


def _length(given: dict[str, torch.Tensor]) -> int:
    (only,) = given.values()
    return only.shape[1]


def _wider(states: torch.Tensor, length: int) -> torch.Tensor:
    """Keys or values (B, heads, L, dimension) with empty positions at the left, `length` in all."""
    return torch.nn.functional.pad(states, (0, 0, length - states.shape[2], 0))
