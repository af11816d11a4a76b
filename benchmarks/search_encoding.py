"""Encoding speed beside sentence-transformers: `python -m benchmarks.search_encoding`.

The same documents, model, length (256 tokens) and processor. The peer at its defaults (fp32, batch 32, its own
sorting by length), and at its best: bf16 weights or bf16 autocast, several batch sizes, whichever is fastest.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import in_turn, median, show, write

OURS, DEFAULT = "ours", "st-default"
BEST = tuple(f"st-{kind}-{batch}" for kind in ("bf16", "autocast", "bf16eager") for batch in (16, 32))
COUNT = 1200


def documents() -> list[str]:
    """Functions of the standard library, without their documentation."""
    from common.corpora.stdlib import stdlib_corpus

    return [pair.document for pair in stdlib_corpus().train[:COUNT]]


def measure(side: str) -> dict[str, Any]:
    """Texts per second of one side, after a warm-up, and its vectors."""
    from common.models.loading import resolve

    base, texts = resolve("minilm"), documents()
    if side == OURS:
        from common.models.encoder import Encoder

        encoder = Encoder.load(base)

        def encode(batch: list[str]) -> np.ndarray:
            return encoder.encode(batch, "document")
    else:
        encode = _peer(side, base.folder)
    encode(texts[:128])
    start = time.perf_counter()
    vectors = encode(texts)
    seconds = time.perf_counter() - start
    exact = _exact(base.folder, texts[:200])
    cosine = float((vectors[:200] * exact).sum(1).min())
    return {"texts_per_second": len(texts) / seconds, "lowest_cosine": cosine}


def _peer(side: str, folder: Path) -> Any:
    import torch
    from sentence_transformers import SentenceTransformer

    _, kind, batch = (side + "-32").split("-")[:3]
    options: dict[str, Any] = {"dtype": torch.bfloat16} if kind.startswith("bf16") else {}
    if kind.endswith("eager"):
        options["attn_implementation"] = "eager"
    model = SentenceTransformer(str(folder), device="cpu", model_kwargs=options)
    assert model.max_seq_length == 256

    def encode(batch_of_texts: list[str]) -> np.ndarray:
        with torch.autocast("cpu", torch.bfloat16, enabled=kind == "autocast"):
            vectors = model.encode(batch_of_texts, batch_size=int(batch), convert_to_tensor=True)
        return torch.nn.functional.normalize(vectors.float(), dim=1).numpy()

    return encode


def _exact(folder: Path, texts: list[str]) -> np.ndarray:
    """The peer's fp32 vectors: what everybody's are compared with."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu").encode(texts, normalize_embeddings=True)


def main() -> None:
    """Measure all sides in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        Path(arguments.side[1]).write_text(json.dumps(measure(arguments.side[0])), encoding="utf-8")
        return
    outcomes = in_turn("benchmarks.search_encoding", (OURS, DEFAULT, *BEST), arguments.rounds)
    speed = {side: median(rounds, "texts_per_second") for side, rounds in outcomes.items()}
    best = max(BEST, key=speed.__getitem__)
    rows = [
        [
            side + (" (its best)" if side == best else ""),
            f"{speed[side]:.0f}",
            f"{speed[OURS] / speed[side]:.2f}×",
            f"{median(outcomes[side], 'lowest_cosine'):.5f}",
            f"{median(outcomes[side], 'peak_gb'):.1f}",
        ]
        for side in speed
    ]
    title = f"Encoding {COUNT:,} functions, MiniLM, 256 tokens; median of {arguments.rounds} rounds in turn"
    show(title, ["side", "texts/s", "we are faster by", "lowest cosine to fp32", "peak GB"], rows)
    ratios = {"over_default": speed[OURS] / speed[DEFAULT], "over_best": speed[OURS] / speed[best]}
    write("search_encoding", {"ratios": ratios, "best": best, "speed": speed, "outcomes": outcomes})


if __name__ == "__main__":
    main()
