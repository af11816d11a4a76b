"""What a training step keeps between its forward and its backward pass, in bytes, from a model's sizes.

Counted off the forward code of transformers 5.23 and torch's formulas for derivatives, which save only what a gradient
needs: a frozen linear module keeps nothing, a trained one its input. The tests hold the sums against the tensors that
autograd really saves, in each family.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from common.adapters.counting import adapted
from common.adapters.methods import METHODS, PeftSpec
from common.models.architectures import ARCHITECTURES
from common.models.shapes import Linear, Shapes, Stack


@dataclass(frozen=True)
class Tokens:
    """What goes through the model at once."""

    rows: int
    read: int
    """Tokens a row of the stack that reads: a causal model's prompt and answer, an encoder's prompt."""
    written: int
    """Tokens a row of a decoder; 0 for a causal model."""


@dataclass(frozen=True)
class Arithmetic:
    """How numbers are held."""

    width: int
    """Bytes of a number in matrix products: 4 in fp32, 2 in bf16 and fp16."""
    base: int
    """Bytes of a number of the base's weights, and so between its blocks. Full fine-tuning in mixed precision has 4."""

    @property
    def casts(self) -> bool:
        """Whether autocast rounds the inputs of each linear module anew."""
        return self.base > self.width


_ENDS = ("o_proj", "out_proj", "attn.c_proj", ".o", "down_proj", "fc_out", "mlp.c_proj", ".wo")
"""Modules whose input is nobody else's."""


def activations(spec: PeftSpec, shapes: Shapes, tokens: Tokens, number: Arithmetic, *, eight_bit: bool) -> float:
    """Bytes that are kept, without checkpointing, up to the output layer."""
    total = 0.0
    full = METHODS[spec.method].trains_base
    for stack, (rows, length) in zip(shapes.stacks, _runs(spec, shapes, tokens), strict=True):
        total += stack.layers * rows * _block(stack, length, tokens.read, number, full)
        if full or spec.method in ("prompt", "prefix"):
            total += rows * length * stack.hidden * 4.0  # the norm at its end
        elif stack.parallel and not stack.cross:  # nothing is learnt before the first attention, nor beside it
            total -= rows * length * stack.kept * stack.inner * number.width
    for one in shapes.linears:
        if full and number.casts and not one.name.endswith(_ENDS):
            total += _tokens_of(one, tokens) * one.inputs * number.width
        if eight_bit:  # bitsandbytes keeps the input of each product, though nobody asks for its gradient
            total += _tokens_of(one, tokens) * one.inputs * number.width
    if full and number.casts:  # the rounded weights stay until the backward pass is over
        total += number.width * sum(one.inputs * one.outputs for one in (*shapes.linears, shapes.head))
    return total + _adapter(spec, shapes, tokens, number)


def largest_block(spec: PeftSpec, shapes: Shapes, tokens: Tokens, number: Arithmetic, *, eight_bit: bool) -> float:
    """Bytes of one block's share: what checkpointing keeps besides the blocks' inputs."""
    layers = sum(stack.layers for stack in shapes.stacks)
    return activations(spec, shapes, tokens, number, eight_bit=eight_bit) / layers


def checkpoints(spec: PeftSpec, shapes: Shapes, tokens: Tokens, number: Arithmetic) -> float:
    """Bytes of the blocks' inputs, which checkpointing keeps."""
    runs = zip(shapes.stacks, _runs(spec, shapes, tokens), strict=True)
    return sum(stack.layers * rows * length * stack.hidden * float(number.base) for stack, (rows, length) in runs)


def _runs(spec: PeftSpec, shapes: Shapes, tokens: Tokens) -> list[tuple[int, int]]:
    """Rows and length for each stack, virtual tokens included."""
    virtual = spec.virtual_tokens if spec.method == "prompt" and spec.virtual_tokens else 0
    lengths = [tokens.read + virtual] if len(shapes.stacks) == 1 else [tokens.read + virtual, tokens.written]
    return [(tokens.rows, length) for length in lengths]


