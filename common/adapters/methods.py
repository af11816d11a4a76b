"""The table of PEFT methods: what each is called, what it takes, where it works, and how it is configured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from common.config import Config
from common.errors import AdapterError
from common.models.architectures import ARCHITECTURES, Architecture
from common.models.loading import Base, check_room

if TYPE_CHECKING:
    import torch
    from peft import PeftConfig

Method = Literal["lora", "dora", "rslora", "ia3", "prompt", "prefix", "full"]

_DEFAULTS: dict[str, Any] = {"rank": 16, "alpha": 32.0, "dropout": 0.0, "targets": (), "virtual_tokens": 20}


class PeftSpec(Config):
    """The adapter to train. A parameter that the method does not have is refused, and stays none."""

    method: Method = "lora"
    """lora, dora, rslora, ia3, prompt, prefix, or full: every weight of the base, the baseline of the others."""
    rank: int | None = Field(None, ge=1)
    """Rank r of the update. none = 16, for lora, dora and rslora."""
    alpha: float | None = Field(None, gt=0)
    """Scale; the update is multiplied by alpha / rank, rslora's by alpha / √rank. none = 32."""
    dropout: float | None = Field(None, ge=0, lt=1)
    """Dropout before the adapter of lora, dora and rslora. none = 0."""
    targets: tuple[str, ...] | None = None
    """Module names to adapt; none = those of the architecture: query and value for lora and its kin, keys, values
    and feed-forward for ia3."""
    virtual_tokens: int | None = Field(None, ge=1)
    """Tokens or keys that prompt and prefix put before each text. none = 20."""

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, values: Any) -> Any:
        """Defaults of the parameters that the method has; a dumped record reads back as itself."""
        if not isinstance(values, dict) or values.get("method", "lora") not in METHODS:
            return values
        method = METHODS[values.get("method", "lora")]
        return {**values, **{name: _DEFAULTS[name] for name in method.parameters if values.get(name) is None}}

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
            described["targets"] = list(_targets(self, targets, ARCHITECTURES.get(architecture)))
        return described


@dataclass(frozen=True)
class MethodEntry:
    """One method. Room for others (AdaLoRA, VeRA, OFT, quantised bases) is one more record."""

    paper: str
    parameters: frozenset[str]
    """Fields of `PeftSpec` that it has."""
    learning_rate: float
    """Where to start with the contrastive recipe and AdamW: the better of two in ten steps on MiniLM for ia3, prompt
    and prefix, sentence-transformers' own for full."""
    mergeable: bool
    """Whether it can be folded into the base's weights, and so moved towards them (common.adapters.scaling)."""
    build: Callable[[PeftSpec, tuple[str, ...], Architecture | None], PeftConfig] | None
    """PEFT's configuration; none for `full`, which has no adapter."""

    @property
    def trains_base(self) -> bool:
        """Whether the base's own weights learn, with gradients and optimiser state for each, and must be in fp32."""
        return self.build is None


def _lora(spec: PeftSpec, targets: tuple[str, ...], architecture: Architecture | None) -> PeftConfig:
    from peft import LoraConfig, TaskType

    return LoraConfig(
        task_type=TaskType.FEATURE_EXTRACTION,
        r=spec.rank,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        target_modules=list(targets),
        use_dora=spec.method == "dora",
        use_rslora=spec.method == "rslora",
        bias="none",
    )


def _ia3(spec: PeftSpec, targets: tuple[str, ...], architecture: Architecture | None) -> PeftConfig:
    from peft import IA3Config, TaskType

    scaled_at_input = [name for name in targets if architecture and name == architecture.feedforward]
    return IA3Config(
        task_type=TaskType.FEATURE_EXTRACTION, target_modules=list(targets), feedforward_modules=scaled_at_input
    )


def _prompt(spec: PeftSpec, targets: tuple[str, ...], architecture: Architecture | None) -> PeftConfig:
    from peft import PromptTuningConfig, TaskType

    return PromptTuningConfig(
        task_type=TaskType.FEATURE_EXTRACTION,
        num_virtual_tokens=spec.virtual_tokens,
        prompt_tuning_init="SAMPLE_VOCAB",  # Lester et al. 2021: better than random, whose norm is not a word's
    )


def _prefix(spec: PeftSpec, targets: tuple[str, ...], architecture: Architecture | None) -> PeftConfig:
    from peft import PrefixTuningConfig, TaskType

    return PrefixTuningConfig(task_type=TaskType.FEATURE_EXTRACTION, num_virtual_tokens=spec.virtual_tokens)


