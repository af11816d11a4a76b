"""A small world to train a generator in: a random model of two layers, 96 examples of unlike length."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from common.adapters.methods import PeftSpec
from common.models.generator import load_generator_tokenizer, resolve_generator
from common.prompts import TEMPLATES
from jobs.ray_session import ClusterConfig
from jobs.training.generative_recipe import GenerativeInput, GenerativeRecipe
from jobs.training.tokenised import TokenStore, encode
from tests.decoders_zoo import generator
from tests.models_zoo import LINES

EXAMPLES, BATCH = 96, 8
WORDS = sorted({word for line in LINES for word in line.split()})
_RECIPE: dict[str, Any] = {
    "batch": BATCH, "epochs": 2, "evaluate_every": 0.5, "learning_rate": 1e-2, "precision": "fp32",
    "tokens_per_chunk": 128,
}  # fmt: skip


def texts(count: int = EXAMPLES, seed: int = 0) -> list[tuple[str, str]]:
    """Questions of 2 to 20 words; the answer is some of them, turned round."""
    draw = random.Random(seed)
    asked = [[draw.choice(WORDS) for _ in range(draw.randint(2, 20))] for _ in range(count)]
    return [(" ".join(words) + "\n", " ".join(reversed(words[: draw.randint(1, 12)]))) for words in asked]


def world(folder: Path, family: str) -> Path:
    """Model and token stores below `folder`; returns the folder."""
    generator(folder / "base", family)
    base = resolve_generator(str(folder / "base"))
    tokenizer = load_generator_tokenizer(base)
    for name, count, seed in (("train", EXAMPLES, 0), ("dev", 24, 1)):
        rows = [
            encode(tokenizer, f"{name}/{i}", ask, say, base.kind) for i, (ask, say) in enumerate(texts(count, seed))
        ]
        TokenStore.write(folder / name, rows)
    return folder


def trainer_input(place: Path, folder: Path, peft: dict[str, Any] | None = None, **recipe: Any) -> GenerativeInput:
    """What `train` is given: 24 steps in fp32, four evaluations."""
    return GenerativeInput(
        base=resolve_generator(str(place / "base")),
        peft=PeftSpec(**(peft or {"rank": 4, "alpha": 8})),
        recipe=GenerativeRecipe(**{**_RECIPE, **recipe}),
        train=place / "train",
        dev=place / "dev",
        template=TEMPLATES["study"],
        output=folder / "adapter",
        metrics=folder / "metrics.jsonl",
        data_digest=TokenStore(place / "train").digest(),
    )


def train(job: GenerativeInput, *, workers: int = 2, max_failures: int = 0) -> dict[str, Any]:
    """Run it in the folder of the job, on the session's cluster; returns the summary."""
    from jobs.training.generative import train_worker
    from jobs.training.trainer import launch

    steps = job.recipe.schedule(EXAMPLES).steps
    return launch(
        train_worker, job.model_dump(mode="json"), ClusterConfig(num_workers=workers, max_failures=max_failures),
        job.metrics.parent / "ray", curve=job.metrics, steps=steps, use_gpu=False,
    )  # fmt: skip
