"""Having a base model: from a package, a folder, or the Hub (or its cache). Safetensors only."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from pydantic import Field

from common.config import Config
from common.errors import ModelError
from common.models.architectures import ARCHITECTURES
from common.models.catalogue import CATALOGUE, BaseSpec, Pooling, lookup, suggestion
from common.models.digests import weights_digest


class EncoderConfig(Config):
    """How the base model turns a text into a vector; what is not given comes from the catalogue."""

    revision: str | None = None
    """Branch, tag or commit on the Hub."""
    trust_remote_code: bool = False
    """Run the Python code that comes with the model. Only for a source you trust."""
    like: str | None = None
    """Known model whose prompt, pooling, length and special tokens hold for the folder given as --model."""
    pooling: Pooling | None = None
    """mean, cls or last; needed for models outside the catalogue that do not document it themselves."""
    query_prompt: str | None = None
    """Text before each query."""
    document_prompt: str | None = None
    """Text before each document."""
    max_length: int | None = None
    """Longest input in tokens, special tokens included; longer texts are cut."""


class Base(Config):
    """A base model on this machine's disk."""

    name: str
    """Hub id, or the folder's name."""
    revision: str | None
    """Revision it was loaded at, where it comes from the Hub."""
    folder: Path
    """Where its files are."""
    digest: str
    """SHA-256 of its weights."""
    architecture: str
    """`model_type` of its configuration."""
    pooling: Pooling
    """How token vectors become one vector."""
    query_prompt: str
    """Text before each query."""
    document_prompt: str
    """Text before each document."""
    max_length: int
    """Longest input in tokens."""
    positions: int | None = None
    """Most tokens that it has positions for; none where positions are relative."""
    added_tokens: dict[str, str] = Field(default_factory=dict)
    """Special tokens that its tokenizer's files lack."""
    template: str = ""
    """Special tokens around a text that its tokenizer's files leave out."""
    lora_targets: tuple[str, ...]
    """Modules that LoRA adapts by default."""
    trust_remote_code: bool = False
    """Whether its own code may run."""


def resolve(name: str, options: EncoderConfig | None = None) -> Base:
    """Find the base `name` and everything known of it.

    `name` is a catalogue alias, a Hub id or a folder. Raises `ModelError` where it cannot be had (naming what was
    tried), where it has no safetensors, where its digest is not the known one, where it needs code of its own that may
    not run, or where pooling is unknown.
    """
    options = options or EncoderConfig()
    spec = lookup(name)
    facts = _like(options.like) if options.like else spec
    if facts and facts.remote_code and not options.trust_remote_code:
        raise ModelError(
            f"{facts.id} has no class in transformers and runs only with Python code of its own",
            "read that code at the Hub, then give --encoder.trust-remote-code",
        )
    folder, from_hub, digest = find(name, options)
    if spec and spec.sha256 and digest != spec.sha256:
        raise ModelError(
            f"the weights of {spec.id} in {folder} have digest {digest[:12]}…, not the published {spec.sha256[:12]}…",
            "the file is damaged or another model: install the package again",
        )
    if options.revision and not from_hub:
        raise ModelError(
            f"--encoder.revision {options.revision} means nothing for {folder}, which is not from the Hub",
            "leave it out",
        )
    name = spec.id if spec else name if from_hub else folder.name
    return _describe(name, facts, folder, digest, options)


def find(name: str, options: EncoderConfig, *, default: str = "minilm") -> tuple[Path, bool, str]:
    """The folder of a model, whether it is the Hub's, and the digest of its weights; raises `ModelError`.

    `default` is the packaged model that the error proposes.
    """
    spec = lookup(name)
    folder, from_hub, tried = _locate(name, spec, options)
    if folder is None:
        raise ModelError(
            f"the base model {name!r} cannot be had; tried {'; '.join(tried)}",
            f"{'' if spec else suggestion(name)}give a folder with config.json, tokenizer files and *.safetensors as "
            "--model, fill the Hub cache on a machine with access (HF_HOME), or use the packaged default: "
            f"--model {default}",
        )
    digest = weights_digest(folder)
    if digest is None:
        raise ModelError(
            f"{folder} holds no *.safetensors, and pickled weights are not loaded",
            "convert it once with AutoModel.from_pretrained(...).save_pretrained(FOLDER), or name a revision that "
            "has them, such as --encoder.revision refs/pr/1",
        )
    return folder, from_hub, digest


def check_room(base: Base, virtual: int) -> None:
    """Raise `ModelError` where `virtual` tokens and the longest text exceed the base's positions."""
    if base.positions and base.max_length + virtual > base.positions:
        raise ModelError(
            f"{virtual} virtual tokens and texts of {base.max_length} do not fit into the {base.positions} positions "
            f"of {base.name}",
            f"give --encoder.max-length {max(1, base.positions - virtual)}, or fewer --peft.virtual-tokens",
        )


def _like(name: str) -> BaseSpec:
    spec = lookup(name)
    if spec is None:
        raise ModelError(
            f"--encoder.like {name} is not a known model",
            f"{suggestion(name)}known are {', '.join(known.alias for known in CATALOGUE)}",
        )
    return spec


