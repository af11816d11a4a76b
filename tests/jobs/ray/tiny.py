"""A small world to train in: a random two-layer BERT, 480 pairs of unlike length, dev and test folders."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.adapters.methods import PeftSpec
from common.corpora.beir import Document, RetrievalSet, write_beir
from common.corpora.pair_store import write_store
from common.corpora.pairs import Pair
from jobs.ray_session import ClusterConfig
from jobs.training.recipe import Recipe, TrainerInput
from tests import models_zoo

PAIRS, BATCH = 480, 16
WORDS = sorted({word for line in models_zoo.LINES for word in line.split()})


@dataclass(frozen=True)
class Tiny:
    """Where everything lies."""

    base: Path
    train: Path
    dev: Path
    test: Path

    @property
    def flags(self) -> list[str]:
        """The flags of `jobs.train_search` that point at it: 240 steps and eight evaluations, in fp32."""
        return [
            *("--model", str(self.base), "--encoder.pooling", "mean", "--encoder.max-length", "64", "--name", "tiny"),
            *("--data.source", "pairs", "--data.train", str(self.train)),
            *("--data.dev", str(self.dev), "--data.test", str(self.test)),
            *("--training.batch", str(BATCH), "--training.epochs", "8", "--training.evaluations", "8"),
            *("--training.precision", "fp32", "--training.learning-rate", "0.001"),
        ]


def make(folder: Path) -> Tiny:
    """Write model and data below `folder`; the same bytes each time."""
    models_zoo.build(folder / "base")
    tiny = Tiny(folder / "base", folder / "pairs.jsonl", folder / "dev", folder / "test")
    write_store(tiny.train, pairs())  # JSONL that a job reads, with the index that a worker wants
    for seed, place in enumerate((tiny.dev, tiny.test), start=1):
        write_beir(place, retrieval(place.name, seed))
    return tiny


def pairs(count: int = PAIRS) -> list[Pair]:
    """Documents of 4 to 40 words, asked for by some of them; each eighth repeats the query of the one before it, each
    twelfth the document."""
    draw = random.Random(0)
    made: list[Pair] = []
    for number in range(count):
        document = _text(draw, 4, 40)
        query = " ".join(draw.sample(document.split(), draw.randint(2, 4)))
        if number % 8 == 1:
            query = made[-1].query
        if number % 12 == 2:
            document = made[-1].document
        made.append(Pair(query, document, "python"))
    return made


def retrieval(name: str, seed: int) -> RetrievalSet:
    """Forty-eight queries, each a part of its document."""
    draw = random.Random(seed)
    texts = {f"d{i}": _text(draw, 6, 20) for i in range(48)}
    queries = {f"q{i}": " ".join(text.split()[1:4]) for i, text in enumerate(texts.values())}
    documents = {key: Document(text) for key, text in texts.items()}
    return RetrievalSet(name, queries, documents, {f"q{i}": {f"d{i}": 1} for i in range(48)})


def trainer_input(tiny: Tiny, folder: Path, *, dropout: float = 0.0, **recipe: Any) -> TrainerInput:
    """What `fit` is given: 30 steps in fp32, five evaluations."""
    return TrainerInput(
        base=models_zoo.base(tiny.base),
        peft=PeftSpec(rank=4, alpha=8, dropout=dropout),
        recipe=Recipe(**{**_RECIPE, **recipe}),
        train=tiny.train,
        dev=tiny.dev,
        output=folder / "adapter",
        metrics=folder / "metrics.jsonl",
    )


_RECIPE = {"batch": BATCH, "epochs": 1, "evaluations": 5, "learning_rate": 5e-3, "precision": "fp32"}


def train(job: TrainerInput, *, workers: int = 2, max_failures: int = 0) -> dict[str, Any]:
    """`fit` in the folder of the job, on the session's cluster; returns the last report."""
    from jobs.training.sampling import Schedule
    from jobs.training.trainer import fit

    steps = Schedule(PAIRS, job.recipe.batch, job.recipe.epochs, job.recipe.seed).steps
    cluster = ClusterConfig(num_workers=workers, max_failures=max_failures)
    return fit(job, cluster, job.metrics.parent / "ray", steps=steps, use_gpu=False)


def lines(folder: Path) -> list[dict[str, float]]:
    """The training curve as it was written."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]


def losses(folder: Path) -> dict[int, float]:
    """Step → loss; a step that was recorded twice is an error."""
    found = [(int(line["step"]), line["loss"]) for line in lines(folder) if "loss" in line]
    assert len(found) == len(dict(found)), "a step was recorded twice"
    assert [step for step, _ in found] == list(range(1, len(found) + 1)), "steps are missing or out of order"
    return dict(found)


def last_step(folder: Path) -> int:
    """The last step that the curve holds whole; 0 where there is none."""
    file, last = folder / "metrics.jsonl", 0
    for line in file.read_text("utf-8").splitlines(keepends=True) if file.exists() else ():
        last = int(json.loads(line)["step"]) if line.endswith("\n") else last
    return last


def last_weights(folder: Path) -> Path:
    """The adapter of the last checkpoint: what the last step left, whichever step scored best."""
    from jobs.training.checkpoint import ADAPTER
    from jobs.training.trainer import RUN_NAME

    return max((folder / "ray" / RUN_NAME).glob("checkpoint_*/")) / ADAPTER


def mark_first_line(folder: Path) -> None:
    """Leave a mark in the curve that stays only if the next attempt goes on instead of starting over."""
    file = folder / "metrics.jsonl"
    text = file.read_text("utf-8")
    marked = text.replace('{"step": 1, ', '{"step": 1, "first_attempt": 1, ', 1)
    assert marked != text
    with file.open("r+", encoding="utf-8") as place:  # in place: a writer may hold it open
        place.write(marked)


def is_marked(folder: Path) -> bool:
    """Whether the mark is still there."""
    return "first_attempt" in next(line for line in lines(folder) if line["step"] == 1)


def _text(draw: random.Random, least: int, most: int) -> str:
    return " ".join(draw.choice(WORDS) for _ in range(draw.randint(least, most)))
