"""Speed and loss of generation training beside TRL: `python -m benchmarks.codegen_training --trl FOLDER`.

TRL is no dependency of ours. Put it into a folder first: `pip install --no-deps --target FOLDER trl`.

The same model (the packaged stand-in, or --model), examples (microproblems, tokenised by us), LoRA (rank 16, alpha
32, query, key, value), batch (16), learning rate and schedule, AdamW, one epoch. Trained tokens are those of prompts
and answers, padding left out. We run as users do: Ray Train with two workers of one thread. TRL's SFTTrainer runs in
one process with two threads: at its defaults, and at its best, the fastest of some settings in a short probe.
Start-up and evaluations are left out on all sides; the final loss is over the same dev examples, by the same code.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import in_turn, median, show, write

OURS, DEFAULT = "ours", "trl-default"
BEST = {
    "trl-fp32": {"bf16": False, "gradient_checkpointing": False},
    "trl-bf16": {"bf16": True, "gradient_checkpointing": False},
    "trl-bf16-grouped": {
        "bf16": True, "gradient_checkpointing": False, "train_sampling_strategy": "group_by_length",
    },
    "trl-bf16-eager-grouped": {
        "bf16": True, "gradient_checkpointing": False, "train_sampling_strategy": "group_by_length", "eager": True,
    },
}  # fmt: skip
"""Settings that might be its best. Its packing joins examples for flash attention only, which no CPU has."""
BATCH, RATE, WARMUP = 16, 3e-3, 0.05
PROBE_STEPS = 16
LORA = {"rank": 16, "alpha": 32}


def measure(side: str, model: str, trl: str, steps: int | None, instances: int) -> dict[str, Any]:
    """Trained tokens per second and the final dev loss."""
    with tempfile.TemporaryDirectory() as folder:
        config = _config(Path(folder), model, instances)
        return _ours(config) if side == OURS else _peer(side, config, trl, steps)


def _config(folder: Path, model: str, instances: int) -> Any:
    from jobs.codegen.config import TrainCodegenConfig

    return TrainCodegenConfig.model_validate(
        {
            "run_dir": folder / "run",
            "model": model,
            "data": {
                "sources": ["microproblems"], "decontaminate": False, "microproblems": {"instances": instances},
            },
            "peft": LORA,
            "training": {
                "epochs": 1, "batch": BATCH, "learning_rate": RATE, "warmup_share": WARMUP, "evaluate_every": 1,
                "select": "last",
            },
        }
    )  # fmt: skip


def _prepared(config: Any) -> tuple[Any, Any, Any]:
    from common.models.generator import resolve_generator
    from jobs.codegen.data import TOKENS, prepare
    from jobs.training.tokenised import TokenStore

    base = resolve_generator(config.model)
    folder = config.run_dir / "data"
    prepare(config, base, folder)
    return base, TokenStore(folder / TOKENS / "train"), TokenStore(folder / TOKENS / "dev")


def _ours(config: Any) -> dict[str, Any]:
    from common.prompts import TEMPLATES
    from jobs.ray_session import connected
    from jobs.training.generative import train_worker
    from jobs.training.generative_recipe import GenerativeInput
    from jobs.training.trainer import launch

    base, train, _ = _prepared(config)
    folder = config.run_dir
    job = GenerativeInput(
        base=base,
        peft=config.peft,
        recipe=config.training,
        template=TEMPLATES["study"],
        train=folder / "data/tokens/train",
        dev=folder / "data/tokens/dev",
        output=folder / "adapter",
        metrics=folder / "metrics.jsonl",
    )
    with connected(config.cluster) as use_gpu:
        found = launch(
            train_worker, job.model_dump(mode="json"), config.cluster, folder / "ray", curve=job.metrics,
            steps=config.training.schedule(len(train)).steps, use_gpu=use_gpu,
        )  # fmt: skip
    losses = [json.loads(line) for line in job.metrics.read_text().splitlines()]
    return {
        "tokens_per_second": found["tokens_per_second"],
        "dev_loss": found["dev_curve"][-1][1],
        "curve": [line["loss"] for line in losses if "loss" in line],
    }


def _peer(side: str, config: Any, trl: str, steps: int | None) -> dict[str, Any]:
    sys.path.append(trl)  # behind our own packages
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    from common.adapters.wrapping import generator_targets
    from common.models.generator import load_generator_tokenizer

    torch.set_num_threads(2)
    base, train, dev = _prepared(config)
    settings = dict(BEST.get(side, {}))
    eager = {"attn_implementation": "eager"} if settings.pop("eager", False) else {}
    model = AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32, **eager)
    rows = [train.read(row) for row in range(len(train))]
    data = Dataset.from_list(
        [
            {
                "input_ids": [*one.prompt, *one.answer],
                "completion_mask": [0] * len(one.prompt) + [1] * len(one.answer),
            }
            for one in rows
        ]
    )
    arguments = SFTConfig(
        output_dir=str(config.run_dir / "peer"),
        per_device_train_batch_size=BATCH,
        num_train_epochs=1,
        max_steps=steps or -1,
        learning_rate=RATE,
        lr_scheduler_type="linear",
        warmup_steps=WARMUP,
        weight_decay=0.0,
        completion_only_loss=True,
        max_length=base.positions,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
        seed=0,
        **settings,
    )
    lora = LoraConfig(
        task_type="CAUSAL_LM", r=LORA["rank"], lora_alpha=LORA["alpha"], lora_dropout=0.0,
        target_modules=list(generator_targets(config.peft, base.architecture)),
    )  # fmt: skip
    trainer = SFTTrainer(
        model=model, args=arguments, train_dataset=data, peft_config=lora,
        processing_class=load_generator_tokenizer(base),
    )  # fmt: skip
    seen: list[int] = []
    whole = trainer.training_step

    def counted(model: Any, inputs: Any, *rest: Any, **more: Any) -> Any:
        seen.append(int(inputs["attention_mask"].sum()))
        return whole(model, inputs, *rest, **more)

    trainer.training_step = counted
    started = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - started
    curve = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    outcome = {"tokens_per_second": sum(seen) / seconds, "curve": curve}
    if not steps:
        outcome["dev_loss"] = _dev_loss(trainer.model, dev)
    return outcome


def _dev_loss(model: Any, dev: Any) -> float:
    """By the code that scores ours."""
    import torch

    from jobs.training.forward import Answerer
    from jobs.training.packing import plan_bucketed

    answerer = Answerer(model.eval(), "causal", 0, torch.float32, torch.device("cpu"))
    with torch.no_grad():
        total = sum(
            answerer.loss([dev.read(row) for row in micro.rows], micro).item()
            for micro in plan_bucketed(dev.lengths.tolist(), budget=1024)
        )
    return total / int(dev.answers.sum())


def main() -> None:
    """Find the peer's best setting by short probes, then measure all sides in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--model", default="stand-in", help="base: stand-in, or a folder")
    parser.add_argument("--trl", required=True, help="folder that trl was installed into")
    parser.add_argument("--instances", type=int, default=8, help="microproblems of each family")
    parser.add_argument("--side", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        outcome = measure(given.side[0], given.model, given.trl, given.steps, given.instances)
        Path(given.side[1]).write_text(json.dumps(outcome), encoding="utf-8")
        return
    module = "benchmarks.codegen_training"
    shared = ["--model", given.model, "--trl", given.trl, "--instances", str(given.instances)]
    short = [*shared, "--steps", str(PROBE_STEPS)]
    probes = in_turn(module, tuple(BEST), given.rounds, short)
    best = max(BEST, key=lambda side: median(probes[side], "tokens_per_second"))
    outcomes = in_turn(module, (DEFAULT, OURS, best), given.rounds, shared)
    speed = {side: median(runs, "tokens_per_second") for side, runs in (probes | outcomes).items()}
    rows = []
    for side in (OURS, DEFAULT, *BEST):
        found = outcomes.get(side) or probes[side]
        rows.append(
            [
                side + (" (its best)" if side == best else ""),
                f"{speed[side]:,.0f}",
                f"{speed[OURS] / speed[side]:.2f}×",
                f"{median(found, 'dev_loss'):.3f}" if "dev_loss" in found[0] else "–",
                f"{median(found, 'peak_gb'):.1f}",
            ]
        )
    title = f"LoRA on {given.model}, microproblems, batch {BATCH}, one epoch"
    show(title, ["side", "trained tokens/s", "we are faster by", "dev loss", "peak GB"], rows)
    ratios = {"over_default": speed[OURS] / speed[DEFAULT], "over_best": speed[OURS] / speed[best]}
    write("codegen_training", {"ratios": ratios, "best": best, "speed": speed, "outcomes": outcomes, "probes": probes})


if __name__ == "__main__":
    main()
