"""An answer's tokens as text while they come: no character is split, and nothing is said that a stop text swallows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.models.choosing import ANCHOR

_BROKEN = "\ufffd"
_CHARACTER = 3  # bytes of a character that can be there while its last one is missing


class TextStream:
    """The text of one answer; in all it gives what `Ending.text` gives of the whole answer."""

    def __init__(self, tokenizer: Any, prompt: Sequence[int], stop: Sequence[str]) -> None:
        self._tokenizer, self._stop = tokenizer, tuple(stop)
        self._window = list(prompt[-ANCHOR:])
        """Last tokens, decoded together: some tokenizers drop a blank at the beginning of a text."""
        if self._decoded().endswith(_BROKEN):
            self._window = []  # the prompt ends within a character, which is no text of the answer's
        self._known = len(self._window)
        """Tokens of the window that are said already."""
        self._said = len(self._decoded())
        """Characters of the window's text that are."""
        self._held = ""
        self.given = 0
        """Characters given out."""
        self.cut: int | None = None
        """Where the first stop text begins, in characters of the answer."""

    @property
    def length(self) -> int:
        """Characters known so far, those that are held back included."""
        return self.given + len(self._held)

    def add(self, token: int) -> None:
        """Take in the next token."""
        self._window.append(token)
        text = self._decoded()
        whole = len(text) - min(len(text) - len(text.rstrip(_BROKEN)), _CHARACTER)
        if whole <= self._said:
            return
        self._hold(text[self._said : whole])
        self._said = whole
        if whole == len(text):
            del self._window[: self._known]
            self._known, self._said = len(self._window), len(self._decoded())

    def take(self, *, last: bool) -> str:
        """Text that is certain by now; with `last` all that is left."""
        if last:
            self._hold(self._decoded()[self._said :])
        end = len(self._held) if last else len(self._held) - self._doubtful()
        if self.cut is not None:
            end = max(self.cut - self.given, 0)
        text, self._held = self._held[:end], self._held[end:]
        self.given += len(text)
        return text

    def _hold(self, text: str) -> None:
        self._held += text
        if self._stop and self.cut is None:
            ends = [at for stop in self._stop if (at := self._held.find(stop)) >= 0]
            self.cut = self.given + min(ends) if ends else None

    def _doubtful(self) -> int:
        """Characters at the end that may become a stop text."""
        return max(
            (length for stop in self._stop for length in range(1, len(stop)) if self._held.endswith(stop[:length])),
            default=0,
        )

    def _decoded(self) -> str:
        return self._tokenizer.decode(self._window, skip_special_tokens=True, clean_up_tokenization_spaces=False)
