"""The table of PEFT methods: what each is called, what it takes, what it can do, and how it is configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from common.adapters import builders
from common.adapters.builders import Place
from common.config import Config
from common.errors import AdapterError
from common.models.architectures import ARCHITECTURES, Architecture

if TYPE_CHECKING:
    from peft import PeftConfig

Method = Literal[
    "lora", "dora", "rslora", "ia3", "prompt", "prefix", "full",
    "qlora-8bit", "qlora-4bit", "loraplus", "adalora", "vera", "oft",
]  # fmt: skip
Quantise = Literal["none", "8bit", "4bit"]
"""How the frozen base is stored: as it is, in eight bits (LLM.int8), or in four (NF4 with double quantisation)."""

Capability = Literal[
    "encoder", "causal", "seq2seq", "mixed batch", "merge", "merge quantised", "quantised base",
    "gradient checkpointing",
]  # fmt: skip
"""What a method may be asked for. encoder, causal, seq2seq: to adapt such a model. mixed batch: rows of one batch with
different adapters. merge: to be folded into the base's weights, in fp32 or bf16. merge quantised: into weights that
are in eight or four bits. quantised base: to be trained over such weights."""

_DEFAULTS: dict[str, Any] = {
    "rank": 16, "alpha": 32.0, "dropout": 0.0, "targets": (), "virtual_tokens": 20, "block_size": 32,
    "rate_ratio": 16.0,
}  # fmt: skip


class PeftSpec(Config):
    """The adapter to train. A parameter that the method does not have is refused, and stays none."""

    method: Method = "lora"
    """lora, dora, rslora, ia3, prompt, prefix, or full: every weight of the base, the baseline of the others. For
    generation also qlora-8bit and qlora-4bit (lora over a quantised base), loraplus, adalora, vera and oft."""
    rank: int | None = Field(None, ge=1)
    """Rank r of the update; adalora's is the average that remains in the end. none = 16, vera's 256."""
    alpha: float | None = Field(None, gt=0)
    """Scale; the update is multiplied by alpha / rank, rslora's by alpha / √rank. none = 32."""
    dropout: float | None = Field(None, ge=0, lt=1)
    """Dropout before the adapter of lora and its kin, and of vera. none = 0."""
    targets: tuple[str, ...] | None = None
    """Module names to adapt; none = those of the architecture: query and value for lora and its kin, with the keys for
    generation; keys, values and feed-forward for ia3."""
    virtual_tokens: int | None = Field(None, ge=1)
    """Tokens or keys that prompt and prefix put before each text. none = 20."""
    block_size: int | None = Field(None, ge=2)
    """Width of oft's rotations; the targets' inputs must be a multiple of it. none = 32."""
    rate_ratio: float | None = Field(None, ge=1)
    """How many times faster B learns than A in loraplus. none = 16."""

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, values: Any) -> Any:
        """Defaults of the parameters that the method has; a dumped record reads back as itself."""
        if not isinstance(values, dict) or values.get("method", "lora") not in METHODS:
            return values
        method = METHODS[values.get("method", "lora")]
        defaults = {**_DEFAULTS, **method.defaults}
        return {**values, **{name: defaults[name] for name in method.parameters if values.get(name) is None}}

    @model_validator(mode="after")
    def _known(self) -> PeftSpec:
        method = METHODS[self.method]
        foreign = [name for name in _DEFAULTS if name not in method.parameters and getattr(self, name)]
        if foreign:
            takes = ", ".join(name for name in _DEFAULTS if name in method.parameters) or "no parameters"
            raise ValueError(f"{self.method} has no {', '.join(foreign)}: it takes {takes}")
        return self

    def describe(self, targets: tuple[str, ...], architecture: str = "") -> dict[str, Any]:
        """Method and the parameters in force, for manifests and plans; `targets` are LoRA's for the base."""
        described = {name: value for name, value in self.model_dump(mode="json").items() if value is not None}
        if "targets" in described:
            described["targets"] = list(targets_of(self, targets, ARCHITECTURES.get(architecture)))
        return described


@dataclass(frozen=True)
class Refusal:
    """Why a method cannot do something, and what can be done instead."""

    reason: str
    """Half a sentence after "METHOD cannot …: "."""
    remedy: str


