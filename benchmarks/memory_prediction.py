"""Predicted against measured peak memory: `python -m benchmarks.memory_prediction`.

First the PEFT study's figure 1: ten models and methods, predicted from their public hyper-parameters, beside the GB
that were published (no GPU is used). Then real training on this machine's CPU: models of 50 to 200 million random
weights are built, each trained three steps in a process of its own through our loading and wrapping, and the process's
highest resident memory (VmHWM) is set beside the prediction. Aim: within 15 %.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import run_side, show, write
from common.adapters.methods import METHODS, PeftSpec, bits_of
from common.models.footprint import Workload, predict
from common.models.shapes import Shapes
from common.models.study_memory import figure_1

MODULE = "benchmarks.memory_prediction"
AIM = 0.15
STEPS = 3


@dataclass(frozen=True)
class Case:
    """One training to measure."""

    config: dict[str, Any]
    """A model's configuration."""
    peft: dict[str, Any]
    work: dict[str, Any]


_LLAMA = {
    "model_type": "llama", "vocab_size": 16_000, "hidden_size": 768, "intermediate_size": 2048,
    "num_hidden_layers": 12, "num_attention_heads": 12, "num_key_value_heads": 12,
}  # fmt: skip
_CODEGEN = {
    "model_type": "codegen", "vocab_size": 16_000, "n_embd": 768, "n_layer": 10, "n_head": 12, "rotary_dim": 32,
    "n_positions": 1024, "n_inner": None, "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0,
}  # fmt: skip
_T5 = {
    "model_type": "t5", "vocab_size": 16_000, "d_model": 768, "d_kv": 64, "num_heads": 12, "d_ff": 3072,
    "num_layers": 8, "num_decoder_layers": 8, "dropout_rate": 0.0, "decoder_start_token_id": 0,
}  # fmt: skip
CASES: dict[str, Case] = {
    "llama-110m full, adamw": Case(
        _LLAMA, {"method": "full"}, {"rows": 2, "length": 128, "answer": 64, "dtype": "fp32"}
    ),
    "llama-110m lora": Case(_LLAMA, {"method": "lora"}, {"rows": 4, "length": 256, "answer": 128, "dtype": "fp32"}),
    "llama-110m lora, checkpointing": Case(
        _LLAMA, {"method": "lora"}, {"rows": 8, "length": 256, "answer": 64, "dtype": "fp32", "checkpointing": True}
    ),
    "llama-110m qlora-4bit": Case(
        _LLAMA, {"method": "qlora-4bit"}, {"rows": 4, "length": 256, "answer": 128, "dtype": "fp32"}
    ),
    "codegen-95m lora": Case(_CODEGEN, {"method": "lora"}, {"rows": 4, "length": 256, "answer": 128, "dtype": "fp32"}),
    "t5-145m full, adafactor": Case(
        _T5, {"method": "full"},
        {"rows": 2, "length": 128, "answer": 128, "dtype": "fp32", "optimiser": "adafactor"},
    ),
}  # fmt: skip


def train(case: Case, folder: Path) -> dict[str, float]:
    """Build the model, train it three steps, give the process's highest resident memory in GB."""
    import resource

    import torch
    from transformers import AutoConfig
    from transformers.optimization import Adafactor

    from common.adapters.wrapping import parameter_groups, wrap_generator
    from common.models.generator import load_generator, resolve_generator
    from common.models.memory import return_freed_memory

    torch.set_num_threads(1)
    imported = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    spec, work = PeftSpec(**case.peft), Workload(**case.work)
    base = resolve_generator(str(folder))
    dtype = torch.float32 if METHODS[spec.method].trains_base or work.dtype == "fp32" else torch.bfloat16
    model: Any = load_generator(base, torch.device("cpu"), dtype=dtype, quantise=bits_of(spec))
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    model = wrap_generator(model, spec, base, 0, steps=100).train()
    if work.checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    groups = parameter_groups(model, spec, 1e-4)
    kind = torch.optim.AdamW if work.optimiser == "adamw" else Adafactor
    own = {} if work.optimiser == "adamw" else {"scale_parameter": False, "relative_step": False}
    optimiser = kind(groups, **own)  # type: ignore[operator]
    words = AutoConfig.from_pretrained(folder).vocab_size
    ids = torch.randint(2, words, (work.rows, work.length))
    given: dict[str, Any] = {"input_ids": ids, "use_cache": False}
    target = ids[:, -work.answer :]
    if base.kind == "seq2seq":
        given["decoder_input_ids"] = target
    else:
        given["logits_to_keep"] = work.answer
    for _ in range(STEPS):
        logits = model(**given).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), target.flatten())
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        return_freed_memory()  # as the training loop does
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"imported": imported / 1e9, "loaded": loaded / 1e9, "peak": peak / 1e9}


