"""The most memory a training step will take, predicted from `config.json` before anything is loaded.

Peak = process + weights + adapter + optimiser state + the larger of two moments: the start of the backward pass, when
all activations and the gradient of the logits are there, and its end, when all gradients are. Bytes throughout; a GB is
1e9 of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from common.adapters.counting import adapted, trainable_parameters
from common.adapters.methods import METHODS, PeftSpec, Quantise, bits_of
from common.config import Config
from common.errors import ModelError
from common.models.activations import Arithmetic, Tokens, activations, checkpoints, largest_block
from common.models.generator import GeneratorBase
from common.models.shapes import Shapes

PROCESS = {"cpu": 0.48e9, "cuda": 0.5e9}
"""What is there before a model is: a Python process with torch, transformers and peft (measured by
benchmarks/memory_prediction.py), or a CUDA context with cuBLAS's workspace on the device."""
_HEAP = {"cpu": 1.7, "cuda": 1.0}
"""Memory taken for a byte of activations. glibc's heap gives aligned blocks, and the hole that one leaves is too small
for the next of its size; fitted on LoRA and full fine-tuning of a Llama and a T5. torch's allocator for CUDA rounds
sizes so that blocks fit."""
_CHECKPOINTED_ON_CPU = 0.85
"""Share of the activations that checkpointing leaves on a CPU, where the heap keeps the holes of what is computed
again; measured on one Llama."""
_NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Bytes of a weight in NF4: four bits, a byte for each 64 of them, and four for 256 of those."""


class Workload(Config):
    """What one worker does at once."""

    rows: int = Field(8, ge=1)
    """Examples that run through the model together; what a step accumulates beyond them costs nothing more."""
    length: int = Field(..., ge=1)
    """Tokens of the longest row, padding included: prompt and answer, of an encoder-decoder model the prompt."""
    answer: int = Field(0, ge=0)
    """Tokens of the longest answer. The logits are computed there alone; 0 = at every token."""
    dtype: Literal["fp32", "bf16", "fp16"] = "bf16"
    """Arithmetic, and the frozen base's weights. Full fine-tuning keeps its weights in fp32 beside it."""
    optimiser: Literal["adamw", "adafactor"] = "adamw"
    """AdamW has two fp32 numbers for each parameter, Adafactor a row and a column for each matrix."""
    accumulates: bool = False
    """Whether a step is made of several passes, so that gradients are there from the second one's start."""
    checkpointing: bool = False
    """Whether blocks are computed a second time instead of being kept."""
    quantise: Quantise | None = None
    """How the frozen base is stored; none = as the method has it."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the memory is."""
    shards: int = Field(1, ge=1)
    """Workers that share weights, gradients and optimiser state of a full fine-tuning (FSDP)."""


@dataclass(frozen=True)
class Footprint:
    """Predicted bytes, part by part."""

    process: float
    weights: float
    """Of the base, as it is stored."""
    adapter: float
    optimiser: float
    gradients: float
    activations: float
    """At the start of the backward pass."""
    logits: float
    """Logits, their softmax and their gradient."""
    scratch: float
    """A weight taken out of its few bits, an optimiser's update: one at a time."""
    together: bool = False
    """Whether gradients and activations add up: where a step is made of several passes, and on a CPU, whose heap does
    not hand the memory of activations on to gradients."""

    @property
    def peak(self) -> float:
        """The most that is there at once."""
        resident = self.process + self.weights + self.adapter + self.optimiser
        start = self.activations + self.logits + (self.gradients if self.together else 0.0)
        return resident + self.scratch + max(start, self.gradients)

    def parts(self) -> dict[str, float]:
        """For a plan: each part by name, in bytes."""
        names = ("process", "weights", "adapter", "optimiser", "gradients", "activations", "logits", "scratch")
        return {name: getattr(self, name) for name in names}


def predict(spec: PeftSpec, shapes: Shapes, work: Workload) -> Footprint:
    """The footprint of training `spec` on a model of these sizes."""
    full = METHODS[spec.method].trains_base
    quantise: Quantise = bits_of(spec) if work.quantise is None else work.quantise
    width = 4 if work.dtype == "fp32" else 2
    number = Arithmetic(width, 4 if full else width)
    seq2seq = len(shapes.stacks) > 1
    tokens = Tokens(work.rows, work.length, (work.answer or work.length) if seq2seq else 0)
    trained = trainable_parameters(spec, shapes)
    kept = activations(spec, shapes, tokens, number, eight_bit=quantise == "8bit")
    if work.checkpointing and work.device == "cpu":
        kept *= _CHECKPOINTED_ON_CPU
    elif work.checkpointing:
        block = largest_block(spec, shapes, tokens, number, eight_bit=quantise == "8bit")
        kept = checkpoints(spec, shapes, tokens, number) + block
    largest = max(one.inputs * one.outputs for one in shapes.linears)
    scratch = 0.0 if quantise == "none" else largest * float(width)
    if full and work.optimiser == "adafactor":  # the squared gradient and the update of one matrix
        scratch = 8.0 * max(largest, shapes.head.inputs * shapes.head.outputs)
    return Footprint(
        process=PROCESS[work.device],
        weights=_weights(shapes, quantise, number.base) / work.shards,
        adapter=0.0 if full else 4.0 * trained + _frozen_beside(spec, shapes),
        optimiser=_optimiser(spec, shapes, work, trained) / work.shards,
        gradients=4.0 * trained / work.shards,
        activations=kept * (1.0 if work.checkpointing else _HEAP[work.device]),
        logits=_logits(work, shapes, width, seq2seq),
        scratch=scratch,
        together=work.accumulates or work.device == "cpu",
    )


