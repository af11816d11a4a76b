"""Sweeps with made-up figures."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import random

from tuning.outcome import Sweep, Trial


def trial(config=None, *, status="finished", metric=0.4, steps=100, **more):
    config = config or {}
    name = hashlib.sha256(json.dumps([config, len(config)], default=str).encode()).hexdigest()[:16]
    trained = {"finished": steps, "refused": 0}.get(status, steps // 4)
    return Trial(**{"id": name, "config": config, "status": status, "metric": metric, "steps": steps,
                    "trained_steps": trained, **more})  # fmt: skip


def sweep(*trials, **more):
    return Sweep(**{"name": "codesearch-minilm", "job": "train_search", "metric": "dev_mrr", "direction": "max",
                    "scheduler": "asha", "trials": trials, "seconds": 5400.0, **more})  # fmt: skip


def realistic(seed=0):
    """lora, dora and ia3 over ranks, alphas and rates: some stopped, one failed, one refused."""
    rng = random.Random(seed)
    grid = [
        {"peft.method": method, "peft.rank": rank, "peft.alpha": float(alpha), "training.learning_rate": rate}
        for method, rank, alpha in itertools.product(("lora", "dora"), (8, 16, 32, 64), (16, 32, 64, 128))
        for rate in (rng.choice((1e-4, 3e-4, 1e-3, 3e-3)),)
    ]
    grid += [{"peft.method": "ia3", "training.learning_rate": rate} for rate in (1e-3, 3e-3, 1e-2)]
    trials = []
    for config in grid:
        rank, rate = config.get("peft.rank"), config["training.learning_rate"]
        top = 0.44 - 0.02 * (math.log10(rate) + 3.1) ** 2 + (0.008 * math.log2(rank / 8) if rank else -0.012)
        top += {"lora": 0.0, "dora": 0.004, "ia3": 0.0}[config["peft.method"]] + rng.gauss(0, 0.002)
        curve = [(step, top - 0.09 * math.exp(-step / 220) + rng.gauss(0, 0.001)) for step in range(100, 1001, 100)]
        size = 18_432 if rank is None else 18_432 * rank + (9_216 if config["peft.method"] == "dora" else 0)
        trials.append((config, curve, size))
    middle = sorted(curve[2][1] for _, curve, _ in trials)[len(trials) // 3]
    out = []
    for index, (config, curve, size) in enumerate(trials):
        status = "failed" if index == 11 else "stopped" if curve[2][1] < middle else "finished"
        curve = {"failed": [], "stopped": curve[:3], "finished": curve}[status]
        last = curve[-1][0] if curve else 40
        out.append(
            trial(
                config, status=status, curve=tuple(curve), steps=1000, trained_steps=last, trainable_parameters=size,
                metric=max((value for _, value in curve), default=None), peak_bytes=int(1.1e9 + 2200 * size),
                seconds=last * (0.21 if config["peft.method"] == "dora" else 0.15),
                reason="the worker was killed for memory at step 40" if status == "failed" else None,
            )
        )  # fmt: skip
    wide = {"peft.method": "lora", "peft.rank": 512, "peft.alpha": 1024.0, "training.learning_rate": 1e-4}
    out.append(trial(wide, status="refused", metric=None, steps=1000, reason="9.4 M parameters: the limit is 5 M"))
    return out