@dataclass(frozen=True)
class MethodEntry:
    """One method. Another is one more record."""

    paper: str
    parameters: frozenset[str]
    """Fields of `PeftSpec` that it has."""
    learning_rate: float
    """Where to start with the contrastive recipe and AdamW: the better of two in ten steps on MiniLM for ia3, prompt
    and prefix, sentence-transformers' own for full."""
    generation_rate: float
    """Where to start with the generative recipe: the PEFT study's for the methods it has (ia3: the paper's; its package
    has 3e-3), otherwise a guess after the method's own paper that nobody has tuned here."""
    build: Callable[[PeftSpec, Place], PeftConfig] | None
    """PEFT's configuration; none for `full`, which has no adapter."""
    refusals: Mapping[Capability, Refusal] = field(default_factory=dict)
    """What it cannot do. Everything else it can."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Of its parameters, where they differ from LoRA's."""
    quantise: Quantise = "none"
    """How the method stores its base."""

    @property
    def trains_base(self) -> bool:
        """Whether the base's own weights learn, with gradients and optimiser state for each, and must be in fp32."""
        return self.build is None

    @property
    def mergeable(self) -> bool:
        """Whether it can be folded into the base's weights, and so moved towards them (common.adapters.scaling)."""
        return self.can("merge")

    def can(self, capability: Capability) -> bool:
        """Whether nothing in the table speaks against it."""
        return capability not in self.refusals


def demand(method: Method, capability: Capability) -> None:
    """Raise `AdapterError` with the table's reason and remedy where the method lacks the capability."""
    refusal = METHODS[method].refusals.get(capability)
    if refusal:
        raise AdapterError(f"{method} cannot {_ASKED[capability]}: {refusal.reason}", refusal.remedy)


def bits_of(spec: PeftSpec) -> Quantise:
    """How the method wants its base to be stored."""
    return METHODS[spec.method].quantise


def targets_of(spec: PeftSpec, lora: tuple[str, ...], architecture: Architecture | None) -> tuple[str, ...]:
    """The user's modules, or the architecture's for this method; `lora` are LoRA's for this base and task."""
    default = (architecture.ia3 if architecture else ()) if spec.method == "ia3" else lora
    names = spec.targets or default
    if not names:
        raise AdapterError(
            f"no adapter targets are known for {spec.method} on this base", "name the modules with --peft.targets"
        )
    return names


_ASKED: dict[Capability, str] = {
    "encoder": "adapt an encoder for search",
    "causal": "adapt a causal model",
    "seq2seq": "adapt an encoder-decoder model",
    "mixed batch": "share a batch with other adapters",
    "merge": "be merged into the base's weights",
    "merge quantised": "be merged into quantised weights",
    "quantised base": "be trained over a quantised base",
    "gradient checkpointing": "be trained with gradient checkpointing",
}

_ROUNDS = Refusal(
    "the sum would be rounded to the grid of the base's few bits and lose most of the update",
    "merge into the base in bf16 or fp32 (merge_adapter does), and quantise the result",
)
_VIRTUAL_MERGE = Refusal(
    "virtual tokens stand beside the weights, and no weights give what they give",
    "keep the adapter folder, or train lora, ia3 or full where one model must come out",
)
_ALONE = "PEFT 0.21 has hooks for rows of their own only for plain LoRA"
_BATCH_OF_ITS_OWN = "give it a batch of its own, or train lora or rslora"
_MIX_OTHERS = Refusal(_ALONE, _BATCH_OF_ITS_OWN)
_MIX_DORA = Refusal(
    f"{_ALONE}: DoRA raises in mid-forward and leaves hooks behind that break the next call", _BATCH_OF_ITS_OWN
)
_MIX_IA3 = Refusal(f"{_ALONE}: for IA3 it ignores the names and gives every row one adapter", _BATCH_OF_ITS_OWN)
_SEARCH_QUANTISED = Refusal(
    "the encoder keeps its base in fp32 or bf16, so nothing would be quantised", "use --peft.method lora"
)
_SEARCH_RATES = Refusal("the contrastive loop trains all factors at one rate", "use --peft.method lora or rslora")
_SEARCH_RANKS = Refusal(
    "its ranks are dealt out again after each step, which the contrastive loop does not call for",
    "use --peft.method lora or dora",
)
_FULL_QUANTISED = Refusal("weights in eight or four bits have no gradient", "use qlora-8bit or qlora-4bit")
_FULL_MIXED = Refusal("it is another base, not an adapter beside it", "serve it as a model of its own")
_PREFIX_CHECKPOINTING = Refusal(
    "its keys are a cache, which recomputing the layers would fill a second time",
    "leave checkpointing off, or use prompt or lora",
)