_LORA = frozenset({"rank", "alpha", "dropout", "targets"})
_VIRTUAL = frozenset({"virtual_tokens"})

METHODS: dict[str, MethodEntry] = {
    "lora": MethodEntry("Hu et al. 2021: W + (α / r)·B·A", _LORA, 1e-3, True, _lora),
    "dora": MethodEntry("Liu et al. 2024: m · V / ‖V‖ by row, V = W + (α / r)·B·A", _LORA, 1e-3, True, _lora),
    "rslora": MethodEntry("Kalajdzievski 2023: W + (α / √r)·B·A", _LORA, 1e-3, True, _lora),
    "ia3": MethodEntry("Liu et al. 2022: activations times a vector", frozenset({"targets"}), 1e-2, True, _ia3),
    "prompt": MethodEntry("Lester et al. 2021: trained input vectors before the text", _VIRTUAL, 3e-2, False, _prompt),
    "prefix": MethodEntry("Li and Liang 2021: trained keys and values in each layer", _VIRTUAL, 1e-2, False, _prefix),
    "full": MethodEntry("no adapter: every weight of the base", frozenset(), 2e-5, True, None),
}


def check_fit(spec: PeftSpec, base: Base) -> None:
    """Raise `AdapterError` or `ModelError` where the method does not fit the base; needs no weights."""
    _check_architecture(spec, base.architecture)
    check_room(base, spec.virtual_tokens or 0)
    if "targets" in METHODS[spec.method].parameters:
        _targets(spec, base.lora_targets, ARCHITECTURES.get(base.architecture))


def wrap(model: torch.nn.Module, spec: PeftSpec, targets: tuple[str, ...], seed: int) -> torch.nn.Module:
    """The model with a fresh adapter in fp32; only the method's parameters are trainable.

    `targets` are LoRA's modules for this base. `seed` decides the start values, so that every worker begins with the
    same adapter. A fresh lora, dora, rslora, ia3 and full model gives the base's vectors; prompt and prefix do not.
    `full` trains the model itself, which must be in fp32: in bf16 small updates are lost.
    """
    import torch
    from peft import get_peft_model

    model_type = str(getattr(model.config, "model_type", ""))
    architecture = ARCHITECTURES.get(model_type)
    _check_architecture(spec, model_type)
    entry = METHODS[spec.method]
    if entry.build is None:
        return _train_all(model)
    names = _targets(spec, targets, architecture) if "targets" in entry.parameters else ()
    _check_targets(model, names)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        wrapped = get_peft_model(model, entry.build(spec, names, architecture))
    for parameter in wrapped.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return wrapped


def _train_all(model: torch.nn.Module) -> torch.nn.Module:
    import torch

    if any(parameter.dtype != torch.float32 for parameter in model.parameters()):
        raise ValueError("full fine-tuning needs the model in fp32; Encoder runs it under autocast")
    model.requires_grad_(True)
    model.base_changed = "full fine-tuning trains them themselves"  # type: ignore[assignment]
    return model


def _check_architecture(spec: PeftSpec, model_type: str) -> None:
    if spec.method != "prefix":
        return
    entry = ARCHITECTURES.get(model_type)
    if entry is None or not entry.prefix:
        able = ", ".join(name for name, known in ARCHITECTURES.items() if known.prefix)
        raise AdapterError(
            f"prefix tuning needs a model that takes past key values, which {model_type!r} of this release does not",
            f"use --peft.method prompt or lora; prefix fits {able}",
        )


def _targets(spec: PeftSpec, lora: tuple[str, ...], architecture: Architecture | None) -> tuple[str, ...]:
    """The user's modules, or the architecture's for this method."""
    default = (architecture.ia3 if architecture else ()) if spec.method == "ia3" else lora
    names = spec.targets or default
    if not names:
        raise AdapterError(
            f"no adapter targets are known for {spec.method} on this base", "name the modules with --peft.targets"
        )
    return names


def _check_targets(model: torch.nn.Module, names: tuple[str, ...]) -> None:
    import torch

    linear = {n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    absent = [name for name in names if not any(n == name or n.endswith(f".{name}") for n in linear)]
    if absent:
        raise AdapterError(
            f"{absent} are not linear modules of this base",
            f"--peft.targets takes names among {', '.join(sorted({n.rsplit('.', 1)[-1] for n in linear}))}",
        )
