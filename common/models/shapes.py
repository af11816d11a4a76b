"""The sizes of a generator's modules, read off its `config.json` without building anything.

Pure arithmetic on the public hyper-parameters; the tests hold it against the real modules of each family.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Facts = Mapping[str, Any]
"""A model's `config.json`."""


@dataclass(frozen=True)
class Linear:
    """One linear module."""

    name: str
    """Its dotted name in the model."""
    inputs: int
    outputs: int
    bias: bool = False

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.inputs * self.outputs + self.bias * self.outputs


@dataclass(frozen=True)
class Stack:
    """One stack of equal transformer blocks: what its activations are made of."""

    layers: int
    hidden: int
    heads: int
    head: int
    """Width of a head."""
    key_values: int
    """Heads that keys and values have."""
    inner: int
    """Width of the feed-forward block."""
    kept: int
    """Tensors of that width that the activation keeps for the backward pass: 3 of SwiGLU (its input, its output, what
    it is multiplied with), 1 of ReLU and of torch's own GELU, 4 of the GELU that is spelt out in several products."""
    norms: int = 2
    """Normalisations in a block."""
    root_mean_square: bool = True
    """Whether they are RMSNorms, written out in fp32; otherwise torch's own LayerNorm."""
    by_head: bool = False
    """Whether queries and keys are normalised as well, head by head."""
    attention: Literal["fused", "views", "matrix", "relative"] = "fused"
    """fused: torch's, with keys and values repeated for every head. views: the same, on one projection that holds all
    three. matrix: spelt out in fp32. relative: torch's, with a bias for each head and pair of tokens."""
    cross: bool = False
    """Whether it attends to an encoder as well."""

    @property
    def parallel(self) -> bool:
        """Whether attention and feed-forward block read the same."""
        return self.norms == 1


@dataclass(frozen=True)
class Shapes:
    """A generator's sizes."""

    model_type: str
    vocabulary: int
    hidden: int
    linears: tuple[Linear, ...]
    """All but the output layer."""
    head: Linear
    """The output layer."""
    tied: bool
    """Whether the output layer's weight is the embeddings'."""
    embeddings: int
    """Parameters of the token and position embeddings."""
    small: int
    """Parameters of norms and relative positions."""
    stacks: tuple[Stack, ...]
    """A causal model's one, or encoder and decoder."""
    cache: tuple[int, int, int]
    """Layers, heads and head width of the keys of the stack that writes."""

    @property
    def parameters(self) -> int:
        """Of the whole model, shared ones once."""
        head = self.head.bias * self.head.outputs if self.tied else self.head.parameters
        return sum(one.parameters for one in self.linears) + self.embeddings + self.small + head

    def names(self) -> tuple[str, ...]:
        """The dotted names of all linear modules."""
        return (*(one.name for one in self.linears), self.head.name)

    def matching(self, targets: Sequence[str]) -> list[Linear]:
        """The linear modules that PEFT takes for `targets`: equal to one, or ending in a dot and one."""
        ends = tuple(f".{target}" for target in targets)
        return [one for one in (*self.linears, self.head) if one.name in targets or one.name.endswith(ends)]

    @classmethod
    def read(cls, folder: Path) -> Shapes | None:
        """Of the model in `folder`; None where its architecture is not one of those below."""
        return cls.of(json.loads((folder / "config.json").read_text("utf-8")))

    @classmethod
    def of(cls, facts: Facts) -> Shapes | None:
        """Of a model with this configuration; None where its architecture is not one of those below."""
        reader = _READERS.get(facts.get("model_type", ""))
        return reader(facts) if reader else None


def _llama(facts: Facts) -> Shapes:
    """Llama and its kin: grouped keys, SwiGLU, RMSNorm."""
    kind, width, layers = facts["model_type"], facts["hidden_size"], facts["num_hidden_layers"]
    heads, inner, words = facts["num_attention_heads"], facts["intermediate_size"], facts["vocab_size"]
    groups = facts.get("num_key_value_heads") or heads
    head = facts.get("head_dim") or width // heads
    bias = kind == "qwen2" or bool(facts.get("attention_bias"))
    out_bias, mlp_bias = kind != "qwen2" and bias, bool(facts.get("mlp_bias"))

    def block(at: str) -> Iterator[Linear]:
        yield Linear(f"{at}.self_attn.q_proj", width, heads * head, bias)
        yield Linear(f"{at}.self_attn.k_proj", width, groups * head, bias)
        yield Linear(f"{at}.self_attn.v_proj", width, groups * head, bias)
        yield Linear(f"{at}.self_attn.o_proj", heads * head, width, out_bias)
        yield Linear(f"{at}.mlp.gate_proj", width, inner, mlp_bias)
        yield Linear(f"{at}.mlp.up_proj", width, inner, mlp_bias)
        yield Linear(f"{at}.mlp.down_proj", inner, width, mlp_bias)

    by_head = kind == "qwen3"  # queries and keys are normalised by head
    return Shapes(
        kind, words, width,
        tuple(one for number in range(layers) for one in block(f"model.layers.{number}")),
        Linear("lm_head", width, words), bool(facts.get("tie_word_embeddings", False)), words * width,
        layers * (2 * width + by_head * 2 * head) + width,
        (Stack(layers, width, heads, head, groups, inner, kept=3, by_head=by_head),),
        (layers, groups, head),
    )  # fmt: skip