_LORA = frozenset({"rank", "alpha", "dropout", "targets"})
_VIRTUAL = frozenset({"virtual_tokens"})
_QLORA: dict[Capability, Refusal] = {"encoder": _SEARCH_QUANTISED, "merge quantised": _ROUNDS}

METHODS: dict[str, MethodEntry] = {
    "lora": MethodEntry(
        "Hu et al. 2021: W + (α / r)·B·A", _LORA, 1e-3, 3e-4, builders.lora, {"merge quantised": _ROUNDS}
    ),
    "dora": MethodEntry(
        "Liu et al. 2024: m · V / ‖V‖ by row, V = W + (α / r)·B·A", _LORA, 1e-3, 3e-4, builders.lora,
        {"mixed batch": _MIX_DORA, "merge quantised": _ROUNDS},
    ),
    "rslora": MethodEntry(
        "Kalajdzievski 2023: W + (α / √r)·B·A", _LORA, 1e-3, 3e-4, builders.lora, {"merge quantised": _ROUNDS}
    ),
    "ia3": MethodEntry(
        "Liu et al. 2022: activations times a vector", frozenset({"targets"}), 1e-2, 3e-4, builders.ia3,
        {"mixed batch": _MIX_IA3, "merge quantised": _ROUNDS},
    ),
    "prompt": MethodEntry(
        "Lester et al. 2021: trained input vectors before the text", _VIRTUAL, 3e-2, 3e-3, builders.prompt,
        {"mixed batch": _MIX_OTHERS, "merge": _VIRTUAL_MERGE, "merge quantised": _VIRTUAL_MERGE},
    ),
    "prefix": MethodEntry(
        "Li and Liang 2021: trained keys and values in each layer", _VIRTUAL, 1e-2, 3e-2, builders.prefix,
        {"mixed batch": _MIX_OTHERS, "merge": _VIRTUAL_MERGE, "merge quantised": _VIRTUAL_MERGE,
         "gradient checkpointing": _PREFIX_CHECKPOINTING},
    ),
    "full": MethodEntry(
        "no adapter: every weight of the base", frozenset(), 2e-5, 5e-5, None,
        {"mixed batch": _FULL_MIXED, "merge quantised": _ROUNDS, "quantised base": _FULL_QUANTISED},
    ),
    "qlora-8bit": MethodEntry(
        "Dettmers et al. 2022 and 2023: LoRA over a base in LLM.int8", _LORA, 1e-3, 3e-4, builders.lora, _QLORA,
        quantise="8bit",
    ),
    "qlora-4bit": MethodEntry(
        "Dettmers et al. 2023: LoRA over a base in NF4, its scales quantised too", _LORA, 1e-3, 3e-4, builders.lora,
        _QLORA, quantise="4bit",
    ),
    "loraplus": MethodEntry(
        "Hayou et al. 2024: LoRA whose B learns faster than A", _LORA | {"rate_ratio"}, 1e-3, 1.5e-4, builders.lora,
        {"encoder": _SEARCH_RATES, "merge quantised": _ROUNDS},
    ),
    "adalora": MethodEntry(
        "Zhang et al. 2023: W + (α / r)·P·Λ·Q, whose least important parts are masked", _LORA, 1e-3, 1e-3,
        builders.adalora,
        {"encoder": _SEARCH_RANKS, "mixed batch": _MIX_OTHERS, "merge quantised": _ROUNDS},
    ),
    "vera": MethodEntry(
        "Kopiczko et al. 2023: W + Λb·B·Λd·A, A and B random, frozen and shared by all layers",
        frozenset({"rank", "dropout", "targets"}), 1e-2, 4e-3, builders.vera,
        {"mixed batch": _MIX_OTHERS, "merge quantised": _ROUNDS}, defaults={"rank": 256},
    ),
    "oft": MethodEntry(
        "Qiu et al. 2023: W times a rotation in blocks", frozenset({"block_size", "targets"}), 1e-3, 3e-4,
        builders.oft, {"mixed batch": _MIX_OTHERS, "merge quantised": _ROUNDS},
    ),
}  # fmt: skip
