"""A language model that writes: finding it, loading its weights as they are or quantised, and its tokenizer.

Causal models and encoder-decoder ones (T5, CodeT5+ up to 770M). Safetensors only, no code from the Hub. Describes
without torch; the loaders import it.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from common.adapters.methods import Quantise
from common.config import Config
from common.errors import ModelError
from common.models.loading import EncoderConfig, find

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

STAND_IN = "stand-in"
_STAND_IN_FOLDER = Path(__file__).parent / "standin"
_END_TOKENS = ("<|endoftext|>", "</s>", "<|end_of_text|>", "<|im_end|>", "<eos>")
"""What ends a text in the vocabularies of published code models."""
_PADDING = ("<pad>", "<|pad|>", "[PAD]", "<|PAD|>", "<|finetune_right_pad_id|>")
_LOG = logging.getLogger(__name__)


class GeneratorBase(Config):
    """A generator on this machine's disk."""

    name: str
    """Hub id, the folder's name, or `stand-in`."""
    revision: str | None = None
    """Hub revision that was asked for."""
    folder: Path
    """Where its files are."""
    digest: str
    """SHA-256 of its weights."""
    architecture: str
    """`model_type` of its configuration."""
    kind: Literal["causal", "seq2seq"]
    """Whether one stack reads and writes, or an encoder reads and a decoder writes."""
    positions: int | None
    """Most tokens of prompt and answer together; none = positions are relative."""


def resolve_generator(name: str = STAND_IN, revision: str | None = None) -> GeneratorBase:
    """Find the model `name`: `stand-in`, a folder, or a Hub id.

    Raises `ModelError` where it cannot be had, has no safetensors, is no model that writes, or needs code of its own.
    """
    packaged = name == STAND_IN
    folder, from_hub, digest = find(
        str(_STAND_IN_FOLDER) if packaged else name, EncoderConfig(revision=revision), default=STAND_IN
    )
    if revision and not from_hub:
        raise ModelError(f"revision {revision} means nothing for {folder}, which is not from the Hub", "leave it out")
    try:
        facts = json.loads((folder / "config.json").read_text("utf-8"))
    except ValueError as error:
        raise ModelError(f"{folder}/config.json is damaged: {error}", "copy or download the model again") from error
    return GeneratorBase(
        name=name if packaged or from_hub else folder.name,
        revision=revision,
        folder=folder,
        digest=digest,
        architecture=facts.get("model_type", ""),
        kind=_kind(name, facts),
        positions=_positions(facts),
    )


def _kind(name: str, facts: dict[str, Any]) -> Literal["causal", "seq2seq"]:
    classes = facts.get("architectures") or ()
    if "auto_map" in facts:
        raise ModelError(
            f"{name} runs only with Python code of its own, which is not run here",
            "choose a model that transformers has a class for, such as Salesforce/codet5p-220m or codegen-350M-mono",
        )
    if any(one.endswith("ForConditionalGeneration") for one in classes):
        return "seq2seq"
    if any("CausalLM" in one or "LMHead" in one for one in classes):
        return "causal"
    raise ModelError(
        f"{name} is a {', '.join(classes) or 'model of unknown class'}, neither a causal language model nor an "
        "encoder-decoder",
        "give a model that generates text as --model",
    )


def _positions(facts: dict[str, Any]) -> int | None:
    if facts.get("model_type") == "t5":  # its n_positions is what it was trained on, and limits nothing
        return None
    return facts.get("max_position_embeddings") or facts.get("n_positions")


