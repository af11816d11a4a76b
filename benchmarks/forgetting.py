"""What an adapter gains on its language and loses on another task, by recipe: one language of CodeSearchNet, and CosQA.

`python -m benchmarks.forgetting [--language ruby] [--recipes plain,anchor]`. Each recipe trains through
`jobs.train_search`; interpolation scales the plain adapter afterwards, which is what `--training.interpolate` does.
Needs the data: CODEADAPTERS_DATA, or ../shared/data.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.harness import show, write

RECIPES: dict[str, list[str]] = {
    "plain": [],
    "rate 3e-4": ["--training.learning-rate", "3e-4"],
    "anchor 1": ["--training.anchor", "1"],
    "anchor 3": ["--training.anchor", "3"],
    "temperature 0.1": ["--training.temperature", "0.1"],
    "rank 64": ["--peft.rank", "64", "--peft.alpha", "128"],
}
FACTORS = (0.25, 0.5, 0.75)
COMMON = [
    "--training.epochs",
    "2",
    "--training.batch",
    "64",
    "--training.evaluations",
    "1",
    "--training.select",
    "last",
]


def data_folder() -> Path:
    """Where the data sets lie; exits with a sentence where they do not."""
    folder = Path(os.environ.get("CODEADAPTERS_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "codesearchnet").is_dir() or not (folder / "cosqa").is_dir():
        sys.exit(f"{folder} holds no codesearchnet and cosqa; set CODEADAPTERS_DATA")
    return folder


def train(recipe: list[str], language: str, data: Path, run: Path) -> dict[str, Any]:
    """Train; returns the result."""
    from common.config import parse
    from jobs.search.config import TrainSearchConfig
    from jobs.search.pipeline import train_search

    flags = ["--data.source", "codesearchnet", "--data.path", str(data / "codesearchnet"), "--data.languages", language]
    given = parse(TrainSearchConfig, [*flags, *COMMON, *recipe, "--run-dir", str(run)], prog="benchmarks.forgetting")
    return train_search(given.config)


def scores(adapter: Path | None, language: str, data: Path, run: Path) -> dict[str, float]:
    """MRR of the base and the adapter on the language's test set and on CosQA's dev queries over all its codes."""
    from common.models.loading import resolve
    from jobs.search.config import EvaluationData
    from jobs.search.data import retrieval_sets
    from jobs.search.evaluation import Scoring, evaluate

    sets = {
        "language": EvaluationData(source="codesearchnet", path=data / "codesearchnet", languages=(language,)),
        "cosqa": EvaluationData(source="cosqa", path=data / "cosqa", split="dev"),
    }
    found: dict[str, float] = {}
    for name, given in sets.items():
        (retrieval,) = retrieval_sets(given).values()
        result = evaluate(retrieval, Scoring(resolve("minilm"), run / name), adapter)
        for system in ("zero_shot", "adapter"):
            found[f"{name} {system}"] = 100 * result["metrics"][system]["mrr"]["value"]
    return found


def main() -> None:
    """Train the recipes, score them, print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", default="ruby")
    parser.add_argument("--recipes", default=",".join(RECIPES))
    chosen = parser.parse_args()
    if unknown := set(chosen.recipes.split(",")) - RECIPES.keys():
        sys.exit(f"unknown recipes {', '.join(sorted(unknown))}; known are {', '.join(RECIPES)}")
    from common.adapters.scaling import interpolate
    from common.models.loading import resolve

    data, rows = data_folder(), {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for recipe in chosen.recipes.split(","):
            run = folder / recipe.replace(" ", "-")
            train(RECIPES[recipe], chosen.language, data, run)
            rows[recipe] = scores(run / "adapter", chosen.language, data, folder / f"scores-{run.name}")
            for factor in FACTORS if recipe == "plain" else ():
                scaled = folder / f"plain-{factor}"
                interpolate(run / "adapter", factor, scaled, resolve("minilm"))
                rows[f"plain, interpolate {factor}"] = scores(
                    scaled, chosen.language, data, folder / f"scores-{factor}"
                )
    table = [
        [
            recipe,
            f"{got['language zero_shot']:.1f}",
            f"{got['language adapter']:.1f}",
            f"{100 * (got['language adapter'] / got['language zero_shot'] - 1):+.1f} %",
            f"{got['cosqa zero_shot']:.1f}",
            f"{got['cosqa adapter']:.1f}",
            f"{got['cosqa adapter'] - got['cosqa zero_shot']:+.1f}",
        ]
        for recipe, got in rows.items()
    ]
    header = ["recipe", f"{chosen.language} base", "adapter", "gain", "CosQA base", "adapter", "points"]
    show("MRR ×100 on the language and on CosQA dev (seed 0)", header, table)
    write("forgetting", {"language": chosen.language, "mrr": rows})


if __name__ == "__main__":
    main()
