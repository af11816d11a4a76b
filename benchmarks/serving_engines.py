"""Many adapters on one base: `python -m benchmarks.serving_engines`. The engines alone; `benchmarks.serving` adds HTTP.

Encoding: the packaged MiniLM, 32 requests in flight, each with its adapter and one text: a docstring of the standard
library as a search asks it, or with --texts documents a function as an index reads it. The bare base; one adapter; 32
adapters; 500 registered ones, drawn by a power law, of which the store holds 100; and the peer, a server that switches
PEFT's adapter for each request. Decoding: a random 6-layer, 384-wide Llama, 32 answers of 64 tokens at a time: the
base, one adapter, 32 adapters; and two peers: PEFT's `adapter_names` in one batch, and switching adapters between
requests. All in one process, in turn; the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from benchmarks.harness import show, write
from benchmarks.serving_adapters import SPEC, popular, record, save

IN_FLIGHT, FEW, MANY, HELD = 32, 32, 500, 100
ROWS, NEW = 32, 64
ENCODING = ("bare base", "one adapter", "32 adapters", "500 registered", "switching (peer)")
DECODING = ("bare base", "one adapter", "32 adapters", "adapter_names (peer)", "switching (peer)")
Run = Callable[[], float]


def in_rounds(runs: dict[str, Run], rounds: int) -> dict[str, list[float]]:
    """Figures of each way, measured in turn after one turn that does not count."""
    for run in runs.values():
        run()
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append(run())
    return found


def encoding(folder: Path, requests: int, kind: Literal["query", "document"]) -> dict[str, Run]:
    """Ways to encode; each gives texts per second."""
    import torch
    from peft import PeftModel

    from common.adapters.methods import PeftSpec
    from common.adapters.wrapping import wrap
    from common.corpora.stdlib import stdlib_corpus
    from common.models.encoder import Encoder
    from common.models.loading import resolve
    from serving.engines.encoding import EncodingEngine
    from serving.store import AdapterStore

    base = resolve("minilm")
    wrapped = wrap(Encoder.load(base, precision="fp32").model, PeftSpec(**SPEC), base.lora_targets, 0)
    folders = save(wrapped, base, "search", folder, MANY)
    adapters = [record(one) for one in folders]
    engine = EncodingEngine(base)
    texts = [getattr(pair, kind) for pair in stdlib_corpus().train[:requests]]
    rows = engine.tokenize(texts, kind)
    size = engine.load(folders[0], adapters[0])
    limit = HELD * size.bytes
    engine.unload(size)

    def ours(named: Sequence[Any]) -> float:
        async def run() -> float:
            store = AdapterStore(
                lambda one: engine.load(one.place.folder or folder, one), engine.unload, limit_bytes=limit
            )
            turns = asyncio.Semaphore(IN_FLIGHT)
            await store.preload([one for one in dict.fromkeys(named) if one][:HELD])

            async def one(row: list[int], adapter: Any) -> None:
                async with turns:
                    if adapter is None:
                        await asyncio.wrap_future(engine.submit([row], None))
                        return
                    async with store.hold(adapter) as loaded:
                        await asyncio.wrap_future(engine.submit([row], loaded))

            start = time.perf_counter()
            await asyncio.gather(*(one(row, adapter) for row, adapter in zip(rows, named, strict=True)))
            seconds = time.perf_counter() - start
            await store.close()
            return seconds

        return len(rows) / asyncio.run(run())

    encoder = Encoder.load(base)
    switched: Any = PeftModel.from_pretrained(encoder.model, folders[0], adapter_name=folders[0].name)
    for one in folders[1:FEW]:
        switched.load_adapter(one, adapter_name=one.name)
    encoder.model = switched.to(encoder.dtype).eval()

    def switching() -> float:
        start = time.perf_counter()
        with torch.inference_mode():
            for number, row in enumerate(rows):
                switched.set_adapter(folders[number % FEW].name)
                encoder.encode_ids([row])
        return len(rows) / (time.perf_counter() - start)

    return {
        ENCODING[0]: lambda: ours([None] * len(rows)),
        ENCODING[1]: lambda: ours([adapters[0]] * len(rows)),
        ENCODING[2]: lambda: ours([adapters[number % FEW] for number in range(len(rows))]),
        ENCODING[3]: lambda: ours(popular(adapters, len(rows), seed=0)),
        ENCODING[4]: switching,
    }


def decoding(folder: Path) -> dict[str, Run]:
    """Ways to decode; each gives tokens per second."""
    import torch
    from peft import PeftModel
    from transformers import LlamaConfig, LlamaForCausalLM

    from common.adapters.methods import PeftSpec
    from common.adapters.wrapping import wrap_generator
    from common.models.generator import load_generator, load_generator_tokenizer, resolve_generator
    from common.models.precision import choose_dtype
    from serving.engines.decoding import DecodingEngine
    from serving.records import Limits

    stand_in = resolve_generator()
    tokenizer = load_generator_tokenizer(stand_in)
    torch.manual_seed(0)
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=384, intermediate_size=1024, num_hidden_layers=6,
            num_attention_heads=6, max_position_embeddings=1024,
        )
    ).save_pretrained(folder / "base")  # fmt: skip
    tokenizer.save_pretrained(folder / "base")
    base = resolve_generator(str(folder / "base"))
    cpu = torch.device("cpu")
    dtype = choose_dtype("auto", cpu)
    wrapped = wrap_generator(load_generator(base, cpu, dtype=torch.float32), PeftSpec(**SPEC), base, 0, steps=1)
    folders = save(wrapped, base, "generation", folder, FEW)
    engine = DecodingEngine(base)
    loaded = [engine.load(one, record(one)) for one in folders]
    prompts = [tokenizer(f"def function_{number}(a, b):\n    ")["input_ids"] for number in range(ROWS)]
    limits = Limits(max_tokens=NEW, temperature=0, top_p=1, stop=(), seed=0)

    def ours(named: Sequence[Any]) -> float:
        import queue

        told: queue.Queue[Any] = queue.Queue()
        start = time.perf_counter()
        for prompt, one in zip(prompts, named, strict=True):
            engine.submit(prompt, limits, one, told.put)
        left, tokens = len(prompts), 0
        while left:
            piece = told.get()
            if isinstance(piece, Exception):
                raise piece
            tokens, left = tokens + piece.tokens, left - (piece.finish is not None)
        return tokens / (time.perf_counter() - start)

    peft: Any = PeftModel.from_pretrained(
        load_generator(base, cpu, dtype=dtype), folders[0], adapter_name=folders[0].name, autocast_adapter_dtype=False
    )
    for one in folders[1:]:
        peft.load_adapter(one, adapter_name=one.name, autocast_adapter_dtype=False)
    peft.to(dtype).eval()
    fixed = {
        "max_new_tokens": NEW, "min_new_tokens": NEW, "do_sample": False, "pad_token_id": tokenizer.pad_token_id,
    }  # fmt: skip

    def generated(rows: Sequence[list[int]], **more: Any) -> int:
        length = max(map(len, rows))
        ids = torch.tensor([[tokenizer.pad_token_id] * (length - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
        with torch.inference_mode():
            out = peft.generate(input_ids=ids, attention_mask=mask, **fixed, **more)
        return (out.shape[1] - length) * len(rows)

    def named() -> float:
        start = time.perf_counter()
        tokens = generated(prompts, adapter_names=[one.name for one in folders])
        return tokens / (time.perf_counter() - start)

    def switching() -> float:
        """A step of each request in turn would switch 32 times a token; a server that does better answers one request
        to its end, then switches."""
        start, tokens = time.perf_counter(), 0
        for prompt, one in zip(prompts, folders, strict=True):
            peft.set_adapter(one.name)
            tokens += generated([prompt])
        return tokens / (time.perf_counter() - start)

    return {
        DECODING[0]: lambda: ours([None] * ROWS),
        DECODING[1]: lambda: ours([loaded[0]] * ROWS),
        DECODING[2]: lambda: ours(loaded),
        DECODING[3]: named,
        DECODING[4]: switching,
    }


def table(title: str, unit: str, found: dict[str, list[float]]) -> dict[str, float]:
    """Print medians and what each is of one adapter's; returns the medians."""
    medians = {name: statistics.median(values) for name, values in found.items()}
    one = medians["one adapter"]
    rows = [
        [name, f"{value:.0f}", f"{value / one:.2f}", f"{min(found[name]):.0f} … {max(found[name]):.0f}"]
        for name, value in medians.items()
    ]
    show(title, ["way", unit, "of one adapter's", "rounds"], rows)
    return medians