def _codegen(facts: Facts) -> Shapes:
    """GPT-J's block: attention and feed-forward side by side after one LayerNorm."""
    width, layers, heads, words = facts["n_embd"], facts["n_layer"], facts["n_head"], facts["vocab_size"]
    inner = facts.get("n_inner") or 4 * width

    def block(at: str) -> Iterator[Linear]:
        yield Linear(f"{at}.attn.qkv_proj", width, 3 * width)
        yield Linear(f"{at}.attn.out_proj", width, width)
        yield Linear(f"{at}.mlp.fc_in", width, inner, True)
        yield Linear(f"{at}.mlp.fc_out", inner, width, True)

    stack = Stack(
        layers, width, heads, width // heads, heads, inner, 4, norms=1, root_mean_square=False, attention="matrix"
    )
    return Shapes(
        "codegen", words, width,
        tuple(one for number in range(layers) for one in block(f"transformer.h.{number}")),
        Linear("lm_head", width, words, True), bool(facts.get("tie_word_embeddings", False)), words * width,
        layers * 2 * width + 2 * width,
        (stack,), (layers, heads, width // heads),
    )  # fmt: skip


def _bigcode(facts: Facts) -> Shapes:
    """GPT-2's block, with one head of keys and values for all queries (multi-query) unless said otherwise."""
    width, layers, heads, words = facts["n_embd"], facts["n_layer"], facts["n_head"], facts["vocab_size"]
    inner = facts.get("n_inner") or 4 * width
    groups = 1 if facts.get("multi_query", True) else heads
    head = width // heads

    def block(at: str) -> Iterator[Linear]:
        yield Linear(f"{at}.attn.c_attn", width, width + 2 * groups * head, True)
        yield Linear(f"{at}.attn.c_proj", width, width, True)
        yield Linear(f"{at}.mlp.c_fc", width, inner, True)
        yield Linear(f"{at}.mlp.c_proj", inner, width, True)

    stack = Stack(layers, width, heads, head, groups, inner, kept=1, root_mean_square=False, attention="views")
    return Shapes(
        "gpt_bigcode", words, width,
        tuple(one for number in range(layers) for one in block(f"transformer.h.{number}")),
        Linear("lm_head", width, words), bool(facts.get("tie_word_embeddings", True)),
        (words + facts["n_positions"]) * width, layers * 4 * width + 2 * width,
        (stack,), (layers, groups, head),
    )  # fmt: skip


def _t5(facts: Facts) -> Shapes:
    """Encoder and decoder with relative positions, RMSNorm, no biases."""
    width, heads, head, words = facts["d_model"], facts["num_heads"], facts["d_kv"], facts["vocab_size"]
    inner, layers = facts["d_ff"], facts["num_layers"]
    decoding = facts.get("num_decoder_layers") or layers
    gated = str(facts.get("feed_forward_proj", "relu")).startswith("gated")
    all_heads = heads * head

    def attention(at: str) -> Iterator[Linear]:
        yield from (Linear(f"{at}.{part}", width, all_heads) for part in "qkv")
        yield Linear(f"{at}.o", all_heads, width)

    def feed_forward(at: str) -> Iterator[Linear]:
        for part in ("wi_0", "wi_1") if gated else ("wi",):
            yield Linear(f"{at}.DenseReluDense.{part}", width, inner)
        yield Linear(f"{at}.DenseReluDense.wo", inner, width)

    def blocks() -> Iterator[Linear]:
        for number in range(layers):
            yield from attention(f"encoder.block.{number}.layer.0.SelfAttention")
            yield from feed_forward(f"encoder.block.{number}.layer.1")
        for number in range(decoding):
            yield from attention(f"decoder.block.{number}.layer.0.SelfAttention")
            yield from attention(f"decoder.block.{number}.layer.1.EncDecAttention")
            yield from feed_forward(f"decoder.block.{number}.layer.2")

    stack = (width, heads, head, heads, inner, 6 if gated else 1)
    return Shapes(
        "t5", words, width, tuple(blocks()), Linear("lm_head", width, words),
        bool(facts.get("tie_word_embeddings", True)), words * width,
        (2 * layers + 3 * decoding + 2) * width + 2 * facts.get("relative_attention_num_buckets", 32) * heads,
        (
            Stack(layers, *stack, attention="relative"),
            Stack(decoding, *stack, norms=3, attention="relative", cross=True),
        ), (decoding, heads, head),
    )  # fmt: skip


_READERS: dict[str, Callable[[Facts], Shapes]] = {
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3"), _llama),
    "codegen": _codegen,
    "gpt_bigcode": _bigcode,
    "t5": _t5,
}
