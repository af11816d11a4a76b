"""Generation speed beside transformers' `generate`: `python -m benchmarks.codegen_generation`.

The same model, prompts, number format, threads and stop texts. The peer item by item, as evaluation scripts have it;
and, for what batching alone gives, in batches of 16 of like length. Three ways of decoding: greedy, five samples, five
beams. Greedy and beam answers are compared text by text.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import in_turn, median, show, write

OURS, PEER, BATCHED = "ours", "item by item", "batches of 16"
SIDES = (OURS, PEER, BATCHED)
SAMPLES, BATCH, STOP = 5, 16, ("\n### ",)


def prompts(count: int) -> list[str]:
    """Documentation of the standard library as instructions."""
    from common.corpora.stdlib import stdlib_corpus

    asked = [pair.query for pair in stdlib_corpus().train[: 7 * count : 7]]
    return [f"### Instruction:\n{text}\n### Response:\n" for text in asked]


def measure(side: str, model: str, count: int, new: int) -> dict[str, Any]:
    """Generated tokens per second of one side for each way of decoding, after a warm-up, and the answers."""
    import torch

    from common.models.generator import load_generator, load_generator_tokenizer, resolve_generator
    from common.models.precision import choose_dtype

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    base = resolve_generator(model)
    loaded = load_generator(base, device, dtype=choose_dtype("auto", device))
    tokenizer = load_generator_tokenizer(base)
    asked = prompts(count)
    answer = _ours(loaded, tokenizer, base, new) if side == OURS else _peer(loaded, tokenizer, new, side == BATCHED)
    answer(asked[:2], "greedy")
    found: dict[str, Any] = {}
    for way in ("greedy", "sampled", "beams"):
        start = time.perf_counter()
        texts, tokens = answer(asked, way)
        found[way] = tokens / (time.perf_counter() - start)
        found[f"{way} texts"] = texts
        found[f"{way} tokens"] = tokens
    return found


Answer = Callable[[list[str], str], tuple[list[list[str]], int]]


def _ours(model: Any, tokenizer: Any, base: Any, new: int) -> Answer:
    from common.models.generation import Generator
    from common.models.sampling import Sampling

    ways = {
        "greedy": Sampling(temperature=0, max_new_tokens=new, stop=STOP),
        "sampled": Sampling(samples=SAMPLES, max_new_tokens=new, stop=STOP),
        "beams": Sampling(samples=SAMPLES, beams=SAMPLES, max_new_tokens=new, stop=STOP),
    }
    generator = Generator.of(model, tokenizer, base)

    def answer(asked: list[str], way: str) -> tuple[list[list[str]], int]:
        answers = generator.answers(asked, ways[way])
        return [each.texts for each in answers], sum(each.tokens for each in answers)

    return answer


def _peer(model: Any, tokenizer: Any, new: int, batched: bool) -> Answer:
    import torch

    ways: dict[str, dict[str, Any]] = {
        "greedy": {"do_sample": False},
        "sampled": {"do_sample": True, "temperature": 0.8, "top_p": 0.95, "num_return_sequences": SAMPLES},
        "beams": {"do_sample": False, "num_beams": SAMPLES, "num_return_sequences": SAMPLES},
    }

    def answer(asked: list[str], way: str) -> tuple[list[list[str]], int]:
        order = sorted(range(len(asked)), key=lambda place: -len(asked[place]))
        size = BATCH if batched else 1
        texts: dict[int, list[str]] = {}
        tokens = 0
        for start in range(0, len(order), size):
            places = order[start : start + size]
            given = tokenizer([asked[place] for place in places], return_tensors="pt", padding=True)
            ids, mask = given["input_ids"].to(model.device), given["attention_mask"].to(model.device)
            with torch.inference_mode():
                out = model.generate(
                    input_ids=ids, attention_mask=mask, max_new_tokens=new, stop_strings=list(STOP),
                    tokenizer=tokenizer, pad_token_id=tokenizer.pad_token_id, **ways[way],
                )  # fmt: skip
            rows = out[:, ids.shape[1] :].tolist()
            tokens += sum(_length(row, tokenizer) for row in rows)
            decoded = [_cut(tokenizer.decode(row, skip_special_tokens=True)) for row in rows]
            each = len(rows) // len(places)
            texts |= {place: decoded[n * each : (n + 1) * each] for n, place in enumerate(places)}
        return [texts[place] for place in range(len(asked))], tokens

    return answer


def _length(row: list[int], tokenizer: Any) -> int:
    """Tokens up to the one that ends the text; what fills a row up does not count."""
    if tokenizer.eos_token_id in row:
        return row.index(tokenizer.eos_token_id) + 1
    while row and row[-1] == tokenizer.pad_token_id:
        row.pop()
    return len(row)


def _cut(text: str) -> str:
    return min((text.split(stop)[0] for stop in STOP), key=len)


def main() -> None:
    """Measure all sides in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="stand-in", help="a folder or a Hub id")
    parser.add_argument("--prompts", type=int, default=48)
    parser.add_argument("--new-tokens", type=int, default=96)
    parser.add_argument("--side", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        found = measure(given.side[0], given.model, given.prompts, given.new_tokens)
        Path(given.side[1]).write_text(json.dumps(found), encoding="utf-8")
        return
    extra = ["--model", given.model, "--prompts", str(given.prompts), "--new-tokens", str(given.new_tokens)]
    outcomes = in_turn("benchmarks.codegen_generation", SIDES, given.rounds, extra)
    speed = {side: {way: median(o, way) for way in ("greedy", "sampled", "beams")} for side, o in outcomes.items()}
    rows, ratios = [], {}
    for way in ("greedy", "sampled", "beams"):
        theirs = outcomes[PEER][0][f"{way} texts"]
        for side in SIDES:
            same = [a == b for a, b in zip(outcomes[side][0][f"{way} texts"], theirs, strict=True)]
            shown = f"{sum(same)} of {len(same)}" if way != "sampled" else "–"
            ratio = speed[side][way] / speed[PEER][way]
            rows.append([f"{way}, {side}", f"{speed[side][way]:.0f}", f"{ratio:.2f}×", shown])
        ratios[way] = {
            "over_item_by_item": speed[OURS][way] / speed[PEER][way],
            "over_batches": speed[OURS][way] / speed[BATCHED][way],
        }
    title = f"{given.prompts} prompts, up to {given.new_tokens} new tokens, {given.model}; median of {given.rounds}"
    show(title, ["way, side", "tokens/s", "of item by item", "same answers as item by item"], rows)
    kept = {side: [{k: v for k, v in one.items() if "texts" not in k} for one in o] for side, o in outcomes.items()}
    write("codegen_generation", {"ratios": ratios, "speed": speed, "outcomes": kept})


if __name__ == "__main__":
    main()
