"""From a step's logits to the next tokens, and when an answer is over: what all ways of decoding share.

Every answer has its own stream of random numbers, one for each token. A token is read off the distribution at that
number, so what an answer draws depends on its seeds and its own logits and on nothing that runs beside it.

Tensor names carry their shape: B rows, V vocabulary, K tokens of a nucleus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from common.models.sampling import Sampling

FIRST = 128  # tokens among which the nucleus is looked for first: sorting a vocabulary takes longer than a step
ANCHOR = 4  # tokens of the prompt that are decoded with the answer, so that its first blank is kept


def stream(sampling: Sampling, seed: int, sample: int) -> np.ndarray:
    """The numbers (max_new_tokens,), from 0 to 1, of the `sample`th answer to the prompt with this seed."""
    entropy = [sampling.seed, seed % 2**64, sample]
    return np.random.default_rng(entropy).random(sampling.max_new_tokens)


def choose(logits_BV: torch.Tensor, sampling: Sampling, numbers_B: np.ndarray | None) -> torch.Tensor:
    """The next token of each row, (B,): the most probable one, or the one that its number points at."""
    if numbers_B is None:
        return logits_BV.argmax(dim=1)
    return choose_each(logits_BV, [sampling] * len(logits_BV), numbers_B.tolist())


def choose_each(
    logits_BV: torch.Tensor, samplings: Sequence[Sampling], numbers: Sequence[float | None]
) -> torch.Tensor:
    """The same, (B,), with a temperature, a nucleus and a number for each row; without a number it is greedy."""
    drawn = [place for place, number in enumerate(numbers) if number is not None]
    if not drawn:
        return logits_BV.argmax(dim=1)
    kind, device = torch.float64, logits_BV.device
    numbers_B = torch.tensor([numbers[place] for place in drawn], dtype=kind, device=device)
    heats_B1 = torch.tensor([[samplings[place].temperature] for place in drawn], device=device)
    tops_B1 = torch.tensor([[samplings[place].top_p] for place in drawn], dtype=kind, device=device)
    if len(drawn) == len(numbers):
        return _draw(logits_BV, heats_B1, tops_B1, numbers_B)
    chosen_B = logits_BV.argmax(dim=1)
    chosen_B[drawn] = _draw(logits_BV[drawn], heats_B1, tops_B1, numbers_B)
    return chosen_B


def _draw(
    logits_BV: torch.Tensor, heats_B1: torch.Tensor, tops_B1: torch.Tensor, numbers_B: torch.Tensor
) -> torch.Tensor:
    probabilities_BV = torch.softmax(logits_BV.float() / heats_B1, dim=1)
    top_BK, ids_BK = probabilities_BV.topk(min(FIRST, probabilities_BV.shape[1]), dim=1)
    chosen_B = _read_off(top_BK, ids_BK, numbers_B, tops_B1)
    short = (top_BK.double().sum(dim=1) < tops_B1[:, 0]).nonzero()[:, 0]  # row by row: neighbours change nothing
    if len(short):
        top, ids = probabilities_BV[short].sort(dim=1, descending=True)
        chosen_B[short] = _read_off(top, ids, numbers_B[short], tops_B1[short])
    return chosen_B


def _read_off(
    top_BK: torch.Tensor, ids_BK: torch.Tensor, numbers_B: torch.Tensor, tops_B1: torch.Tensor
) -> torch.Tensor:
    """The token at the place `number` of the nucleus: of the sorted tokens, those before which less than top_p lies."""
    top_BK = top_BK.double()
    before_BK = top_BK.cumsum(dim=1) - top_BK
    kept_BK = top_BK * (before_BK < tops_B1)
    target_B1 = (numbers_B * kept_BK.sum(dim=1))[:, None]
    last = (kept_BK > 0).sum(dim=1, keepdim=True) - 1
    place = (kept_BK.cumsum(dim=1) <= target_B1).sum(dim=1, keepdim=True).minimum(last)
    return ids_BK.gather(1, place)[:, 0]


@dataclass(frozen=True)
class Logprob:
    """Log probabilities at one place of an answer, under the model's own distribution (temperature 1)."""

    chosen: float
    top: tuple[tuple[int, float], ...]
    """The most probable tokens, the first one first."""


def log_probabilities(logits_BV: torch.Tensor, chosen_B: torch.Tensor, tops: Sequence[int]) -> list[Logprob]:
    """Those of the chosen tokens, and beside each as many of the most probable tokens as `tops` says."""
    scores_BV = torch.log_softmax(logits_BV.float(), dim=1)
    chosen = scores_BV.gather(1, chosen_B[:, None])[:, 0].tolist()
    values, ids = (each.tolist() for each in scores_BV.topk(min(max(tops), scores_BV.shape[1]), dim=1))
    return [
        Logprob(chosen[row], tuple(zip(ids[row][:top], values[row][:top], strict=True))) for row, top in enumerate(tops)
    ]


def end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """Tokens that end a text: those that the model's own settings name, and the tokenizer's."""
    named = model.generation_config.eos_token_id
    found = [named] if isinstance(named, int) else list(named or ())
    return list(dict.fromkeys([*found, tokenizer.eos_token_id]))


class Ending:
    """When an answer is over, and what it says."""

    def __init__(self, tokenizer: Any, eos: Sequence[int], stop: Sequence[str]) -> None:
        self._tokenizer, self._stop = tokenizer, tuple(stop)
        self.eos = frozenset(eos)
        self._tail = max((len(text.encode("utf-8", "surrogatepass")) for text in stop), default=0) + 2
        """Tokens among which a text that was just completed lies: none is shorter than a byte."""

    def reached(self, answer: Sequence[int]) -> bool:
        """Whether the last token of an answer ended it. It must be asked after each token."""
        return answer[-1] in self.eos or self.stopped(answer)

    def stopped(self, answer: Sequence[int]) -> bool:
        """Whether an answer's last tokens hold a stop text."""
        if not self._stop:
            return False
        tail = self._decode(answer[-self._tail :], special=True)
        return any(text in tail for text in self._stop)

    def text(self, prompt: Sequence[int], answer: Sequence[int]) -> str:
        """What the tokens of an answer say, up to the first stop text; the end-of-text token says nothing."""
        anchor = list(prompt[-ANCHOR:])
        before = self._decode(anchor)
        both = self._decode([*anchor, *answer])
        text = both[len(before) :] if both.startswith(before) else self._decode(answer)
        ends = [at for stop in self._stop if (at := text.find(stop)) >= 0]
        return text[: min(ends)] if ends else text

    def _decode(self, tokens: Sequence[int], *, special: bool = False) -> str:
        return self._tokenizer.decode(tokens, skip_special_tokens=not special, clean_up_tokenization_spaces=False)