def _block(stack: Stack, length: int, memory: int, number: Arithmetic, full: bool) -> float:
    """Bytes of one block for one row, without what adapters keep."""
    width, wide = number.width, stack.heads * stack.head
    residual = 4.0 if stack.root_mean_square else float(number.base)  # RMSNorm is computed in fp32
    if stack.attention == "relative" and number.base < 4:  # T5's keeps what it read besides
        residual += number.base
    kept = stack.norms * stack.hidden * residual + _attention(stack, length, number, full)
    if stack.by_head:
        kept += (wide + stack.key_values * stack.head) * (4.0 + (width if full else 0))
    kept += stack.kept * stack.inner * float(width)
    if stack.cross:  # queries and result, the mask for each head; keys and values of what was read
        kept += 2.0 * wide * width + stack.heads * memory * width + 2.0 * memory / length * wide * width
    return length * (kept + (_trained(stack, number) if full else 0.0))


def _attention(stack: Stack, length: int, number: Arithmetic, full: bool) -> float:
    """Bytes a token of the attention to the stack itself."""
    width, wide, casts = number.width, stack.heads * stack.head, number.casts
    if stack.attention == "matrix":  # the weights come out in fp32 and are rounded, unless the base is rounded itself
        return 3.0 * wide * width + stack.heads * length * (width + (4.0 if casts else 0))
    if stack.attention == "relative":
        if full:  # a bias that learns rules the fused product out
            return 12.0 * wide + stack.heads * length * 4.0
        return 4.0 * wide * width + stack.heads * length * width
    if stack.attention == "views":
        return (2.0 * wide + 2 * stack.key_values * stack.head + length) * width
    return (4.0 * wide + length) * width  # queries, keys and values for every head, the result; the mask


def _trained(stack: Stack, number: Arithmetic) -> float:
    """Bytes a token that a block keeps only for the gradients of its own weights."""
    norms = stack.norms * stack.hidden * (8.0 if stack.root_mean_square else 4.0)  # what is scaled, and the result
    if number.casts:  # the rounded copies are counted by module
        norms = stack.norms * stack.hidden * 4.0 * (1 if stack.root_mean_square else 0)
    merged = stack.heads * stack.head * number.width if stack.attention in ("matrix", "relative") else 0
    # the last product's input: one more, save of ReLU, which keeps it in any case unless it is rounded
    relu = stack.kept == 1 and stack.root_mean_square
    return norms + merged + (0 if relu and not number.casts else stack.inner * number.width)


def _adapter(spec: PeftSpec, shapes: Shapes, tokens: Tokens, number: Arithmetic) -> float:
    modules = adapted(spec, shapes)
    width = number.width
    mixed = width < 4
    if spec.method == "ia3":
        entry = ARCHITECTURES[shapes.model_type]
        relu = shapes.stacks[0].kept == 1 and shapes.stacks[0].root_mean_square and not mixed  # keeps its result anyway
        total = 0.0
        for one in modules:
            at_input = one.name.endswith(f".{entry.feedforward}")
            total += _tokens_of(one, tokens) * (one.inputs * 4.0 * (not relu) if at_input else one.outputs * width)
        return total
    total = 0.0
    if spec.method != "vera":  # whose first factor is frozen
        for one in modules if mixed or spec.dropout else _distinct(modules):
            # rounding and dropout make a copy for each module; dropout keeps its mask, on a CPU as numbers
            total += _tokens_of(one, tokens) * one.inputs * (width + (4.0 if spec.dropout else 0.0))
    for one in modules:
        wide = (spec.rank or 0) * (2 if spec.method == "adalora" else 1)
        wide += {"dora": 2, "vera": 1, "adalora": int(mixed)}.get(spec.method, 0) * one.outputs
        total += _tokens_of(one, tokens) * wide * width
    return total


def _distinct(modules: Iterable[Linear]) -> list[Linear]:
    """One module for each input that several share."""
    found: dict[str, Linear] = {}
    for one in modules:
        parent = one.name.rsplit(".", 1)[0]
        shared = not one.name.endswith(_ENDS)
        of_memory = _reads_memory(one) and "EncDec" in one.name
        key = "memory" if of_memory else parent if shared else one.name
        found.setdefault(key, one)
    return list(found.values())


def _reads_memory(one: Linear) -> bool:
    """Whether its input comes from the encoder's side."""
    return one.name.startswith("encoder.") or one.name.endswith(("EncDecAttention.k", "EncDecAttention.v"))


def _tokens_of(one: Linear, tokens: Tokens) -> int:
    """Tokens that go through a module."""
    decoding = one.name.startswith("decoder.") and not _reads_memory(one)
    return tokens.rows * (tokens.written if decoding else tokens.read)
