"""The server over HTTP: `python -m benchmarks.serving`. Its engines without HTTP: `benchmarks.serving_engines`.

A server of its own with the packaged MiniLM and 32 random LoRA adapters in a watched folder; requests of one docstring
of the standard library each, as a search asks it, arriving as a Poisson process, their adapters drawn by a power law
(the method of S-LoRA, Sheng et al. 2023, section 7). The client runs on the same machine and takes its share of the
cores.

- overhead: requests that keep the engine busy for a tenth of the time, so that hardly one waits; the median over HTTP
  less the median of the same texts in the engine alone, at the same moments: a model that has rested is slower, as its
  weights are in no cache
- the limit: what 16 clients that ask without a pause get; then Poisson arrivals at that rate, and at twice that rate:
  99th percentile of the accepted ones, how many were refused with 429, and how many failed in any other way
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.harness import show, write
from benchmarks.serving_adapters import SPEC, popular, record, save

ADAPTERS, CLIENTS = 32, 16
BUSY = 0.1
SHORT = 250  # characters, so that no text has more tokens than the base reads
OVERHEAD_MS, WORSE = 15.0, 2.0


@dataclass
class Outcome:
    """Requests of one run."""

    statuses: Counter[int] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    """Of those that were answered with 200."""
    seconds: float = 0.0

    def percentile(self, percent: float) -> float:
        """Of the milliseconds."""
        return float(np.percentile(self.milliseconds, percent)) if self.milliseconds else float("nan")

    @property
    def rate(self) -> float:
        """Answers with 200 a second."""
        return self.statuses[200] / self.seconds

    def row(self, name: str) -> list[str]:
        """For the table."""
        others = sum(count for status, count in self.statuses.items() if status not in (200, 429))
        return [
            name, f"{sum(self.statuses.values())}", f"{self.rate:.1f}", f"{self.percentile(50):.1f}",
            f"{self.percentile(99):.1f}", str(self.statuses[429]), str(others),
        ]  # fmt: skip


class Client:
    """Asks for vectors."""

    def __init__(self, address: str, texts: Sequence[str], models: Sequence[str]) -> None:
        self._address, self._texts, self._models = address, texts, models

    def _body(self, number: int) -> dict[str, str]:
        text, model = self._texts[number % len(self._texts)], self._models[number % len(self._models)]
        return {"model": model, "input": text, "input_type": "query"}

    async def one(self, session: Any, number: int, outcome: Outcome) -> None:
        """One request, entered into the outcome."""
        start = time.perf_counter()
        async with session.post(f"{self._address}/v1/embeddings", json=self._body(number)) as answer:
            await answer.read()
            outcome.statuses[answer.status] += 1
            if answer.status == 200:
                outcome.milliseconds.append(1000 * (time.perf_counter() - start))

    async def arriving(self, rate: float, seconds: float, seed: int) -> Outcome:
        """Poisson arrivals at `rate` a second, whether or not earlier ones are answered."""
        import aiohttp

        outcome, random = Outcome(), np.random.default_rng(seed)
        tasks: list[asyncio.Task[None]] = []
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            start = due = time.perf_counter()
            while (due := due + random.exponential(1 / rate)) < start + seconds:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                tasks.append(asyncio.create_task(self.one(session, len(tasks), outcome)))
            await asyncio.gather(*tasks)
            outcome.seconds = time.perf_counter() - start
        return outcome

    async def without_pause(self, clients: int, seconds: float) -> Outcome:
        """So many clients, each asking again as soon as it is answered."""
        import aiohttp

        outcome, numbers = Outcome(), iter(range(10**9))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            start = time.perf_counter()

            async def ask() -> None:
                while time.perf_counter() < start + seconds:
                    await self.one(session, next(numbers), outcome)

            await asyncio.gather(*(ask() for _ in range(clients)))
            outcome.seconds = time.perf_counter() - start
        return outcome


class Server:
    """`serving.start` in a process of its own, until the block ends."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        told = {
            "folders": [str(folder)], "port": port,
            "embedding": [{"model": "minilm", "preload": sorted(each.name for each in folder.iterdir())}],
        }  # fmt: skip
        self._config = folder.with_name("server.yaml")
        self._config.write_text(yaml.safe_dump(told), "utf-8")

    def __enter__(self) -> Server:
        command = [sys.executable, "-m", "serving.start", "--config", str(self._config)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "HF_HUB_OFFLINE": "1"})
        while not self._ready():
            if self._process.poll() is not None:
                sys.exit("the server did not start; its message is above")
            time.sleep(0.5)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/ready", timeout=5):
                return True
        except (OSError, urllib.error.HTTPError):
            return False


