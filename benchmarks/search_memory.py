"""Memory while training on a large file: `python -m benchmarks.search_memory`.

For each size a JSONL of that many pairs is made, `jobs.train_search` trains a few steps on it as users run it (the
driver and two Ray Train workers), and the private memory (USS) of each process is sampled five times a second. "Above
the model" is what a process held at its peak less what a process holds that has imported the same and loaded base and
adapter. Flat means: a million pairs cost no more than twenty thousand, and 1,500 MB above the model at most.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness import run_side, show, write
from common.corpora.beir import Document, RetrievalSet, write_beir
from common.corpora.pairs import Pair

MODULE = "benchmarks.search_memory"
SIZES = (20_000, 1_000_000)
ALLOWED = 1500.0
"""MB above the model."""
EVERY = 0.2  # seconds between two samples
BATCH, STEPS, HELD_OUT = 32, 40, 400
LANGUAGES = ("go", "java", "javascript", "php", "python", "ruby")
WORKER = "ray::"
PREPARING, TRAINING, AFTERWARDS = "preparing", "training", "afterwards"
STEPS_DONE = {"corpus": TRAINING, "train": AFTERWARDS}
"""Step of the run folder → the phase that begins when it is there."""


def pairs(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Pairs with the lengths of CodeSearchNet: queries of about 12 words, code of about 100 tokens, some of 1,000."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(3, 9))) for _ in range(20_000)]
    for number in range(count):
        name = f"{draw.choice(words)}_{number}"
        query = draw.choices(words, k=min(100, max(3, round(draw.lognormvariate(2.4, 0.5)))))
        code = draw.choices(words, k=min(1000, max(10, round(draw.lognormvariate(4.3, 0.7)))))
        lines = ("    " + " ".join(code[start : start + 8]) for start in range(0, len(code), 8))
        yield {
            "query": " ".join([*query, name]),
            "document": f"def {name}():\n" + "\n".join(lines),
            "language": draw.choice(LANGUAGES),
            "repo": f"owner/project{number // 50}",
            "path": f"src/file{number // 5}.py",
        }


def generate(folder: Path, count: int) -> None:
    """The pairs, and dev and test folders of their own."""
    with (folder / "train.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in pairs(count, seed=0))
    for seed, split in enumerate(("dev", "test"), start=1):
        named = {str(number): Pair(r["query"], r["document"]) for number, r in enumerate(pairs(HELD_OUT, seed))}
        queries = {f"q{key}": pair.query for key, pair in named.items()}
        documents = {f"d{key}": Document(pair.document) for key, pair in named.items()}
        qrels = {f"q{key}": {f"d{key}": 1} for key in named}
        write_beir(folder / split, RetrievalSet(split, queries, documents, qrels))


@dataclass
class Peaks:
    """The largest private and resident memory in MB, by phase and kind of process."""

    uss: dict[tuple[str, str], float] = field(default_factory=dict)
    rss: dict[tuple[str, str], float] = field(default_factory=dict)

    def sample(self, driver: psutil.Process, phase: str) -> None:
        """Look at the driver and each of its Train workers once; the largest worker counts."""
        for kind, process in [("driver", driver), *(("worker", one) for one in train_workers(driver))]:
            try:
                memory = process.memory_full_info()
            except psutil.Error:
                continue
            for peak, value in ((self.uss, memory.uss), (self.rss, memory.rss)):
                peak[phase, kind] = max(peak.get((phase, kind), 0.0), value / 1e6)


def train_workers(driver: psutil.Process) -> list[psutil.Process]:
    """Ray's worker processes below the driver that run the training loop; Ray writes the class into the title."""
    found = []
    for process in driver.children(recursive=True):
        try:
            title = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if title.startswith(WORKER) and "TrainWorker" in title:
            found.append(process)
    return found


