"""From a base's folder to a module: the native class, its configuration mended where files mislead, nothing missing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, PretrainedConfig, T5EncoderModel
from transformers.utils.logging import disable_progress_bar

from common.errors import ModelError
from common.models.architectures import ARCHITECTURES
from common.models.codet5p import CodeT5pEmbeddingConfig, CodeT5pEmbeddingModel
from common.models.loading import Base

_CLASSES: dict[str, Any] = {"t5": T5EncoderModel, "codet5p_embedding": CodeT5pEmbeddingModel}
"""Where AutoModel has none, or one with a decoder that encoding does not need."""

_NOMIC = {
    "n_embd": "hidden_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_inner": "intermediate_size",
    "n_positions": "max_position_embeddings",
    "layer_norm_epsilon": "layer_norm_eps",
}
"""Keys of configurations written for Nomic's remote code, which the native class reads over; its own defaults hold
the sizes of nomic-embed-text."""


def load_model(base: Base, device: torch.device) -> torch.nn.Module:
    """The base's weights in fp32, safetensors only, without the pooler that no pooling of ours uses.

    They are still on the CPU: a large base is rounded before it moves. Raises `ModelError` where no class fits, or the
    checkpoint leaves a weight of its class without a value.

    For a CPU attention is computed step by step ("eager"): torch's fused kernel trains BERT-sized heads at about three
    quarters of the speed there (benchmarks/cpu_choices.py).
    """
    disable_progress_bar()  # a bar over a hundred tensors that load in milliseconds says nothing
    config = configuration(base)
    with without_report():
        model, report = _CLASSES.get(config.model_type, AutoModel).from_pretrained(
            base.folder,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=base.trust_remote_code,
            attn_implementation="eager" if device.type == "cpu" else None,
            output_loading_info=True,
        )
    missing = sorted(name for name in report["missing_keys"] if "pooler." not in name)
    if missing:
        raise ModelError(
            f"the weights in {base.folder} are not those of a {type(model).__name__}: {len(missing)} of its "
            f"tensors are absent, {missing[0]} among them",
            "a model with Python code of its own needs --encoder.trust-remote-code; otherwise copy it again",
        )
    return _without_pooler(model)


def skeleton(base: Base) -> torch.nn.Module:
    """The module of `load_model` without weights, on torch's `meta` device: for counting."""
    config = configuration(base)
    with torch.device("meta"):
        return _without_pooler(_build(config, base))


def _build(config: PretrainedConfig, base: Base) -> Any:
    known = _CLASSES.get(config.model_type)
    return known(config) if known else AutoModel.from_config(config, trust_remote_code=base.trust_remote_code)


def _without_pooler(model: Any) -> Any:
    if getattr(model, "pooler", None) is not None:
        model.pooler = None
    return model


def configuration(base: Base) -> PretrainedConfig:
    """The base's configuration, mended where it says something else than its native class needs."""
    if base.architecture == CodeT5pEmbeddingConfig.model_type and not base.trust_remote_code:
        return CodeT5pEmbeddingConfig.from_pretrained(base.folder)
    try:
        config = AutoConfig.from_pretrained(
            base.folder, local_files_only=True, trust_remote_code=base.trust_remote_code
        )
    except ValueError as error:  # unknown architecture, or one whose code is in the repository
        raise ModelError(
            f"transformers has no class for {base.name} (architecture {base.architecture!r})",
            "read the Python code that comes with it, then give --encoder.trust-remote-code",
        ) from error
    entry = ARCHITECTURES.get(config.model_type)
    if entry and entry.kinds == {"encoder"} and getattr(config, "is_decoder", False):
        # UniXcoder's code sets it for the sake of generation and masks by hand; transformers 5 would mask causally
        config.is_decoder = False
    if config.model_type == "nomic_bert":
        _read_nomic(config)
    return config


def _read_nomic(config: Any) -> None:
    for old, new in _NOMIC.items():
        if hasattr(config, old):
            setattr(config, new, getattr(config, old))
    if hasattr(config, "n_embd"):
        config.head_dim = config.hidden_size // config.num_attention_heads
    if hasattr(config, "rotary_emb_base"):
        config.rope_parameters = {"rope_type": "default", "rope_theta": float(config.rotary_emb_base)}


@contextmanager
def without_report() -> Iterator[None]:
    """Without transformers' table of tensors that are absent (we judge them) or left over (heads)."""
    names = ("modeling_utils", "distributed.tensor_parallel")  # the latter says what it would shard
    loggers = [logging.getLogger(f"transformers.{name}") for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