def load_generator(
    base: GeneratorBase, device: torch.device, *, dtype: torch.dtype, quantise: Quantise = "none"
) -> PreTrainedModel:
    """The base on `device` in inference mode, without adapter.

    `dtype` is that of the weights, or of the arithmetic where they are quantised. `8bit` is LLM.int8 and `4bit` NF4
    with double quantisation, both through bitsandbytes, which runs on a CPU too; embeddings, norms and the output layer
    stay in `dtype`. Raises `ModelError` where transformers has no class for it, or the files leave a weight without a
    value.
    """
    import transformers
    from transformers.utils.logging import disable_progress_bar

    from common.models.weights import without_report

    disable_progress_bar()
    auto = transformers.AutoModelForSeq2SeqLM if base.kind == "seq2seq" else transformers.AutoModelForCausalLM
    stored: dict[str, Any] = {}
    if quantise != "none":
        stored = {"quantization_config": quantisation(quantise, dtype), "device_map": {"": str(device)}}
    try:
        with without_report():
            model, report = auto.from_pretrained(
                base.folder, dtype=dtype, use_safetensors=True, local_files_only=True,
                output_loading_info=True, **stored,
            )  # fmt: skip
    except ValueError as error:
        raise ModelError(
            f"transformers cannot load {base.name} ({base.architecture}): {' '.join(str(error).split())[:200]}",
            "choose another model",
        ) from error
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            f"the weights in {base.folder} are not those of a {type(model).__name__}: {len(missing)} of its tensors "
            f"are absent, {missing[0]} among them",
            "copy or download the model again",
        )
    _keep_differentiable(model)
    return (model if stored else model.to(device)).eval()


def _keep_differentiable(model: torch.nn.Module) -> None:
    """Stop bitsandbytes 0.50 from packing 4-bit weights on CPUs with bf16 instructions at the first call without
    gradients: its packed product has none, so training after an evaluation would pass no gradient through the base, in
    silence; and it fails for widths that are no multiple of 64 by 32."""
    layers: Any = model.modules()
    for layer in layers:
        if getattr(layer, "support_avx512bf16_for_cpu", False):
            layer.support_avx512bf16_for_cpu = False


def quantisation(quantise: Quantise, dtype: torch.dtype) -> Any:
    """The configuration with which transformers quantises a model as QLoRA has it."""
    from transformers import BitsAndBytesConfig

    if quantise == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def load_generator_tokenizer(base: GeneratorBase) -> PreTrainedTokenizerBase:
    """The tokenizer with an end-of-text and a padding token; what had to be set is logged.

    Raises `ModelError` where there is none, or no token that ends a text. Padding may be the end token: tell them apart
    by length or mask, never by id.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(base.folder, local_files_only=True)
    except (ValueError, OSError) as error:
        raise ModelError(
            f"{base.folder} has no tokenizer that loads: {' '.join(str(error).split())[:160]}",
            "copy or download the model again, its tokenizer files too",
        ) from error
    for note in complete_tokenizer(tokenizer, json.loads((base.folder / "config.json").read_text("utf-8")), base.name):
        _LOG.info(note)
    tokenizer.padding_side = "left" if base.kind == "causal" else "right"  # a causal model goes on at the right end
    return tokenizer


def complete_tokenizer(tokenizer: Any, facts: dict[str, Any], name: str) -> list[str]:
    """Set the end and padding tokens that the tokenizer lacks, in place; returns a sentence for each."""
    notes: list[str] = []
    vocabulary = tokenizer.get_vocab()
    by_id = {number: token for token, number in vocabulary.items()}

    def named(field: str) -> str | None:
        number = facts.get(field)
        return by_id.get(number[0] if isinstance(number, list) else number)

    if tokenizer.eos_token_id is None:
        end = named("eos_token_id") or next((token for token in _END_TOKENS if token in vocabulary), None)
        if end is None:
            raise ModelError(
                f"the tokenizer of {name} has no token that ends a text, so no answer would ever end",
                "set eos_token in its tokenizer_config.json",
            )
        tokenizer.eos_token = end
        notes.append(f"the tokenizer of {name} names no end-of-text token: {end!r} is used")
    if tokenizer.pad_token_id is None:
        padding = named("pad_token_id") or next((token for token in _PADDING if token in vocabulary), None)
        tokenizer.pad_token = padding or tokenizer.eos_token
        notes.append(f"the tokenizer of {name} names no padding token: {tokenizer.pad_token!r} is used")
    return notes
