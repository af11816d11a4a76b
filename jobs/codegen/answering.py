"""Answers from a pool of Ray actors, each with a model of its own.

Ray restarts an actor that died and gives it its unit again; an actor that is done with a unit takes the next one.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import UserError
from common.models.sampling import Sampling
from jobs.ray_session import ClusterConfig

if TYPE_CHECKING:
    from common.models import generation

ROWS = {False: 64, True: 512}
"""Answers in a unit, without and with a GPU: so many come at a time, and so many are done again after a crash."""


@dataclass(frozen=True)
class Asked:
    """One item as an actor needs it."""

    key: tuple[str, str]
    """Set and id."""
    prompt: str
    tokens: int
    seed: int


@dataclass(frozen=True)
class Unit:
    """Items of like length that are answered in one call."""

    items: tuple[Asked, ...]
    sampling: Sampling


@dataclass(frozen=True)
class Model:
    """What each actor loads."""

    model: str
    revision: str | None
    adapter: Path | None
    quantise: Any
    batch_tokens: int | None
    threads: int


@dataclass(frozen=True)
class Done:
    """What an actor made of a unit."""

    answers: dict[tuple[str, str], list[str]]
    """Set and id → the answers."""
    tokens: dict[tuple[str, str], int]
    """Set and id → tokens generated."""
    seconds: float
    """Without loading the model."""
    peak_bytes: int
    """Of device memory, or of the process on a CPU, so far."""
    device: str
    worker: str


def units(items: Sequence[tuple[Asked, Sampling]], rows: int) -> list[Unit]:
    """Cut items into units of at most `rows` answers, longest prompts first: what does not fit into memory is known at
    once, and the last units are short, so that workers end together."""
    groups: dict[Sampling, list[Asked]] = {}
    for item, sampling in items:
        groups.setdefault(sampling, []).append(item)
    made = []
    for sampling, group in groups.items():
        group.sort(key=lambda item: (-item.tokens, item.key))
        size = max(1, rows // max(sampling.samples, sampling.beams))
        made += [Unit(tuple(group[start : start + size]), sampling) for start in range(0, len(group), size)]
    return made


def answered(work: Sequence[Unit], model: Model, cluster: ClusterConfig, *, use_gpu: bool) -> Generator[Done]:
    """The units as they are done. Connect to Ray first.

    Raises `UserError` where the model cannot be had, memory does not suffice, or a worker dies over one unit again and
    again.
    """
    import ray
    from ray.util import ActorPool

    if not work:
        return
    kind = ray.remote(
        num_cpus=cluster.cpus_per_worker, num_gpus=int(use_gpu), max_restarts=cluster.max_failures,
        max_task_retries=cluster.max_failures,
    )(Answerer)  # fmt: skip
    actors = [kind.remote(model) for _ in range(min(cluster.num_workers, len(work)))]
    try:
        pool = ActorPool(actors)
        yield from pool.map_unordered(lambda actor, unit: actor.answer.remote(unit), work)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise error.cause from None
        raise
    except ray.exceptions.RayActorError as error:
        raise UserError(
            f"a worker died {cluster.max_failures + 1} times over the same items ({str(error).splitlines()[0]})",
            "lack of memory is the usual reason: lower --batch-tokens or --cluster.num-workers, or quantise",
        ) from error
    finally:
        for actor in actors:
            ray.kill(actor)


class Answerer:
    """The actor: loads its model when first asked, so that a restarted one does too."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._generator: generation.Generator | None = None

    def answer(self, unit: Unit) -> Done:
        """All answers of a unit."""
        import torch

        generator = self._generator = self._generator or self._loaded()
        started = time.perf_counter()
        prompts, seeds = [item.prompt for item in unit.items], [item.seed for item in unit.items]
        found = generator.answers(prompts, unit.sampling, seeds)
        seconds = time.perf_counter() - started
        gpu = torch.cuda.is_available()
        peak = torch.cuda.max_memory_allocated() if gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        return Done(
            {item.key: one.texts for item, one in zip(unit.items, found, strict=True)},
            {item.key: one.tokens for item, one in zip(unit.items, found, strict=True)},
            seconds, peak, torch.cuda.get_device_name() if gpu else "cpu", f"{os.uname().nodename}:{os.getpid()}",
        )  # fmt: skip

    def _loaded(self) -> generation.Generator:
        import torch

        from common.models.generation import Generator as Loaded
        from common.models.generator import resolve_generator

        torch.set_num_threads(self._model.threads)
        base = resolve_generator(self._model.model, self._model.revision)
        return Loaded.load(base, self._model.adapter, quantise=self._model.quantise, budget=self._model.batch_tokens)
