"""The job, step by step: library → tokens → training → a model folder with its card."""

from __future__ import annotations

import json
import platform
import shutil
from pathlib import Path

import numpy as np

from common.models.digests import weights_digest
from common.runs import Result, RunFolder, write_text
from jobs.pretraining.config import TrainStandinConfig
from jobs.pretraining.text import read_library, rows_of, train_tokenizer
from jobs.ray_session import connected

MODEL, ROWS, HELD_OUT, METRICS = "model", "rows.npy", "held_out.npy", "metrics.jsonl"
CARD = """---
library_name: transformers
tags: [stand-in]
---
# {name}: a stand-in, not a code model

{parameters:,} parameters in the architecture of Llama, trained from scratch on the standard library of Python
{python} ({files} modules, {tokens:,} tokens in all). It exists so that demo, tests and tuning run without a network: it
writes text that looks like Python and solves nothing. Use a real base for anything else.

| | |
|---|---|
| made by | `python -m jobs.train_standin` (its defaults) |
| held-out loss | {loss:.3f} nats a token, on modules that it has not seen |
| left out | the modules that our standard-library corpus holds out for dev and test |
| tokenizer | byte-level BPE of {vocabulary} tokens, digits one by one |
| licence of the text | Python Software Foundation License |
"""


def run_folder(config: TrainStandinConfig) -> Path:
    """Where the run works."""
    return config.run_dir or Path("runs/train_standin")


def train_standin(config: TrainStandinConfig) -> Result:
    """Run the job in its run folder, or go on with it."""
    with RunFolder.open(run_folder(config), config) as run:
        if done := run.result():
            return done
        run.log_to_file()
        data = run.step("text", lambda: _prepare(config, run.path))
        trained = run.step("train", lambda: _train(config, data, run.path))
        _write_card(config, data, trained, run.path)
        digest = weights_digest(run.path / MODEL)
        return run.finish({"job": "train_standin", "model": str(run.path / MODEL), "digest": digest, **data, **trained})


def plan(config: TrainStandinConfig) -> str:
    """What would be done."""
    library = read_library(config.limit_files)
    shape, schedule = config.shape, config.training
    return "\n".join(
        [
            f"text      {len(library.train)} modules to read, {len(library.held_out)} held out, Python "
            f"{platform.python_version()}",
            f"model     {shape.layers} blocks, {shape.hidden} wide, {shape.vocabulary} tokens",
            f"training  {schedule.epochs} epochs, {schedule.batch} rows of {shape.positions} tokens a step",
            f"run       {run_folder(config)}",
        ]
    )


def _prepare(config: TrainStandinConfig, folder: Path) -> Result:
    library = read_library(config.limit_files)
    shape = config.shape
    tokenizer = train_tokenizer(library.train, shape.vocabulary, shape.positions)
    tokenizer.save_pretrained(folder / MODEL)
    rows = rows_of(library.train, tokenizer, shape.positions)
    held_out = rows_of(library.held_out, tokenizer, shape.positions)
    np.save(folder / ROWS, rows)
    np.save(folder / HELD_OUT, held_out)
    return {
        "files": len(library.train),
        "rows": len(rows),
        "held_out_rows": len(held_out),
        "vocabulary": len(tokenizer),
        "python": platform.python_version(),
        "end": tokenizer.eos_token_id,
        "pad": tokenizer.pad_token_id,
    }


def _train(config: TrainStandinConfig, data: Result, folder: Path) -> Result:
    from jobs.pretraining.loop import train_worker
    from jobs.training.trainer import launch

    raw = {
        "shape": config.shape.model_dump(mode="json"),
        "schedule": config.training.model_dump(mode="json"),
        "end": data["end"], "pad": data["pad"],
        "rows": str((folder / ROWS).absolute()), "held_out": str((folder / HELD_OUT).absolute()),
        "metrics": str((folder / METRICS).absolute()), "output": str((folder / "weights").absolute()),
    }  # fmt: skip
    steps = data["rows"] // config.training.batch * config.training.epochs
    with connected(config.cluster) as use_gpu:
        trained = launch(
            train_worker, raw, config.cluster, folder / "ray", curve=folder / METRICS, steps=steps, use_gpu=use_gpu
        )
    for file in (folder / "weights").iterdir():
        shutil.move(file, folder / MODEL / file.name)
    return trained


def _write_card(config: TrainStandinConfig, data: Result, trained: Result, folder: Path) -> None:
    values = {**data, **trained, "name": config.name, "loss": trained["held_out_losses"][-1][1]}
    write_text(folder / MODEL / "README.md", CARD.format(**values))


def show(result: Result) -> str:
    """The result for people."""
    keys = ("model", "parameters", "tokens", "tokens_per_second", "held_out_losses", "digest")
    return "\n".join(f"{key:18} {json.dumps(result[key])}" for key in keys)
