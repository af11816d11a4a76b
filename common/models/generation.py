"""A generator: answers to many prompts at once, bare or with an adapter.

Greedy decoding and sampling of decoder-only models run in `decoding`, where rows come and go. Beam search, encoder–
decoders and models whose cache is not plain keys and values run in transformers' `generate`, batches of like length at
a time. Either way each answer ends when it itself holds a stop text, prompts are never cut, and an answer's draws come
from the seeds of its prompt: it does not depend on what else is in the batch, save that the order of sums may turn a
token where two are as probable as each other to the last bits of the number format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from common.errors import ModelError
from common.models.batching import plan_chunks
from common.models.choosing import Ending, choose, end_tokens, stream
from common.models.decoding import Decoding, supports
from common.models.encoder import virtual_tokens
from common.models.sampling import Sampling

if TYPE_CHECKING:
    from common.models.generator import GeneratorBase, Quantise

BUDGET = {"cpu": 16_384, "cuda": 131_072}
"""Cache positions in use at a time: rows times their longest prompt and answer."""


@dataclass(frozen=True)
class Answers:
    """The answers to one prompt."""

    texts: list[str]
    tokens: int
    """Generated for all of them, the one that ends a text included."""


class Generator:
    """A loaded model with its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any, base: GeneratorBase, budget: int | None = None) -> None:
        self.model, self.tokenizer, self.base = model, tokenizer, base
        self._core = model.get_base_model() if hasattr(model, "peft_config") else model
        self._budget = budget or BUDGET.get(self._core.device.type, BUDGET["cpu"])

    @classmethod
    def of(cls, model: Any, tokenizer: Any, base: GeneratorBase, budget: int | None = None) -> Generator:
        """Around a model that is there already, one in training as well: its modes are put back after each use."""
        return cls(model, tokenizer, base, budget)

    @classmethod
    def load(
        cls,
        base: GeneratorBase,
        adapter: Path | None = None,
        device: torch.device | None = None,
        quantise: Quantise = "none",
        budget: int | None = None,
    ) -> Generator:
        """The base, with an adapter or a full fine-tuning of it where one is given.

        `budget`: cache positions in use at a time. Raises `AdapterError` where the adapter is for another base,
        `ModelError` where the base cannot be loaded.
        """
        from common.adapters.generators import load_with_adapter
        from common.models.generator import load_generator, load_generator_tokenizer
        from common.models.precision import choose_dtype

        device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        dtype = choose_dtype("auto", device)
        if adapter is None:
            model: Any = load_generator(base, device, dtype=dtype, quantise=quantise)
        else:
            model = load_with_adapter(base, adapter, device, dtype=dtype, quantise=quantise)
        return cls(model.eval(), load_generator_tokenizer(base), base, budget)

    def generate(
        self, prompts: Sequence[str], sampling: Sampling, seeds: Sequence[int] | None = None
    ) -> list[list[str]]:
        """`sampling.samples` answers to each prompt; see `answers`."""
        return [answers.texts for answers in self.answers(prompts, sampling, seeds)]

    def answers(self, prompts: Sequence[str], sampling: Sampling, seeds: Sequence[int] | None = None) -> list[Answers]:
        """The answers to each prompt, in order, and what they took.

        A prompt's draws depend on its seed, by default one made of its text. Raises `ModelError` where a prompt and its
        answer do not fit into the model (nothing is cut, nothing is generated), or memory does not suffice.
        """
        found: list[Answers | None] = [None] * len(prompts)
        for place, answers in self.stream(prompts, sampling, seeds):
            found[place] = answers
        return [answers for answers in found if answers is not None]

    def stream(
        self, prompts: Sequence[str], sampling: Sampling, seeds: Sequence[int] | None = None
    ) -> Iterator[tuple[int, Answers]]:
        """The same as they are finished: a prompt's place and its answers."""
        ids = self.tokenize(prompts)
        for place, each in enumerate(ids):
            if error := self._misfit(each, sampling, f"prompt {place}"):
                raise error
        seeds = [_seed_of(prompt) for prompt in prompts] if seeds is None else seeds
        ending = Ending(self.tokenizer, self._eos(), sampling.stop)
        run = self._continuously if sampling.beams == 1 and supports(self.model) else self._in_batches
        with self._inference():
            try:
                for place, rows in run(ids, sampling, list(seeds), ending):
                    anchor = ids[place] if self.base.kind == "causal" else []
                    texts = [ending.text(anchor, row) for row in rows]
                    texts *= sampling.samples // len(texts)  # greedy: one for all
                    yield place, Answers(texts, sum(map(len, rows)))
            except torch.OutOfMemoryError as error:
                raise ModelError(
                    f"out of memory with {self._budget:,} tokens of prompts and answers at a time",
                    f"give half of it: a budget of {self._budget // 2:,} (--batch-tokens), or fewer samples and beams",
                ) from error

    def tokenize(self, prompts: Sequence[str]) -> list[list[int]]:
        """Token ids as the model is asked; see `prompt_ids`."""
        return [prompt_ids(self.tokenizer, prompt, self.base.kind) for prompt in prompts]

    def why_not(self, prompt: str, sampling: Sampling) -> ModelError | None:
        """The error that this prompt would be refused with, so that whoever asks many can leave it out."""
        (ids,) = self.tokenize([prompt])
        return self._misfit(ids, sampling)

    @property
    def virtual_tokens(self) -> int:
        """Positions that prompt or prefix tuning take before each prompt."""
        return virtual_tokens(self.model)

    def _misfit(self, ids: Sequence[int], sampling: Sampling, which: str = "a prompt") -> ModelError | None:
        if not self.base.positions:
            return None
        answer = sampling.max_new_tokens if self.base.kind == "causal" else 0
        excess = len(ids) + self.virtual_tokens + answer - self.base.positions
        if excess <= 0:
            return None
        return ModelError(
            f"{which} of {len(ids):,} tokens and {sampling.max_new_tokens:,} new ones do not fit into the "
            f"{self.base.positions:,} positions of {self.base.name}: {excess:,} too many",
            "lower max_new_tokens, or leave it out",
        )

    def _continuously(
        self, ids: list[list[int]], sampling: Sampling, seeds: list[int], ending: Ending
    ) -> Iterator[tuple[int, list[list[int]]]]:
        decoding = Decoding(self.model, sampling, ending, self._pad, self._budget)
        yield from decoding.run(ids, [_numbers(sampling, seed) for seed in seeds])

    def _in_batches(
        self, ids: list[list[int]], sampling: Sampling, seeds: list[int], ending: Ending
    ) -> Iterator[tuple[int, list[list[int]]]]:
        sampled = sampling.samples if sampling.temperature else 1
        returned = sampling.samples if sampling.beams > 1 else sampled
        for chunk in self._chunks(ids, sampling):
            tokens_BT, mask_BT = self._padded([ids[row] for row in chunk])
            start = tokens_BT.shape[1] if self.base.kind == "causal" else 1
            if sampled > 1:
                tokens_BT, mask_BT = (t.repeat_interleave(sampled, dim=0) for t in (tokens_BT, mask_BT))
            processors = LogitsProcessorList()
            if sampling.temperature:
                numbers = np.array([line for row in chunk for line in _numbers(sampling, seeds[row])])
                processors.append(_Drawn(sampling, numbers, start))
            out = self.model.generate(
                input_ids=tokens_BT, attention_mask=mask_BT, do_sample=False, num_beams=sampling.beams,
                num_return_sequences=returned if sampling.beams > 1 else 1, max_new_tokens=sampling.max_new_tokens,
                logits_processor=processors, stopping_criteria=StoppingCriteriaList([_Stopped(ending, start)]),
            )  # fmt: skip
            answers = [self._trimmed(row, ending) for row in out[:, start:].tolist()]
            for place, row in enumerate(chunk):
                yield row, answers[place * returned : (place + 1) * returned]

    def _chunks(self, ids: list[list[int]], sampling: Sampling) -> Iterator[Sequence[int]]:
        """Prompts that run together, of like length; of one length where PEFT would count padding as positions."""
        each = max(sampling.beams, sampling.samples if sampling.temperature else 1)
        lengths: dict[int, list[int]] = {}
        alike = self.virtual_tokens > 0 and self.base.kind == "causal"
        for place, row in enumerate(ids):
            lengths.setdefault(len(row) if alike else 0, []).append(place)
        for _, places in sorted(lengths.items(), reverse=True):
            spans = [len(ids[place]) + self.virtual_tokens + sampling.max_new_tokens for place in places]
            for chunk in plan_chunks(spans, budget=self._budget // each):
                yield [places[row] for row in chunk.rows]

    def _padded(self, ids: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens and mask (B, T): causal prompts end, an encoder's begin in the same column."""
        length = max(map(len, ids))
        tokens = np.full((len(ids), length), self._pad)
        mask = np.zeros_like(tokens)
        for place, row in enumerate(ids):
            where = slice(length - len(row), None) if self.base.kind == "causal" else slice(len(row))
            tokens[place, where], mask[place, where] = row, 1
        device = self._core.device
        return torch.from_numpy(tokens).to(device), torch.from_numpy(mask).to(device)

    def _trimmed(self, answer: list[int], ending: Ending) -> list[int]:
        """Without what `generate` fills finished rows up with."""
        for place, token in enumerate(answer):
            if token in ending.eos:
                return answer[: place + 1]
        while answer and answer[-1] == self._pad:
            answer.pop()
        return answer

    @property
    def _pad(self) -> int:
        return self.tokenizer.pad_token_id

    def _eos(self) -> list[int]:
        return end_tokens(self._core, self.tokenizer)

    @contextmanager
    def _inference(self) -> Iterator[None]:
        """Inference mode, without what the model's own settings would add to ours (penalties, temperatures)."""
        training, settings = self.model.training, self._core.generation_config
        names = ("bos_token_id", "decoder_start_token_id")
        self._core.generation_config = GenerationConfig(
            **{name: getattr(settings, name) for name in names}, eos_token_id=self._eos(), pad_token_id=self._pad
        )
        self.model.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self._core.generation_config = settings
            self.model.train(training)


class _Drawn(LogitsProcessor):
    """Leaves of each row's tokens the one that its number points at."""

    def __init__(self, sampling: Sampling, numbers: np.ndarray, start: int) -> None:
        self._sampling, self._numbers, self._start = sampling, numbers, start

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        chosen = choose(scores, self._sampling, self._numbers[:, input_ids.shape[1] - self._start])
        return torch.full_like(scores, -torch.inf).scatter(1, chosen[:, None], 0.0)


class _Stopped(StoppingCriteria):
    """Tells row by row which answers hold a stop text."""

    def __init__(self, ending: Ending, start: int) -> None:
        self._ending, self._start = ending, start

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        held = [self._ending.stopped(row) for row in input_ids[:, self._start :].tolist()]
        return torch.tensor(held, device=input_ids.device)


def prompt_ids(tokenizer: Any, prompt: str, kind: Literal["causal", "seq2seq"]) -> list[int]:
    """Token ids of a prompt: the tokenizer's own beginning stays, once where a chat template has written it already;
    the end that some put behind every text goes from what a causal model is to continue."""
    bos, eos = tokenizer.bos_token, tokenizer.eos_token
    ids: list[int] = tokenizer(prompt, add_special_tokens=not (bos and prompt.startswith(bos)))["input_ids"]
    if kind == "causal" and ids and ids[-1] == tokenizer.eos_token_id and not prompt.endswith(eos):
        ids = ids[:-1]
    return ids


def _numbers(sampling: Sampling, seed: int) -> list[np.ndarray] | list[None]:
    """What each answer to a prompt draws with: one answer and nothing where nothing is drawn."""
    if not sampling.temperature:
        return [None]
    return [stream(sampling, seed, sample) for sample in range(sampling.samples)]


def _seed_of(prompt: str) -> int:
    return int.from_bytes(hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).digest()[:6])
