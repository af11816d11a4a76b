"""The jobs that can be swept: what their trials share and report, how one is run, how the best is finished."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from common.config import JobConfig
from common.errors import ConfigError
from common.runs import Result
from jobs.codegen.config import TrainCodegenConfig
from jobs.lineage import Trial
from jobs.search.config import TrainSearchConfig
from tuning.outcome import Direction

CURVE = "metrics.jsonl"


class Task(ABC):
    """One job as a sweep sees it."""

    config: ClassVar[type[JobConfig]]
    metrics: ClassVar[Mapping[str, Direction]]
    """What a run reports on its dev split, the default first; its curve has each as dev_NAME."""
    data_step: ClassVar[str]
    """The step of the job whose outcome describes the data."""

    def check_metric(self, metric: str | None) -> str:
        """The metric in force; raises `ConfigError` with those there are."""
        if metric is None:
            return next(iter(self.metrics))
        name = metric.removeprefix("dev_")
        if name not in self.metrics:
            raise ConfigError(f"metric {metric!r} is none that the job reports: {', '.join(self.metrics)}")
        return name

    @abstractmethod
    def reporting(self, values: dict[str, Any], metric: str) -> dict[str, Any]:
        """A trial's values, so that it reports the metric and keeps the adapter that is best by it."""

    @abstractmethod
    def prepare(self, config: Any, folder: Path) -> Result:
        """Write the data that all trials share to `folder`/data; returns the outcome of the job's data step."""

    @abstractmethod
    def share(self, config: Any, folder: Path) -> Any:
        """What is to lie in the object store for all trials, None where files do; `folder` is that of `prepare`."""

    @abstractmethod
    def trainable_parameters(self, config: Any) -> int | None:
        """What a trial would train, before anything is loaded; None where it cannot be told."""

    @abstractmethod
    def memory(self, config: Any, folder: Path) -> float | None:
        """Predicted peak bytes of a worker; None where they cannot be told."""

    @abstractmethod
    def steps(self, config: Any, data: Result) -> int:
        """Steps of a complete run."""

    @abstractmethod
    def train(self, config: Any, trial: Trial) -> Result:
        """Train one trial in its run folder; returns the summary of the training."""

    @abstractmethod
    def finish(self, config: Any) -> Result:
        """Go on with a trial's run: score it on the test sets, register it."""


class SearchTask(Task):
    """Adapters for code search."""

    config = TrainSearchConfig
    metrics: ClassVar[Mapping[str, Direction]] = {"mrr": "max"}
    data_step = "corpus"

    def reporting(self, values: dict[str, Any], metric: str) -> dict[str, Any]:
        """MRR is what it reports, and chooses by, in any case."""
        return values

    def prepare(self, config: TrainSearchConfig, folder: Path) -> Result:
        """Pairs and retrieval sets."""
        from jobs.search.pipeline import prepare_corpus

        return prepare_corpus(config, folder)

    def share(self, config: TrainSearchConfig, folder: Path) -> Any:
        """Token ids of the pairs and the dev split."""
        from common.corpora.beir import read_beir
        from common.corpora.pair_store import PairStore
        from common.models.loading import resolve
        from common.models.tokens import load_tokenizer, tokenize
        from jobs.search.data import TRAIN
        from jobs.training.pair_tokens import tokenise

        data, base = folder / "data", resolve(config.model, config.encoder)
        cut = partial(tokenize, load_tokenizer(base), base)
        return tokenise(PairStore.open(data / TRAIN), read_beir(data / "dev")[0], cut)

    def trainable_parameters(self, config: TrainSearchConfig) -> int | None:
        """Counted on a model without weights."""
        from common.adapters.wrapping import trained_on_encoder
        from common.models.loading import resolve

        return trained_on_encoder(config.peft, resolve(config.model, config.encoder))

    def memory(self, config: TrainSearchConfig, folder: Path) -> float | None:
        """The contrastive loop's memory is not predicted yet."""
        return None

    def steps(self, config: TrainSearchConfig, data: Result) -> int:
        """From the number of pairs."""
        from jobs.search.pipeline import schedule_of

        return schedule_of(config, data["pairs"]).steps

    def train(self, config: TrainSearchConfig, trial: Trial) -> Result:
        """The job's training."""
        from jobs.search.pipeline import run_trial

        return run_trial(config, trial)

    def finish(self, config: TrainSearchConfig) -> Result:
        """The job itself: what is done is kept."""
        from jobs.search.pipeline import train_search

        return train_search(config)


class CodegenTask(Task):
    """Adapters for code generation."""

    config = TrainCodegenConfig
    metrics: ClassVar[Mapping[str, Direction]] = {"loss": "min", "em@1": "max", "codebleu": "max", "pass@1": "max"}
    data_step = "data"

    def reporting(self, values: dict[str, Any], metric: str) -> dict[str, Any]:
        """Selects by the metric; raises `ConfigError` where no answers are written to measure it by."""
        training = dict(values.get("training", {}))
        if metric != "loss" and not dict(training.get("generation") or {}).get("examples"):
            raise ConfigError(
                f"metric {metric} is of answers, and none are written during training",
                "give fixed.training.generation.examples, how many dev examples to answer, or take the metric loss",
            )
        training["select"] = {"em@1": "em"}.get(metric, metric)
        return {**values, "training": training}

    def prepare(self, config: TrainCodegenConfig, folder: Path) -> Result:
        """Instructions and their tokens."""
        from common.models.generator import resolve_generator
        from jobs.codegen.data import prepare

        return prepare(config, resolve_generator(config.model, config.revision), folder / "data")

    def share(self, config: TrainCodegenConfig, folder: Path) -> Any:
        """Nothing: all trials map the same files of tokens."""
        return None

    def trainable_parameters(self, config: TrainCodegenConfig) -> int | None:
        """Counted from the base's sizes."""
        from common.adapters.counting import trainable_parameters
        from common.models.generator import resolve_generator
        from common.models.shapes import Shapes

        shapes = Shapes.read(resolve_generator(config.model, config.revision).folder)
        return trainable_parameters(config.peft, shapes) if shapes else None

    def memory(self, config: TrainCodegenConfig, folder: Path) -> float | None:
        """As `train_codegen --dry-run` predicts it."""
        from common.models.footprint import predict
        from common.models.generator import resolve_generator
        from common.models.shapes import Shapes
        from jobs.codegen.memory import device_of, workload
        from jobs.training.tokenised import TokenStore

        base = resolve_generator(config.model, config.revision)
        work = workload(config, base, TokenStore(folder / "data" / "tokens" / "train"), device_of(config))
        shapes = Shapes.read(base.folder)
        return predict(config.peft, shapes, work).peak if shapes else None

    def steps(self, config: TrainCodegenConfig, data: Result) -> int:
        """From the number of examples."""
        return config.training.schedule(data["examples"]).steps

    def train(self, config: TrainCodegenConfig, trial: Trial) -> Result:
        """The job's training."""
        from jobs.codegen.pipeline import run_trial

        return run_trial(config, trial)

    def finish(self, config: TrainCodegenConfig) -> Result:
        """The job itself: what is done is kept."""
        from jobs.codegen.pipeline import train_codegen

        return train_codegen(config)


TASKS: Mapping[str, Task] = {"train_search": SearchTask(), "train_codegen": CodegenTask()}
