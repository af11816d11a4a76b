"""A request for answers while it runs: its rows, what they say piece by piece, and its cancellation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from common.models.choosing import Ending, stream
from common.models.rows import Row
from common.models.sampling import Sampling
from serving.engines.text_stream import TextStream
from serving.records import Limits, Piece, TokenLogprob

if TYPE_CHECKING:
    from serving.engines.generation_adapters import LoadedAdapter

OnPiece = Callable[[Piece | Exception], None]
_COLD = 1e-5  # below it the softmax overflows, and nothing but the most probable token could be drawn
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Vocabulary:
    """How tokens are read: the tokenizer, and the tokens that end a text."""

    tokenizer: Any
    ends: tuple[int, ...]

    def spell(self, token: int) -> str:
        """The text of one token; special ones have theirs too."""
        return self.tokenizer.decode([token], clean_up_tokenization_spaces=False)


class Answer(Row):
    """One answer of a request; a greedy one stands for all n, which are equal."""

    def __init__(
        self, request: Request, sampling: Sampling, sample: int, indexes: range, vocabulary: Vocabulary, slot: int
    ) -> None:
        limits = request.limits
        numbers = stream(sampling, limits.seed, sample) if sampling.temperature else None
        super().__init__(sampling, numbers, slot, limits.logprobs)
        self.request, self.over = request, False
        self._indexes, self._vocabulary = indexes, vocabulary
        self._ending = Ending(vocabulary.tokenizer, vocabulary.ends, limits.stop)
        self._text = TextStream(vocabulary.tokenizer, request.prompt, limits.stop)
        self._silent = 0
        self._untold: list[tuple[int, TokenLogprob]] = []  # where the token's text begins, and what is told of it

    def pieces(self) -> list[Piece]:
        """What the last token lets be said; it must be asked after each token."""
        begin = self._text.length
        self._text.add(self.tokens[-1])
        self._silent += 1
        ended = self._ending.reached(self.tokens) or self._text.cut is not None
        self.over = ended or self.full
        if self.top is not None and self.tokens[-1] not in self._ending.eos:
            self._untold.append((begin, self._told()))
        text = self._text.take(last=self.over)
        if not text and not self.over:
            return []
        whole = self.over and self._text.cut is None  # then silent tokens at the end are told as well
        told = [one for one in self._untold if whole or one[0] < self._text.given]
        self._untold = self._untold[len(told) :]
        tokens, self._silent = self._silent, 0
        finish: Literal["stop", "length"] | None = ("stop" if ended else "length") if self.over else None
        return [Piece(index, text, tokens, tuple(one for _, one in told), finish) for index in self._indexes]

    def _told(self) -> TokenLogprob:
        found, spell = self.logprobs[-1], self._vocabulary.spell
        return TokenLogprob(spell(self.tokens[-1]), found.chosen, tuple((spell(token), at) for token, at in found.top))


class Request:
    """One request. Only the engine's thread touches its answers; anybody may cancel it."""

    def __init__(
        self, number: int, prompt: Sequence[int], limits: Limits, loaded: LoadedAdapter | None, on_piece: OnPiece,
        vocabulary: Vocabulary,
    ) -> None:  # fmt: skip
        """`number`: its place in the order of arrival."""
        self.number, self.prompt, self.limits, self.loaded = number, list(prompt), limits, loaded
        self.cancelled = False
        self.closed = False
        """Whether the engine is through with it."""
        self._on_piece = on_piece
        sampling = Sampling(
            temperature=limits.temperature if is_drawn(limits) else 0, top_p=limits.top_p,
            max_new_tokens=limits.max_tokens, stop=limits.stop,
        )  # fmt: skip
        indexes = [range(n, n + 1) for n in range(limits.n)] if sampling.temperature else [range(limits.n)]
        slot = loaded.slot if loaded else 0
        self.answers = [Answer(self, sampling, sample, each, vocabulary, slot) for sample, each in enumerate(indexes)]

    @property
    def over(self) -> bool:
        """Whether all answers are."""
        return all(answer.over for answer in self.answers)

    def tell(self, what: Piece | Exception) -> None:
        """Hand it to whoever asked, unless cancelled; a listener that fails loses its request, and nothing else."""
        if self.cancelled:
            return
        try:
            self._on_piece(what)
        except Exception:
            _LOG.exception("whoever listened to an answer failed; it is cancelled")
            self.cancelled = True


@dataclass(frozen=True)
class Handle:
    """What the one who asked holds."""

    _request: Request

    def cancel(self) -> None:
        """Nothing more is wanted: no piece comes after the one that may be on its way, and the rows leave."""
        self._request.cancelled = True


def is_drawn(limits: Limits) -> bool:
    """Whether answers are drawn; otherwise all n are equal, and computed once."""
    return limits.temperature >= _COLD