def of_encoding(medians: dict[str, float]) -> list[tuple[str, float, float]]:
    """What is claimed: words, ratio, at least."""
    one, few = medians["one adapter"], medians["32 adapters"]
    return [
        ("encoding: 32 adapters / one", few / one, 0.9),
        ("encoding: 500 registered / one", medians["500 registered"] / one, 0.85),
        ("encoding: 32 adapters / switching", few / medians["switching (peer)"], 3),
        ("encoding: one adapter / bare base", one / medians["bare base"], 0.9),
    ]


def of_decoding(medians: dict[str, float]) -> list[tuple[str, float, float]]:
    """As `of_encoding`."""
    few = medians["32 adapters"]
    return [
        ("decoding: 32 adapters / one", few / medians["one adapter"], 0.9),
        ("decoding: 32 adapters / adapter_names", few / medians["adapter_names (peer)"], 2),
        ("decoding: 32 adapters / switching", few / medians["switching (peer)"], 10),
    ]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=512, help="texts to encode in a round")
    parser.add_argument("--texts", choices=("queries", "documents"), default="queries")
    parser.add_argument("--only", choices=("encoding", "decoding"), help="one half of it")
    given = parser.parse_args()
    kind: Literal["query", "document"] = "query" if given.texts == "queries" else "document"
    result: dict[str, dict[str, list[float]]] = {}
    claims: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory() as scratch:
        if given.only != "decoding":
            result["encoding"] = in_rounds(encoding(Path(scratch) / "encoding", given.requests, kind), given.rounds)
            claims += of_encoding(table(f"encoding {given.texts}, 32 in flight", "texts/s", result["encoding"]))
        if given.only != "encoding":
            result["decoding"] = in_rounds(decoding(Path(scratch) / "decoding"), given.rounds)
            claims += of_decoding(table("decoding, 32 answers at a time", "tokens/s", result["decoding"]))
    rows = [[what, f"{ratio:.2f}", f"{least:g}", "yes" if ratio >= least else "NO"] for what, ratio, least in claims]
    show("statements", ["", "ratio", "asked ≥", "holds"], rows)
    write("serving_engines", {**result, "texts": given.texts, "statements": claims})


if __name__ == "__main__":
    main()
