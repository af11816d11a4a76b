"""Examples as token ids on disk: tokenised once by the job, read by row by every worker.

FOLDER/tokens.npy   all tokens after each other: of each example the prompt's, then the answer's
FOLDER/index.npz    where each example begins, and how many of its tokens are the prompt's
FOLDER/ids.json     names of the examples, for messages
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

Kind = Literal["causal", "seq2seq"]


@dataclass(frozen=True)
class Tokens:
    """One example."""

    id: str
    prompt: Sequence[int]
    """What the model is given: what it is given to generate from, too."""
    answer: Sequence[int]
    """What it must say, with the token that ends an answer."""

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def encode(tokenizer: Any, id: str, prompt: str, answer: str, kind: Kind) -> Tokens:
    """Tokens of prompt and answer, made apart, so that generation sees the very prompt that training saw.

    The answer ends with EOS, which is how a model learns to stop.
    """
    from common.models.generation import prompt_ids

    end = tokenizer.eos_token_id
    asked = prompt_ids(tokenizer, prompt, kind)
    if kind == "causal":
        return Tokens(id, asked, [*tokenizer(answer, add_special_tokens=False)["input_ids"], end])
    said = tokenizer(text_target=answer)["input_ids"]
    return Tokens(id, asked, said if said and said[-1] == end else [*said, end])


class TokenStore:
    """Tokenised examples in a folder, by row."""

    def __init__(self, folder: Path) -> None:
        self._tokens = np.load(folder / "tokens.npy", mmap_mode="r")
        with np.load(folder / "index.npz") as index:
            self._starts, self.prompts = index["starts"], index["prompts"]
        self.lengths: np.ndarray = np.diff(self._starts)
        """(N,) tokens of each example, prompt and answer."""
        self.answers: np.ndarray = self.lengths - self.prompts
        """(N,) tokens of each answer: what a loss is over."""
        self.ids: list[str] = json.loads((folder / "ids.json").read_text("utf-8"))

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, row: int) -> Tokens:
        """One example."""
        tokens = self._tokens[self._starts[row] : self._starts[row + 1]]
        split = self.prompts[row]
        return Tokens(self.ids[row], tokens[:split].tolist(), tokens[split:].tolist())

    def digest(self) -> str:
        """SHA-256 of all tokens and their places."""
        found = hashlib.sha256(np.ascontiguousarray(self._tokens).tobytes())
        found.update(self._starts.tobytes() + self.prompts.tobytes())
        return found.hexdigest()

    @classmethod
    def write(cls, folder: Path, examples: Iterable[Tokens]) -> TokenStore:
        """Write a store and open it."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = list(examples)
        flat = [token for row in rows for token in (*row.prompt, *row.answer)]
        np.save(folder / "tokens.npy", np.array(flat, dtype=np.int32))
        starts = np.cumsum([0, *map(len, rows)])
        np.savez(folder / "index.npz", starts=starts, prompts=np.array([len(row.prompt) for row in rows], dtype=int))
        (folder / "ids.json").write_text(json.dumps([row.id for row in rows]), encoding="utf-8")
        return cls(folder)