def build(config: dict[str, Any], folder: Path) -> None:
    """A model with random weights, saved in `folder`."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    torch.manual_seed(0)
    auto = AutoModelForSeq2SeqLM if config["model_type"] == "t5" else AutoModelForCausalLM
    own = {key: value for key, value in config.items() if key != "model_type"}
    auto.from_config(AutoConfig.for_model(config["model_type"], **own)).save_pretrained(folder)


def published() -> list[dict[str, Any]]:
    """Figure 1, printed and returned."""
    rows = figure_1()
    show(
        "Peak GPU memory of the PEFT study (figure 1), in GB: predicted from public hyper-parameters",
        ["model, method", "predicted", "published", "ratio"],
        [[row.name, f"{row.predicted:.2f}", f"{row.published:.2f}", f"{row.ratio:.2f}"] for row in rows],
    )
    return [{"name": row.name, "predicted": row.predicted, "published": row.published} for row in rows]


def measured(names: list[str]) -> list[dict[str, Any]]:
    """Each case in a process of its own; printed and returned."""
    outcomes: list[dict[str, Any]] = []
    for name in names:
        case = CASES[name]
        with tempfile.TemporaryDirectory(prefix="memory-") as folder:
            run_side(MODULE, f"build/{name}", [folder])
            found = run_side(MODULE, f"train/{name}", [folder])
            shapes = Shapes.read(Path(folder))
        assert shapes
        predicted = predict(PeftSpec(**case.peft), shapes, Workload(**case.work))
        ratio = predicted.peak / 1e9 / found["peak"]
        outcomes.append({
            "name": name, "parameters": shapes.parameters, "predicted": predicted.peak / 1e9,
            "measured": found["peak"], "ratio": ratio, "imported": found["imported"], "loaded": found["loaded"],
            "parts": {key: value / 1e9 for key, value in predicted.parts().items()}, "passed": abs(ratio - 1) <= AIM,
        })  # fmt: skip
    show(
        f"Peak resident memory of {STEPS} training steps on this CPU, in GB; aim within {AIM:.0%}",
        ["model, method", "parameters", "predicted", "measured", "ratio", "verdict"],
        [
            [one["name"], f"{one['parameters'] / 1e6:.0f}M", f"{one['predicted']:.2f}", f"{one['measured']:.2f}",
             f"{one['ratio']:.2f}", "pass" if one["passed"] else "FAIL"]
            for one in outcomes
        ],
    )  # fmt: skip
    return outcomes


def main() -> int:
    """Both tables; status 1 where a measured run is further off than the aim."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", nargs="*", default=list(CASES), metavar="NAME", help=f"among {', '.join(CASES)}")
    parser.add_argument("--side", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("folder", nargs="?", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        what, name = arguments.side[0].split("/", 1)
        found: dict[str, float] = {}
        if what == "build":
            build(CASES[name].config, arguments.folder)
        else:
            found = train(CASES[name], arguments.folder)
        Path(arguments.side[1]).write_text(json.dumps(found), encoding="utf-8")
        return 0
    if unknown := set(arguments.cases) - set(CASES):
        parser.error(f"unknown case {min(unknown)!r}: there are {', '.join(CASES)}")
    figure, outcomes = published(), measured(arguments.cases)
    write("memory_prediction", {"aim": AIM, "figure_1": figure, "outcomes": outcomes})
    return 0 if all(one["passed"] for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
