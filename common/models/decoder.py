"""A causal language model that answers prompts, bare or with an adapter.

A first form: one prompt at a time, sampled with transformers' `generate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from common.adapters.folder import check, is_peft
from common.config import Config
from common.errors import AdapterError, ModelError
from common.models.loading import EncoderConfig, find
from common.models.precision import choose_dtype
from common.models.sampling import Sampling


class DecoderBase(Config):
    """A causal language model on this machine's disk."""

    name: str
    """Hub id, or the folder's name."""
    folder: Path
    """Where its files are."""
    digest: str
    """SHA-256 of its weights."""
    positions: int | None
    """Most tokens of prompt and answer; none = no limit."""


def resolve_decoder(name: str, revision: str | None = None) -> DecoderBase:
    """Find the model `name`, a folder or a Hub id; raises `ModelError` where it cannot be had or is no causal model."""
    folder, from_hub, digest = find(name, EncoderConfig(revision=revision))
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except ValueError as error:
        raise ModelError(f"transformers has no class for {name}: {error}", "choose another model") from error
    if not any("CausalLM" in kind or "LMHead" in kind for kind in config.architectures or ()):
        raise ModelError(
            f"{name} is a {', '.join(config.architectures or ['model of unknown class'])}, not a causal language model",
            "give a model that generates text as --model",
        )
    positions = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    return DecoderBase(name=name if from_hub else folder.name, folder=folder, digest=digest, positions=positions)


class Decoder:
    """A loaded model with its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any, base: DecoderBase) -> None:
        self._model, self._tokenizer, self._base = model, tokenizer, base

    @classmethod
    def load(cls, base: DecoderBase, adapter: Path | None = None, device: torch.device | None = None) -> Decoder:
        """The base, with a PEFT adapter where one is given; raises `AdapterError` where that is for another base."""
        device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        dtype = choose_dtype("auto", device)
        disable_progress_bar()
        model: Any = AutoModelForCausalLM.from_pretrained(
            base.folder, dtype=dtype, use_safetensors=True, local_files_only=True
        )
        if adapter is not None:
            check(adapter, base)
            if not is_peft(adapter):
                raise AdapterError(f"{adapter} holds a full fine-tuning", "give that folder as --model")
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, adapter)
        tokenizer = AutoTokenizer.from_pretrained(base.folder, local_files_only=True)
        return cls(model.to(device).eval(), tokenizer, base)

    def sample(self, prompt: str, sampling: Sampling, seed: int = 0) -> list[str]:
        """`sampling.samples` answers, the same for the same prompt, seeds and machine.

        Raises `ModelError` where prompt and answer do not fit into the model: a question is never cut.
        """
        inputs = self._tokenizer(prompt, return_tensors="pt").to(self._model.device)
        length = inputs["input_ids"].shape[1]
        if self._base.positions and length + sampling.max_new_tokens > self._base.positions:
            raise ModelError(
                f"a prompt of {length} tokens and {sampling.max_new_tokens} new ones do not fit into the "
                f"{self._base.positions} positions of {self._base.name}",
                "lower max_new_tokens, or leave the problem out",
            )
        drawn = {"do_sample": False} if not sampling.temperature else {
            "do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0,
        }  # fmt: skip
        stop = {"stop_strings": list(sampling.stop), "tokenizer": self._tokenizer} if sampling.stop else {}
        torch.manual_seed((sampling.seed * 1_000_003 + seed) % 2**63)
        rows = sampling.samples if sampling.temperature else 1
        with torch.inference_mode():
            tokens = self._model.generate(
                **{key: inputs[key] for key in ("input_ids", "attention_mask")},
                max_new_tokens=sampling.max_new_tokens, num_return_sequences=rows,
                pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id or 0, **drawn, **stop,
            )  # fmt: skip
        texts = self._tokenizer.batch_decode(tokens[:, length:], skip_special_tokens=True)
        answers = [_cut(text, sampling.stop) for text in texts]
        return answers * (sampling.samples // rows)


def _cut(text: str, stop: Sequence[str]) -> str:
    """The text up to the first stop text."""
    ends = [at for word in stop if (at := text.find(word)) >= 0]
    return text[: min(ends)] if ends else text