class Alone:
    """The engine in this process."""

    def __init__(self, folders: Sequence[Path], texts: Sequence[str], named: Sequence[Path]) -> None:
        from common.models.loading import resolve
        from serving.engines.encoding import EncodingEngine

        self._engine = EncodingEngine(resolve("minilm"))
        loaded = {folder: self._engine.load(folder, record(folder)) for folder in folders}
        self._asked = list(zip(texts, [loaded[folder] for folder in named], strict=True))

    def without_pause(self) -> list[float]:
        """Milliseconds of each text, tokenising included."""
        return [self._one(number) for number in range(len(self._asked))]

    def arriving(self, rate: float, seconds: float, seed: int) -> list[float]:
        """As `Client.arriving`, one after the other."""
        random, found = np.random.default_rng(seed), []
        start = due = time.perf_counter()
        while (due := due + random.exponential(1 / rate)) < start + seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
            found.append(self._one(len(found)))
        return found

    def close(self) -> None:
        """Its threads end."""
        self._engine.close()

    def _one(self, number: int) -> float:
        text, loaded = self._asked[number % len(self._asked)]
        start = time.perf_counter()
        self._engine.submit(self._engine.tokenize([text], "query"), loaded).result()
        return 1000 * (time.perf_counter() - start)


def adapters(folder: Path) -> list[Path]:
    """Random adapters for the packaged MiniLM."""
    from common.adapters.methods import PeftSpec
    from common.adapters.wrapping import wrap
    from common.models.encoder import Encoder
    from common.models.loading import resolve

    base = resolve("minilm")
    wrapped = wrap(Encoder.load(base, precision="fp32").model, PeftSpec(**SPEC), base.lora_targets, 0)
    return save(wrapped, base, "search", folder, ADAPTERS)


async def measure(
    client: Client, seconds: float, rounds: int, few_a_second: float
) -> tuple[Outcome, list[tuple[Outcome, Outcome, Outcome]]]:
    """Few requests; and in each round the limit, arrivals at it, and at twice it."""
    await client.without_pause(CLIENTS, seconds / 4)  # warm
    few = await client.arriving(few_a_second, 4 * seconds, seed=0)
    found = []
    for number in range(rounds):
        limit = await client.without_pause(CLIENTS, seconds)
        at = await client.arriving(limit.rate, seconds, seed=2 * number)
        twice = await client.arriving(2 * limit.rate, seconds, seed=2 * number + 1)
        found.append((limit, at, twice))
    return few, found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15, help="of each run")
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    from common.corpora.stdlib import stdlib_corpus

    texts = [pair.query for pair in stdlib_corpus().train if len(pair.query) < SHORT][:256]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "adapters"
        folders = adapters(folder)
        named = popular(folders, len(texts), seed=0)
        engine = Alone(folders, texts, named)
        busy = float(np.median(engine.without_pause()))
        few_a_second = BUSY / (busy / 1000)
        alone = float(np.median(engine.arriving(few_a_second, 4 * given.seconds, seed=0)))
        engine.close()
        with Server(folder) as server:
            client = Client(server.address, texts, [f"minilm:{one.name}" for one in named])
            few, found = asyncio.run(measure(client, given.seconds, given.rounds, few_a_second))
    rows = [few.row(f"{few_a_second:.1f} a second")]
    for number, (limit, at, twice) in enumerate(found, 1):
        rows += [
            limit.row(f"{number}: {CLIENTS} clients"),
            at.row(f"{number}: at that rate"),
            twice.row(f"{number}: twice it"),
        ]
    show("HTTP", ["arrivals", "asked", "answered/s", "p50 ms", "p99 ms", "429", "other errors"], rows)
    overhead = few.percentile(50) - alone
    worst = max(twice.percentile(99) / at.percentile(99) for _, at, twice in found)
    failed = sum(count for _, *runs in found for run in runs for status, count in run.statuses.items() if status >= 500)
    print(f"the engine alone: {alone:.1f} ms at these arrivals, {busy:.1f} ms without a pause")
    print(f"overhead: {few.percentile(50):.1f} − {alone:.1f} = {overhead:.1f} ms (asked ≤ {OVERHEAD_MS:g})")
    print(f"p99 at twice the limit / at the limit: {worst:.2f} (asked ≤ {WORSE:g}); 5xx: {failed} (asked 0)")
    result = {"overhead_ms": overhead, "p99_ratio": worst, "failed": failed, "rows": rows}
    write("serving", result)


if __name__ == "__main__":
    main()
