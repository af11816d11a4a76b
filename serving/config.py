"""What a server is told. Read from YAML, from flags of `serving.start`, or from the arguments of `serve run`."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from common.adapters.methods import Quantise
from common.config import Config
from common.models.catalogue import Precision
from common.models.loading import EncoderConfig
from serving.http.settings import HttpSettings

_NAME = re.compile(r"[\w./-]+")


class ReplicaConfig(Config):
    """How many processes do a work, and what each takes of the cluster."""

    replicas: int = Field(1, ge=1)
    """Where autoscaling begins, and the least that it leaves."""
    max_replicas: int = Field(1, ge=1)
    """Most of them; more than `replicas` lets Ray Serve scale by the requests in flight."""
    target_requests: float = Field(16, gt=0)
    """Requests in flight for each replica at which another one is started."""
    num_cpus: float = Field(0.5, ge=0)
    """CPUs that Ray sets aside for each."""
    num_gpus: float = Field(0, ge=0)
    """GPUs for each, or a share of one."""
    threads: int | None = Field(None, ge=1)
    """Threads of arithmetic; none = `num_cpus`, and all of the machine where that is less than one."""
    drain_s: float = Field(30.0, ge=0)
    """Seconds that a replica has to finish its requests when it is stopped."""

    @model_validator(mode="after")
    def _ordered(self) -> ReplicaConfig:
        if self.max_replicas < self.replicas:
            raise ValueError(f"max_replicas ({self.max_replicas}) is less than replicas ({self.replicas})")
        return self


class _Served(Config):
    model: str
    """Folder, Hub id, or the name of a packaged base."""
    name: str | None = None
    """What requests call it; none = the model as named here, of a folder its last part."""
    adapter_bytes: int = Field(1 << 30, ge=1)
    """Memory for adapters in each replica; those that are not in use leave for others."""
    loads: int = Field(4, ge=1)
    """Adapters that are loaded side by side."""
    preload: tuple[str, ...] | None = None
    """Adapters that are in memory before the first request: NAME, NAME@VERSION or NAME@ALIAS, the first ones first;
    none = the latest sixteen."""
    replica: ReplicaConfig = ReplicaConfig()
    """Processes."""

    @property
    def served_as(self) -> str:
        """The base's name in requests."""
        return self.name or (Path(self.model).absolute().name if Path(self.model).is_dir() else self.model)

    @field_validator("name")
    @classmethod
    def _a_name(cls, name: str | None) -> str | None:
        if name is not None and not _NAME.fullmatch(name):
            raise ValueError("a name has letters, digits, '.', '/', '_' and '-' only")
        return name


class EmbeddingConfig(_Served):
    """A base that makes vectors."""

    model: str = "minilm"
    """Folder, Hub id, or a name of the catalogue."""
    encoder: EncoderConfig = EncoderConfig()
    """How the base is read, where the catalogue does not know it."""
    precision: Precision = "auto"
    """Number format of the base."""
    tokens_per_pass: int | None = Field(None, ge=1)
    """Tokens that run together; none = by the device."""
    max_waiting_rows: int = Field(2048, ge=1)
    """Texts that may wait in a replica; a request beyond gets 429."""


class GenerationConfig(_Served):
    """A base that writes."""

    model: str = "stand-in"
    """Folder or Hub id of a causal model; `stand-in` is the small one that comes with this package."""
    quantise: Quantise = "none"
    """none, 8bit or 4bit, through bitsandbytes."""
    cache_positions: int | None = Field(None, ge=1)
    """Tokens of all prompts and answers in memory at a time; none = by the device."""
    max_waiting: int = Field(64, ge=1)
    """Requests that may wait in a replica for their first token; one more gets 429."""


class SearchConfig(Config):
    """Indexes that can be searched."""

    indexes: dict[str, Path] = Field(default_factory=dict)
    """Name in requests → folder of `jobs.build_index`, or of a training run that left an index."""
    replica: ReplicaConfig = ReplicaConfig(num_cpus=0.2)
    """Processes."""

    @field_validator("indexes")
    @classmethod
    def _names(cls, indexes: dict[str, Path]) -> dict[str, Path]:
        for name in indexes:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r}: a name has letters, digits, '.', '/', '_' and '-' only")
        return indexes


class ServingConfig(Config):
    """A whole server."""

    registry: str | None = None
    """MLflow's registry: `sqlite:///FILE` or an address."""
    folders: tuple[Path, ...] = ()
    """Watched folders: adapters that are put there can be asked for without a restart."""
    refresh_s: float = Field(5.0, gt=0)
    """Seconds between two looks at registry and folders."""
    cache: Path = Path("~/.cache/codeadapters/adapters")
    """Where adapters of the registry are kept, on each machine."""
    embedding: tuple[EmbeddingConfig, ...] = ()
    """Bases for vectors; none given = those that the adapters there are on, and those of the indexes."""
    generation: tuple[GenerationConfig, ...] = ()
    """Bases that write; none given = those that the adapters there are on."""
    search: SearchConfig = SearchConfig()
    """Indexes."""
    http: HttpSettings = HttpSettings()
    """Limits and keys."""
    keys_file: Path | None = None
    """YAML with API keys (docs/serving.md); none = the variable CODEADAPTERS_API_KEYS, and without it everybody may
    ask."""
    ingress: ReplicaConfig = ReplicaConfig(num_cpus=0.2, target_requests=64)
    """Processes that speak HTTP."""

    @model_validator(mode="after")
    def _distinct(self) -> ServingConfig:
        for bases in (self.embedding, self.generation):
            names = [base.served_as for base in bases]
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise ValueError(f"two bases are called {twice}: give one of them a `name`")
        writing = {base.served_as: base.model for base in self.generation}
        for base in self.embedding:  # one name is one base, which may do both
            if writing.get(base.served_as, base.model) != base.model:
                raise ValueError(f"two bases are called {base.served_as}: give one of them a `name`")
        return self
