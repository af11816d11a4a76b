"""Decoding many prompts at once over one key-value cache: finished rows leave, waiting ones take their places."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from common.models.choosing import Ending
from common.models.rows import Prefix, Row, Rows
from common.models.sampling import Sampling


def supports(model: Any) -> bool:
    """Whether this model's cache is one of plain keys and values, so that `Rows` can hold it.

    Sliding windows are, but not behind a learnt prefix: padding between it and a prompt would widen the distance.
    """
    prefix = Prefix(model)
    config: Any = prefix.core.config
    if config.is_encoder_decoder:
        return False
    plain = (DynamicLayer,) if prefix.length else (DynamicLayer, DynamicSlidingWindowLayer)
    return all(type(layer) in plain for layer in DynamicCache(config=config).layers)


class Decoding:
    """Decodes greedily or by sampling; one use for one set of prompts."""

    def __init__(self, model: Any, sampling: Sampling, ending: Ending, pad: int, budget: int) -> None:
        """`budget`: cache positions, padding and answers to come included, that may be in use at a time."""
        self._rows = Rows(model, pad)
        self._sampling, self._ending, self._budget = sampling, ending, budget

    def run(
        self, prompts: Sequence[Sequence[int]], numbers: Sequence[Sequence[np.ndarray | None]]
    ) -> Iterator[tuple[int, list[list[int]]]]:
        """Answer each prompt as often as there are `numbers` for it; yields its place and its answers' tokens when all
        of them are done.

        Longest prompts first: neighbours are alike, and what does not fit into memory is known at once.
        """
        rows = [[Row(self._sampling, each) for each in answers] for answers in numbers]
        waiting = deque(sorted(range(len(prompts)), key=lambda place: (-len(prompts[place]), place)))
        place_of = {row: place for place, answers in enumerate(rows) for row in answers}
        left = [len(each) for each in rows]
        while waiting or self._rows.answers:
            if entering := self._admitted(waiting, prompts, rows):
                self._rows.enter([prompts[place] for place in entering], [rows[place] for place in entering])
            else:
                self._rows.step()
            done = [row for row in self._rows.answers if row.full or self._ending.reached(row.tokens)]
            self._rows.remove(done)
            for place in map(place_of.__getitem__, done):
                left[place] -= 1
                if not left[place]:
                    yield place, [row.tokens for row in rows[place]]

    def _admitted(
        self, waiting: deque[int], prompts: Sequence[Sequence[int]], rows: Sequence[Sequence[Row]]
    ) -> list[int]:
        """Prompts that enter now; none while less than a quarter is free, since a pass for one alone does not pay."""
        if not waiting:
            return []
        length = len(prompts[waiting[0]]) + self._rows.virtual_tokens
        span = max(length, self._rows.columns) + self._sampling.max_new_tokens
        room = max(1, self._budget // span)
        taken = len(self._rows.answers)
        if taken and 4 * (room - taken) < room:
            return []
        places: list[int] = []
        while waiting and (not taken or taken + len(rows[waiting[0]]) <= room):
            places.append(waiting.popleft())
            taken += len(rows[places[-1]])
        return places
