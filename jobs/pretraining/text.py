"""From the library's source to rows of tokens."""

from __future__ import annotations

import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common.corpora.splits import DEV, TEST
from common.corpora.stdlib import source_files, stdlib_corpus, top_module

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

END, PAD = "<|endoftext|>", "<|pad|>"


@dataclass(frozen=True)
class Library:
    """The source of the library, as texts."""

    train: tuple[str, ...]
    held_out: tuple[str, ...]
    """Of the modules that `stdlib_corpus` holds out for dev; those of its test split are in neither."""


def read_library(limit: int | None = None) -> Library:
    """Every module that can be decoded, without the ones that our own corpora test on."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    groups = stdlib_corpus().report.groups
    dev, test = set(groups[DEV]), set(groups[TEST])
    train: list[str] = []
    held_out: list[str] = []
    for path in list(source_files(folder))[:limit]:
        module = top_module(path)
        if module in test:
            continue
        try:
            text = (folder / path).read_text("utf-8")
        except UnicodeDecodeError:
            continue
        if text.strip():
            (held_out if module in dev else train).append(text)
    return Library(tuple(train), tuple(held_out))


def train_tokenizer(texts: Sequence[str], vocabulary: int, positions: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE; digits stay single, so that a number of a question can be copied into an answer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=[END, PAD], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, model_max_length=positions,
        clean_up_tokenization_spaces=False,
    )  # fmt: skip


def rows_of(texts: Sequence[str], tokenizer: PreTrainedTokenizerFast, length: int) -> np.ndarray:
    """(N, length + 1) token ids: the texts one after the other, each closed by the end token, cut into rows.

    A row begins with the token that the row before ended with, so that every token is predicted once. What does not
    fill a row is left out.
    """
    encoded = tokenizer(list(texts))["input_ids"]
    stream = np.concatenate([np.array([*ids, tokenizer.eos_token_id], dtype=np.int32) for ids in encoded])
    count = (len(stream) - 1) // length
    starts = np.arange(count)[:, None] * length
    return stream[starts + np.arange(length + 1)[None, :]]