def _describe(name: str, spec: BaseSpec | None, folder: Path, digest: str, options: EncoderConfig) -> Base:
    config = _read(folder / "config.json")
    architecture = config.get("model_type", "")
    documented = _sentence_transformers(folder) if spec is None else {}
    pooling = options.pooling or (spec.pooling if spec else documented.get("pooling"))
    if pooling is None:
        raise ModelError(
            f"{name} is not in the catalogue and does not say how its token vectors are pooled",
            "give --encoder.pooling mean, cls or last, as its model card says",
        )

    def prompt(kind: str) -> str:
        given = getattr(options, f"{kind}_prompt")
        if given is not None:
            return given
        return getattr(spec, f"{kind}_prompt") if spec else documented.get(f"{kind}_prompt", "")

    positions = _positions(config)
    return Base(
        name=name,
        revision=options.revision,
        folder=folder,
        digest=digest,
        architecture=architecture,
        pooling=pooling,
        query_prompt=prompt("query"),
        document_prompt=prompt("document"),
        max_length=_length(positions, options.max_length, spec.max_length if spec else documented.get("max_length")),
        positions=positions,
        added_tokens=spec.added_tokens if spec else {},
        template=spec.template if spec else "",
        lora_targets=ARCHITECTURES[architecture].lora if architecture in ARCHITECTURES else (),
        trust_remote_code=options.trust_remote_code,
    )


def _positions(config: dict) -> int | None:
    """How many tokens the model has positions for, None where they are relative."""
    positions = config.get("max_position_embeddings") or config.get("n_positions")
    if config.get("model_type") in ("t5", "codet5p_embedding"):
        return None
    if positions and config.get("model_type") in ("roberta", "xlm-roberta", "camembert"):
        positions -= 2  # RoBERTa counts positions from the padding index + 1
    return positions


def _length(positions: int | None, asked: int | None, documented: int | None) -> int:
    """The length in force: as asked, as documented, or as many positions as the model has; never more than those."""
    if asked and positions and asked > positions:
        raise ModelError(f"--encoder.max-length {asked} is more than the model's {positions} positions", "lower it")
    return min(asked or documented or positions or 512, positions or 10**9)


def _locate(name: str, spec: BaseSpec | None, options: EncoderConfig) -> tuple[Path | None, bool, list[str]]:
    """The folder, whether it is the Hub's, and what was tried."""
    tried: list[str] = []
    path = Path(name).expanduser()
    if (path / "config.json").is_file():
        return path.absolute(), False, tried
    tried.append(f"the folder {path} (no config.json there)")
    if spec and spec.package:
        found = importlib.util.find_spec(spec.package)
        if found and found.origin:
            return Path(found.origin).parent / "model", False, tried
        tried.append(f"the package {spec.package} (not installed)")
    folder, why = _from_hub(spec.id if spec else name, options)
    if folder is None:
        tried.append(f"the Hub and its cache ({why})")
    return folder, True, tried


def _from_hub(repository: str, options: EncoderConfig) -> tuple[Path | None, str]:
    """The Hub's snapshot, downloaded or from the cache; None and the reason where it is not to be had."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    patterns = ["*.json", "*.safetensors", "*.txt", "*.model"]
    if options.trust_remote_code:
        patterns.append("*.py")
    try:
        return Path(snapshot_download(repository, revision=options.revision, allow_patterns=patterns)), ""
    except HFValidationError:
        return None, "not a Hub id"
    except Exception as error:  # the Hub's client lets errors of several HTTP libraries through; all mean the same
        return None, f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"


def _sentence_transformers(folder: Path) -> dict:
    """Pooling, prompts and length from the files that sentence-transformers writes beside a model.

    Up to release 5 a pooling mode is a flag each and the length has a file of its own; since 6 the mode is one word and
    the tokenizer holds the length.
    """
    documented: dict = {}
    modules = _read(folder / "modules.json") or []
    strange = [part["type"].rsplit(".", 1)[-1] for part in modules if part["type"].rsplit(".", 1)[-1] not in _PARTS]
    if strange:
        raise ModelError(
            f"{folder} is a sentence-transformers model with a part that we would leave out: {', '.join(strange)}",
            "take a model of transformer, pooling and normalisation",
        )
    pooling = _read(folder / "1_Pooling" / "config.json")
    if pooling.get("include_prompt") is False:
        raise ModelError(f"{folder} leaves prompts out of its mean, which we do not", "take another model")
    modes = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls", "pooling_mode_lasttoken": "last"}
    chosen = [mode for key, mode in modes.items() if pooling.get(key)]
    words = {"mean": "mean", "cls": "cls", "lasttoken": "last"}
    if pooling.get("pooling_mode") in words:
        chosen = [words[pooling["pooling_mode"]]]
    if len(chosen) == 1:
        documented["pooling"] = chosen[0]
    prompts = _read(folder / "config_sentence_transformers.json").get("prompts") or {}
    documented["query_prompt"] = prompts.get("query", "")
    documented["document_prompt"] = prompts.get("document", prompts.get("passage", ""))
    length = _read(folder / "sentence_bert_config.json").get("max_seq_length")
    length = length or _read(folder / "tokenizer_config.json").get("model_max_length")
    if length and length < 10**6:  # tokenizers without a limit name an astronomic one
        documented["max_length"] = length
    return documented


_PARTS = ("Transformer", "Pooling", "Normalize")


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise ModelError(f"{file} is damaged: {error}", "copy or download the model again") from error
