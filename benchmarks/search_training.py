"""Training speed and quality beside sentence-transformers: `python -m benchmarks.search_training`.

The same pairs, model, LoRA (rank 16, alpha 32, query + value), batch (32), length (256 tokens), temperature (0.05),
learning rate and schedule, one epoch. We run as users do: `train_search` with two Ray Train workers of one thread.
The peer runs in one process with both threads: at its defaults (fp32), timed over a few steps, and at its best, which
is bf16 with batches grouped by length and the fastest attention, for the whole epoch. Speeds leave start-up out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import in_turn, median, show, write

OURS, DEFAULT = "ours", "st-default"
BEST = ("st-bf16", "st-bf16-eager", "st-bf16weights-eager")
BATCH, RATE, WARMUP = 32, 5e-4, 0.1
PROBE_STEPS = 16


def measure(side: str, *, steps: int | None) -> dict[str, Any]:
    """Pairs per second, and test MRR where the whole epoch was run."""
    with tempfile.TemporaryDirectory() as folder:
        return _ours(Path(folder)) if side == OURS else _peer(side, Path(folder), steps)


def _ours(folder: Path) -> dict[str, Any]:
    from jobs.search.config import TrainSearchConfig
    from jobs.train_search import main as train_search

    result = train_search(
        TrainSearchConfig.model_validate(
            {
                "run_dir": folder / "run",
                "training": {
                    "epochs": 1,
                    "batch": BATCH,
                    "learning_rate": RATE,
                    "warmup_share": WARMUP,
                    "symmetric": False,  # as the peer's loss
                    "evaluations": 1,
                },
                "tracking": {"uri": f"sqlite:///{folder}/mlflow.db"},
            }
        )
    )
    return {
        "pairs_per_second": result["training"]["pairs_per_second"],
        "mrr": 100 * result["metrics"]["adapter"]["mrr"]["value"],
        "zero_shot": 100 * result["metrics"]["zero_shot"]["mrr"]["value"],
    }


def _peer(side: str, folder: Path, steps: int | None) -> dict[str, Any]:
    import torch
    from datasets import Dataset
    from peft import LoraConfig, TaskType
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    from common.corpora.stdlib import stdlib_corpus
    from common.models.loading import resolve

    corpus = stdlib_corpus()
    options: dict[str, Any] = {"attn_implementation": "eager"} if side.endswith("eager") else {}
    if "weights" in side:
        options["dtype"] = torch.bfloat16
    model = SentenceTransformer(str(resolve("minilm").folder), device="cpu", model_kwargs=options)
    model.add_adapter(
        LoraConfig(
            task_type=TaskType.FEATURE_EXTRACTION, r=16, lora_alpha=32, lora_dropout=0.0,
            target_modules=["query", "value"],
        )
    )  # fmt: skip
    data = Dataset.from_dict(
        {"anchor": [p.query for p in corpus.train], "positive": [p.document for p in corpus.train]}
    )
    best = side != DEFAULT
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=BATCH,
        num_train_epochs=1,
        max_steps=steps or -1,
        learning_rate=RATE,
        warmup_steps=WARMUP,
        weight_decay=0.01,
        bf16=best,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        seed=0,
        **({"batch_sampler": _length_grouped} if best else {}),
    )
    trainer = SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=data, loss=MultipleNegativesRankingLoss(model, scale=20.0)
    )
    start = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - start
    seen = min(len(data), BATCH * steps) if steps else len(data)
    outcome = {"pairs_per_second": seen / seconds}
    if not steps:
        outcome["mrr"] = _mrr(model, corpus.test)
    return outcome


def _length_grouped(dataset: Any, batch_size: int, drop_last: bool, **_: Any) -> Any:
    """Batches of like length, by transformers' own sampler: the peer has no setting for it, only this hook."""
    from sentence_transformers.base.sampler import DefaultBatchSampler
    from transformers.trainer_pt_utils import LengthGroupedSampler

    lengths = [len(text) for text in dataset["positive"]]
    sampler = LengthGroupedSampler(batch_size, lengths=lengths)
    return DefaultBatchSampler(sampler, batch_size=batch_size, drop_last=drop_last)


def _mrr(model: Any, retrieval: Any) -> float:
    """Test MRR ×100 of a sentence-transformers model, by our metrics."""
    from common.metrics.ranking import Pool, evaluate_block

    queries = model.encode(list(retrieval.queries.values()), normalize_embeddings=True)
    documents = model.encode([d.content() for d in retrieval.documents.values()], normalize_embeddings=True)
    scores = evaluate_block(
        queries @ documents.T, list(retrieval.queries), Pool.of(list(retrieval.documents)), retrieval.qrels
    )
    return 100 * float(scores["mrr"].mean())


def main() -> None:
    """Find the peer's best setting by short probes, then measure all sides in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--side", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        outcome = measure(arguments.side[0], steps=arguments.steps)
        Path(arguments.side[1]).write_text(json.dumps(outcome), encoding="utf-8")
        return
    module, short = "benchmarks.search_training", ["--steps", str(PROBE_STEPS)]
    probes = in_turn(module, BEST, arguments.rounds, short)
    best = max(BEST, key=lambda side: median(probes[side], "pairs_per_second"))
    outcomes: dict[str, list[dict[str, Any]]] = {DEFAULT: [], OURS: [], best: []}
    for _ in range(arguments.rounds):
        for side, extra in ((DEFAULT, short), (OURS, []), (best, [])):
            outcomes[side] += in_turn(module, [side], 1, extra)[side]
    speed = {side: median(runs, "pairs_per_second") for side, runs in (probes | outcomes).items()}
    rows = []
    for side in (OURS, DEFAULT, *BEST):
        found = outcomes.get(side) or probes[side]
        rows.append(
            [
                side + (" (its best)" if side == best else ""),
                f"{speed[side]:.1f}",
                f"{speed[OURS] / speed[side]:.2f}×",
                f"{median(found, 'mrr'):.1f}" if "mrr" in found[0] else "–",
                f"{median(found, 'peak_gb'):.1f}",
            ]
        )
    zero_shot = median(outcomes[OURS], "zero_shot")
    title = f"LoRA on MiniLM, standard library, batch {BATCH}, one epoch; zero-shot MRR {zero_shot:.1f}"
    show(title, ["side", "pairs/s", "we are faster by", "test MRR", "peak GB"], rows)
    ratios = {"over_default": speed[OURS] / speed[DEFAULT], "over_best": speed[OURS] / speed[best]}
    write("search_training", {"ratios": ratios, "best": best, "speed": speed, "outcomes": outcomes, "probes": probes})


if __name__ == "__main__":
    main()
