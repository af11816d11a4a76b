"""What our CPU settings bring to a training step: `python -m benchmarks.cpu_choices`.

Each is switched off in turn: attention step by step, bf16, small chunks. LoRA on MiniLM, one
process with both threads, batches of 128 pairs of the standard library.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import in_turn, median, show, write

SHIPPED = "as shipped"
SIDES = (SHIPPED, "fused attention", "fp32", "chunks of 8,192 tokens")
BATCH, STEPS = 128, 4


def measure(side: str) -> dict[str, Any]:
    """Pairs per second over a few steps, after one that warms up."""
    import torch

    from common.adapters.methods import PeftSpec
    from common.adapters.wrapping import wrap
    from common.corpora.stdlib import stdlib_corpus
    from common.models.batching import plan_chunks
    from common.models.encoder import Encoder, load_model
    from common.models.loading import resolve
    from jobs.training.gradients import backward
    from jobs.training.objective import info_nce

    base, cpu = resolve("minilm"), torch.device("cpu")
    dtype = torch.float32 if side == "fp32" else torch.bfloat16
    model = load_model(base, cpu).to(dtype)
    if side == "fused attention":
        model.set_attn_implementation("sdpa")  # type: ignore[operator]
    adapted = wrap(model, PeftSpec(), base.lora_targets, seed=0).eval()
    encoder = Encoder(base, adapted, dtype, cpu)
    pairs = stdlib_corpus().train[: BATCH * (STEPS + 1)]
    mask = torch.zeros(BATCH, BATCH, dtype=torch.bool)

    def loss(vectors: torch.Tensor) -> torch.Tensor:
        return info_nce(vectors[:BATCH], vectors[BATCH:], mask, temperature=0.05, symmetric=True)

    started = 0.0
    for step in range(STEPS + 1):
        if step == 1:
            started = time.perf_counter()
        batch = pairs[step * BATCH : (step + 1) * BATCH]
        ids = encoder.tokenize([p.query for p in batch], "query")
        ids += encoder.tokenize([p.document for p in batch], "document")
        chunks = plan_chunks([len(row) for row in ids], budget=8192 if side.startswith("chunks") else 1024)
        backward(encoder, ids, chunks, loss, seed=0, kept_tokens=32768)
    return {"pairs_per_second": STEPS * BATCH / (time.perf_counter() - started)}


def main() -> None:
    """Measure all sides in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        Path(arguments.side[1]).write_text(json.dumps(measure(arguments.side[0])), encoding="utf-8")
        return
    outcomes = in_turn("benchmarks.cpu_choices", SIDES, arguments.rounds)
    speed = {side: median(rounds, "pairs_per_second") for side, rounds in outcomes.items()}
    rows = [
        [side, f"{speed[side]:.1f}", f"{speed[side] / speed[SHIPPED]:.2f}×", f"{median(outcomes[side], 'peak_gb'):.1f}"]
        for side in SIDES
    ]
    title = f"A training step on this CPU, batch {BATCH}; median of {arguments.rounds} rounds in turn"
    show(title, ["side", "pairs/s", "of as shipped", "peak GB"], rows)
    write("cpu_choices", {"speed": speed, "outcomes": outcomes})


if __name__ == "__main__":
    main()
