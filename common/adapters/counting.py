"""How many parameters a method trains on a generator, from its sizes alone."""

from __future__ import annotations

from collections.abc import Callable

from common.adapters.builders import first_rank
from common.adapters.methods import PeftSpec, targets_of
from common.models.architectures import ARCHITECTURES
from common.models.shapes import Linear, Shapes


def trainable_parameters(spec: PeftSpec, shapes: Shapes) -> int:
    """The number that `wrap_generator` leaves trainable. Equal to the real one in each family (held by a test)."""
    return _COUNTS[spec.method](spec, shapes)


def adapted(spec: PeftSpec, shapes: Shapes) -> list[Linear]:
    """The modules that the method goes around; none for methods that adapt the input or everything."""
    if spec.targets is None:
        return []
    entry = ARCHITECTURES[shapes.model_type]
    return shapes.matching(targets_of(spec, entry.generation, entry))


def _lora(spec: PeftSpec, shapes: Shapes) -> int:
    """A: r × inputs. B: outputs × r."""
    assert spec.rank
    return sum(spec.rank * (one.inputs + one.outputs) for one in adapted(spec, shapes))


def _dora(spec: PeftSpec, shapes: Shapes) -> int:
    """LoRA's, and the length of each row."""
    return _lora(spec, shapes) + sum(one.outputs for one in adapted(spec, shapes))


def _adalora(spec: PeftSpec, shapes: Shapes) -> int:
    """LoRA's at the rank it starts with, and a singular value for each."""
    rank = first_rank(spec)
    return sum(rank * (one.inputs + one.outputs + 1) for one in adapted(spec, shapes))


def _vera(spec: PeftSpec, shapes: Shapes) -> int:
    """Two vectors: r and outputs."""
    assert spec.rank
    return sum(spec.rank + one.outputs for one in adapted(spec, shapes))


def _oft(spec: PeftSpec, shapes: Shapes) -> int:
    """A skew-symmetric matrix a block."""
    size = spec.block_size
    assert size
    return sum(one.inputs // size * (size * (size - 1) // 2) for one in adapted(spec, shapes))


def _ia3(spec: PeftSpec, shapes: Shapes) -> int:
    """A vector at the outputs, or at the inputs of the feed-forward module."""
    end = ARCHITECTURES[shapes.model_type].feedforward
    return sum(one.inputs if one.name.endswith(f".{end}") else one.outputs for one in adapted(spec, shapes))


def _prompt(spec: PeftSpec, shapes: Shapes) -> int:
    assert spec.virtual_tokens
    return spec.virtual_tokens * shapes.hidden


def _prefix(spec: PeftSpec, shapes: Shapes) -> int:
    """Keys and values of each layer."""
    assert spec.virtual_tokens
    layers, heads, width = shapes.cache
    return spec.virtual_tokens * layers * 2 * heads * width


def _full(spec: PeftSpec, shapes: Shapes) -> int:
    return shapes.parameters


_COUNTS: dict[str, Callable[[PeftSpec, Shapes], int]] = {
    **dict.fromkeys(("lora", "rslora", "loraplus", "qlora-8bit", "qlora-4bit"), _lora),
    "dora": _dora,
    "adalora": _adalora,
    "vera": _vera,
    "oft": _oft,
    "ia3": _ia3,
    "prompt": _prompt,
    "prefix": _prefix,
    "full": _full,
}