def train(folder: Path, count: int, model: str, steps: int) -> tuple[Peaks, dict[str, float]]:
    """Run the job; the peaks, and the seconds each phase took."""
    run = folder / "run"
    command = [
        sys.executable, "-m", "jobs.train_search", "--model", model, "--run-dir", str(run),
        "--data.source", "pairs", "--data.train", str(folder / "train.jsonl"),
        "--data.dev", str(folder / "dev"), "--data.test", str(folder / "test"),
        "--training.batch", str(BATCH), "--training.epochs", repr(steps * BATCH / count),
        "--training.evaluations", "1", "--tracking.uri", f"sqlite:///{folder}/mlflow.db",
    ]  # fmt: skip
    log = folder / "log.txt"
    peaks, seconds, last = Peaks(), dict.fromkeys((PREPARING, TRAINING, AFTERWARDS), 0.0), time.perf_counter()
    with log.open("wb") as out:
        job = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "HF_HUB_OFFLINE": "1"})
        driver = psutil.Process(job.pid)
        try:
            while job.poll() is None:
                phase = PREPARING
                for step, begins in STEPS_DONE.items():
                    phase = begins if (run / "steps" / f"{step}.json").exists() else phase
                peaks.sample(driver, phase)
                now = time.perf_counter()
                seconds[phase], last = seconds[phase] + now - last, now
                time.sleep(EVERY)
        finally:
            job.terminate()  # its Ray processes end with it
            job.wait()
    if job.returncode:
        raise RuntimeError(f"jobs.train_search ended with {job.returncode}:\n{log.read_text('utf-8')[-3000:]}")
    if (TRAINING, "worker") not in peaks.uss:
        raise RuntimeError("no Train worker was seen: Ray titles them otherwise, or the training took no time")
    return peaks, seconds


def model_alone(model: str) -> dict[str, float]:
    """MB that a process holds once it has imported what a worker imports and loaded base and adapter."""
    import torch

    import jobs.training.contrastive  # noqa: F401 - what a worker imports
    from common.adapters.methods import PeftSpec
    from common.adapters.wrapping import wrap
    from common.models.encoder import Encoder, load_model
    from common.models.loading import resolve
    from common.models.precision import choose_dtype

    device, base = torch.device("cpu"), resolve(model)
    dtype = choose_dtype("auto", device)
    adapted = wrap(load_model(base, device).to(device, dtype), PeftSpec(), base.lora_targets, 0)
    encoder = Encoder(base, adapted, dtype, device)
    encoder.tokenize(["one text"], "query")
    return {"mb": psutil.Process().memory_full_info().uss / 1e6}


def measure(count: int, model: str, steps: int, base: float) -> dict[str, Any]:
    """Peaks for one size, and whether they stay within what is allowed."""
    with tempfile.TemporaryDirectory(prefix="memory-") as name:
        folder = Path(name)
        print(f"{count:,} pairs: generating", file=sys.stderr, flush=True)
        generate(folder, count)
        size = (folder / "train.jsonl").stat().st_size / 1e6
        print(f"{count:,} pairs, {size:,.0f} MB: training", file=sys.stderr, flush=True)
        peaks, seconds = train(folder, count, model, steps)
    worker = peaks.uss[TRAINING, "worker"]
    driver = max(peaks.uss.get((phase, "driver"), 0.0) for phase in (PREPARING, TRAINING))
    return {
        "pairs": count,
        "file_mb": size,
        "driver_mb": driver,
        "worker_mb": worker,
        "model_mb": base,
        "worker_above": worker - base,
        "driver_above": driver - base,
        "passed": max(worker, driver) - base <= ALLOWED,
        "uss_mb": _named(peaks.uss),
        "rss_mb": _named(peaks.rss),
        "seconds": seconds,
    }


def _named(peaks: dict[tuple[str, str], float]) -> dict[str, float]:
    return {f"{kind}, {phase}": round(value, 1) for (phase, kind), value in sorted(peaks.items())}


def main() -> int:
    """Measure every size in turn, print the table; status 1 where a size takes more than allowed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, nargs="+", default=list(SIZES), help="sizes of the files")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"steps of {BATCH} pairs")
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--side", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        Path(arguments.side[1]).write_text(json.dumps(model_alone(arguments.model)), encoding="utf-8")
        return 0
    base = run_side(MODULE, "model", ["--model", arguments.model])["mb"]
    outcomes = [measure(count, arguments.model, arguments.steps, base) for count in arguments.pairs]
    keys = ("driver_mb", "worker_mb", "model_mb", "driver_above", "worker_above")
    rows = [
        [f"{one['pairs']:,}", f"{one['file_mb']:,.0f}", *(f"{one[key]:,.0f}" for key in keys),
         "pass" if one["passed"] else "FAIL"]
        for one in outcomes
    ]  # fmt: skip
    title = (
        f"Peak private memory in MB over {arguments.steps} steps of {BATCH}, {arguments.model}; allowed {ALLOWED:,.0f}"
    )
    header = ["pairs", "file", "driver", "worker", "model alone", "driver above", "worker above", "verdict"]
    show(title, header, rows)
    write("search_memory", {"allowed_mb": ALLOWED, "outcomes": outcomes})
    return 0 if all(one["passed"] for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
