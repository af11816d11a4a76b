"""A base's tokenizer, with what its files leave out: special tokens, the template, prompt words that are one token."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from common.errors import ModelError
from common.models.loading import Base
from common.models.weights import configuration

Kind = Literal["query", "document"]


def tokenize(tokenizer: Any, base: Base, texts: Sequence[str], kind: Kind) -> list[list[int]]:
    """Token ids with the documented prompt and special tokens, cut at the base's `max_length`."""
    prompt = base.query_prompt if kind == "query" else base.document_prompt
    if not texts:
        return []
    return tokenizer([prompt + text for text in texts], truncation=True, max_length=base.max_length)["input_ids"]


def load_tokenizer(base: Base) -> PreTrainedTokenizerBase:
    """The tokenizer as the base's authors use it; raises `ModelError` where it cannot pad or lacks a token.

    A word in angle brackets in a prompt that the vocabulary holds whole is one token. UniXcoder's `<encoder-only>` need
    not be among the special tokens of its files, and would silently be cut into pieces.
    """
    tokenizer = AutoTokenizer.from_pretrained(
        base.folder,
        config=configuration(base),
        local_files_only=True,
        trust_remote_code=base.trust_remote_code,
    )
    for name, token in base.added_tokens.items():
        tokenizer.add_special_tokens({name: token})
    vocabulary = tokenizer.get_vocab()
    words = re.findall(r"<[^<>\s]+>", base.query_prompt + base.document_prompt)
    whole = [word for word in dict.fromkeys(words) if word in vocabulary and word not in tokenizer.all_special_tokens]
    if whole:
        tokenizer.add_special_tokens({"additional_special_tokens": whole}, replace_extra_special_tokens=False)
    if base.template:
        _set_template(tokenizer, base)
    if tokenizer.pad_token_id is None:
        raise ModelError(f"the tokenizer of {base.name} has no padding token", "set pad_token in its files")
    tokenizer.truncation_side = "right"  # prompts stand in front
    return tokenizer


def _set_template(tokenizer: PreTrainedTokenizerBase, base: Base) -> None:
    used = [word for word in base.template.split() if word != "$A"]
    vocabulary = tokenizer.get_vocab()
    absent = [word for word in used if word not in vocabulary]
    if absent:
        raise ModelError(f"the tokenizer of {base.name} lacks {', '.join(absent)}", "copy or download the model again")
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=base.template, special_tokens=[(word, vocabulary[word]) for word in used]
    )
