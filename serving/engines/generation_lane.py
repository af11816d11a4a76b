"""Requests that share a model and its cache: base and LoRA adapters together, or one adapter of another kind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

from common.models.rows import Rows
from serving.engines.requests import Answer, Request


class Lane:
    """Only the engine's thread touches it."""

    def __init__(
        self, model: Any, pad: int, choosing: Callable[[Sequence[int]], AbstractContextManager[None]] | None = None
    ) -> None:
        self.waiting: deque[Request] = deque()
        self._rows = Rows(model, pad, choosing)

    @property
    def answers(self) -> list[Answer]:
        """Those in the making."""
        return cast(list[Answer], self._rows.answers)

    @property
    def virtual_tokens(self) -> int:
        """Positions before each prompt."""
        return self._rows.virtual_tokens

    @property
    def positions(self) -> int:
        """Cache positions in use, padding included."""
        return len(self.answers) * self._rows.columns

    def span(self, prompt: int, new: int) -> int:
        """Most cache positions of an answer of `new` tokens to a prompt of so many."""
        return self._rows.span(prompt, new)

    def need(self, requests: Iterable[Request] = ()) -> int:
        """Most cache positions that its rows will take before they are over, and those of the requests if they enter.

        All rows are as long as the longest; a row keeps what it may grow to from the beginning, so that none is ever
        thrown out for want of room.
        """
        answers = [*self.answers, *(answer for request in requests for answer in request.answers)]
        spans = (self.span(len(answer.request.prompt), answer.sampling.max_new_tokens) for answer in answers)
        return len(answers) * max(spans, default=0)

    def admit(self, tokens: int, room: int) -> list[Request]:
        """Take the requests out of `waiting` that enter now, the oldest first and always unless there is no room.

        `tokens`: of their prompts with padding; `room`: cache positions of the lane.
        """
        entering: list[Request] = []
        longest = 0
        while self.waiting:
            longest = max(longest, len(self.waiting[0].prompt))
            if entering and longest * (len(entering) + 1) > tokens:
                break
            if self.need([*entering, self.waiting[0]]) > room:
                break
            entering.append(self.waiting.popleft())
        return entering

    def enter(self, requests: Sequence[Request]) -> list[Answer]:
        """Run their prompts; the answers, each with its first token. Where it fails, the others go on."""
        self._rows.enter([request.prompt for request in requests], [request.answers for request in requests])
        return [answer for request in requests for answer in request.answers]

    def step(self) -> list[Answer]:
        """A token more for all answers, which come back. Where it fails, they are lost."""
        self._rows.step()
        return self.answers

    def remove(self, answers: Sequence[Answer]) -> None:
        """Take answers out that are over or not wanted any more."""
        self._rows.remove(answers)

    def clear(self) -> list[Request]:
        """Take all out and give the cache back; the requests that they were of."""
        requests = list(dict.fromkeys(answer.request for answer in self.answers))
        self._rows.clear()
        return requests