def fits(
    spec: PeftSpec, base: GeneratorBase, work: Workload, limit: float, shapes: Shapes | None = None
) -> Footprint | None:
    """The footprint, where it stays within `limit` bytes; None where the architecture's sizes are not known.

    Raises `ModelError` with what it would take and the least change that makes it fit.
    """
    shapes = shapes or Shapes.read(base.folder)
    if shapes is None:
        return None
    found = predict(spec, shapes, work)
    if found.peak <= limit:
        return found
    raise ModelError(
        f"training {base.name} with {spec.method} takes about {found.peak / 1e9:.1f} GB ({_largest(found)}), and there "
        f"are {limit / 1e9:.1f} GB",
        suggestion(spec, shapes, work, limit),
    )


def suggestion(spec: PeftSpec, shapes: Shapes, work: Workload, limit: float) -> str:
    """The least change with which the training fits into `limit` bytes, as half a sentence with its flag."""
    for told, other, how in _changes(spec, work):
        peak = predict(other, shapes, how).peak
        if peak <= limit:
            return f"{told}: about {peak / 1e9:.1f} GB"
    return "no smaller batch, checkpointing or quantisation is enough: choose a smaller model or a larger machine"


def _changes(spec: PeftSpec, work: Workload) -> Iterator[tuple[str, PeftSpec, Workload]]:
    """From the mildest to the strongest."""
    entry = METHODS[spec.method]
    rows = work.rows
    while rows > 1:
        rows //= 2
        smaller = work.model_copy(update={"rows": rows, "accumulates": True})
        yield f"let {rows} examples run together instead of {work.rows}", spec, smaller
    least = work.model_copy(update={"rows": 1, "accumulates": True})
    if not work.checkpointing and entry.can("gradient checkpointing"):
        for one in (work, least):
            told = "" if one is work else ", and let one example run at a time"
            yield f"switch gradient checkpointing on{told}", spec, one.model_copy(update={"checkpointing": True})
        least = least.model_copy(update={"checkpointing": True})
    if entry.trains_base:
        yield "use --peft.method lora", PeftSpec(), work
        yield "use --peft.method lora, one example at a time with gradient checkpointing", PeftSpec(), least
    methods: tuple[Literal["qlora-8bit", "qlora-4bit"], ...] = ("qlora-8bit", "qlora-4bit")
    stored = ("none", "8bit", "4bit").index(bits_of(spec) if work.quantise is None else work.quantise)
    for method in methods[stored:]:
        values = {key: value for key, value in spec.model_dump().items() if key in METHODS[method].parameters}
        other = PeftSpec(method=method, **values)
        yield f"use --peft.method {method}", other, work.model_copy(update={"quantise": None})
        yield (
            f"use --peft.method {method}, one example at a time with gradient checkpointing",
            other,
            least.model_copy(update={"quantise": None, "checkpointing": True}),
        )


def _weights(shapes: Shapes, quantise: Quantise, width: int) -> float:
    inside = sum(one.inputs * one.outputs for one in shapes.linears)
    rest = (shapes.parameters - inside) * float(width)
    if quantise == "8bit":  # and a scale for each row
        return rest + inside + 4.0 * sum(one.outputs for one in shapes.linears)
    return rest + inside * (_NF4 if quantise == "4bit" else float(width))


def _frozen_beside(spec: PeftSpec, shapes: Shapes) -> float:
    """VeRA's two random matrices, which all layers share."""
    modules = adapted(spec, shapes)
    if spec.method != "vera" or spec.rank is None or not modules:
        return 0.0
    return 4.0 * spec.rank * (max(one.inputs for one in modules) + max(one.outputs for one in modules))


def _optimiser(spec: PeftSpec, shapes: Shapes, work: Workload, trained: int) -> float:
    if work.optimiser == "adamw":
        return 8.0 * trained
    if not METHODS[spec.method].trains_base:  # its matrices are so thin that a row and a column are nearly as large
        return 4.0 * trained
    return 4.0 * sum(one.inputs + one.outputs for one in (*shapes.linears, shapes.head))


def _logits(work: Workload, shapes: Shapes, width: int, seq2seq: bool) -> float:
    """As the products give them and the softmax in fp32; with gradients of softmax, of the loss, and of the logits."""
    positions = work.rows * ((work.answer or work.length) if seq2seq else min(work.answer or work.length, work.length))
    return positions * shapes.vocabulary * (width + 12.0)


def _largest(found: Footprint) -> str:
    parts = sorted(found.parts().items(), key=lambda part: -part[1])[:3]
    return ", ".join(f"{name} {size / 1e9:.1f}" for name, size in parts)
