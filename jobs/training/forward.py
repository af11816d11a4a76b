"""From examples to the summed loss over their answers: inputs of a pass, the forward pass, cross-entropy.

Shapes: B rows, T tokens, A answer tokens, V vocabulary. The head, which on a small model is half of the work, runs at
positions that an answer token is predicted from, and nowhere else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from common.models.encoder import virtual_tokens
from jobs.training.packing import Micro
from jobs.training.segments import segmented
from jobs.training.tokenised import Kind, Tokens

IGNORED = -100  # cross_entropy's own default


@dataclass(frozen=True)
class Pass:
    """What the model gets in one pass, and what it must say."""

    inputs: dict[str, Any]
    labels: torch.Tensor
    """Answer tokens where the model must say them, IGNORED elsewhere: one for each position whose logits come out."""


def build(examples: Sequence[Tokens], micro: Micro, kind: Kind, pad: int, start: int, virtual: int = 0) -> Pass:
    """The inputs for the examples of one pass; `start` begins a seq2seq answer, `virtual` tokens precede a prompt."""
    if kind == "seq2seq":
        return _seq2seq(examples, micro, pad, start)
    return _packed(examples, micro, pad) if micro.packed else _rectangle(examples, micro, pad, virtual)


def _packed(examples: Sequence[Tokens], micro: Micro, pad: int) -> Pass:
    ids: list[int] = []
    positions: list[int] = []
    keep: list[int] = []
    labels: list[int] = []
    segments: list[int] = []
    for example in examples:
        first = len(ids) + len(example.prompt) - 1  # the last token of the prompt predicts the first of the answer
        keep += range(first, first + len(example.answer))
        labels += example.answer
        ids += [*example.prompt, *example.answer]
        positions += range(len(example))
        segments.append(len(example))
    if (rest := micro.length - len(ids)) > 0:
        ids += [pad] * rest
        positions += range(rest)
        segments.append(rest)
    cumulative = torch.tensor([0, *segments]).cumsum(0).to(torch.int32)
    inputs = {
        "input_ids": torch.tensor([ids]),
        "position_ids": torch.tensor([positions]),
        "logits_to_keep": torch.tensor(keep),
        "cu_seq_lens_q": cumulative,
        "segments": tuple(segments),
        "use_cache": False,
    }
    return Pass(inputs, torch.tensor([labels]))


def _rectangle(examples: Sequence[Tokens], micro: Micro, pad: int, virtual: int) -> Pass:
    ids_BT = torch.full((len(examples), micro.length), pad)
    mask_BT = torch.zeros_like(ids_BT)
    labels_BT = torch.full_like(ids_BT, IGNORED)
    for row, example in enumerate(examples):
        count = len(example)
        ids_BT[row, :count] = torch.tensor([*example.prompt, *example.answer])
        mask_BT[row, :count] = 1
        labels_BT[row, len(example.prompt) - 1 : count - 1] = torch.tensor(list(example.answer))
    keep = (labels_BT != IGNORED).any(0).nonzero()[:, 0]
    inputs = {
        "input_ids": ids_BT,
        "attention_mask": mask_BT,
        "logits_to_keep": keep + virtual,
        "use_cache": False,
    }
    return Pass(inputs, labels_BT[:, keep])


def _seq2seq(examples: Sequence[Tokens], micro: Micro, pad: int, start: int) -> Pass:
    longest = -(-max(len(example.answer) for example in examples) // 16) * 16
    ids_BT = torch.full((len(examples), micro.length), pad)
    mask_BT = torch.zeros_like(ids_BT)
    labels_BA = torch.full((len(examples), longest), IGNORED)
    given_BA = torch.full((len(examples), longest), pad)
    for row, example in enumerate(examples):
        ids_BT[row, : len(example.prompt)] = torch.tensor(list(example.prompt))
        mask_BT[row, : len(example.prompt)] = 1
        labels_BA[row, : len(example.answer)] = torch.tensor(list(example.answer))
        given_BA[row, : len(example.answer)] = torch.tensor([start, *example.answer[:-1]])
    # Padding lies behind the answer, where a causal decoder's answer does not look: it needs no mask.
    inputs = {"input_ids": ids_BT, "attention_mask": mask_BT, "decoder_input_ids": given_BA, "use_cache": False}
    return Pass(inputs, labels_BA)


class Answerer:
    """A model as the loop uses it: passes in, summed losses out."""

    def __init__(self, model: Any, kind: Kind, pad: int, dtype: torch.dtype, device: torch.device) -> None:
        self.model, self.kind, self.dtype, self.device = model, kind, dtype, device
        self.inner = model.get_base_model() if hasattr(model, "get_base_model") else model
        self.config = self.inner.config
        self._pad = pad
        start = getattr(self.config, "decoder_start_token_id", None)
        self._start: int = pad if start is None else start
        learning = str(getattr(next(iter(getattr(model, "peft_config", {}).values()), None), "peft_type", ""))
        self._before = virtual_tokens(model) if "PROMPT" in learning and kind == "causal" else 0

    def attention(self, packed: bool) -> contextlib.AbstractContextManager[None]:
        """Around passes, forward and backward: layers that are computed a second time must attend as they did."""
        return segmented(self.inner) if packed else contextlib.nullcontext()

    def loss(self, examples: Sequence[Tokens], micro: Micro) -> torch.Tensor:
        """Cross-entropy summed over the answer tokens of the examples, in fp32."""
        given = build(examples, micro, self.kind, self._pad, self._start, self._before)
        logits = self.logits(given)
        labels = given.labels.to(self.device)
        return torch.nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED, reduction="sum"
        )

    def logits(self, given: Pass) -> torch.Tensor:
        """(B, A, V) where the labels are."""
        inputs = {
            name: value.to(self.device) if isinstance(value, torch.Tensor) else value
            for name, value in given.inputs.items()
        }
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            return self.model(**inputs).logits
