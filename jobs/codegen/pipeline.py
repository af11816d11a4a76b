"""The generation-training job, step by step: data, training, evaluation, registration, export. Finished steps are kept.

RUN/adapter                the adapter with its manifest
RUN/evaluation/NAME        runs of jobs.evaluate_codegen: `base` and `adapter`
RUN/merged                 base and adapter as one model, where it is exported
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from common.adapters.folder import adapter_digest
from common.adapters.generators import check_generation, described, merge_adapter
from common.adapters.manifest import BaseReference, Manifest, write_manifest
from common.adapters.registry import register
from common.adapters.wrapping import check_generator_fit
from common.models.generator import GeneratorBase, resolve_generator
from common.prompts import TEMPLATES
from common.runs import Result, RunFolder
from common.tracking import end_run
from jobs.codegen.config import TrainCodegenConfig
from jobs.codegen.data import SAMPLE, TOKENS, prepare
from jobs.codegen.evaluate_config import EvaluateCodegenConfig
from jobs.codegen.memory import check_memory
from jobs.codegen.push import push
from jobs.lineage import LET_GO, Trial, start_tracking
from jobs.ray_session import connected
from jobs.training.generative_recipe import GenerativeInput
from jobs.training.tokenised import TokenStore

log = logging.getLogger(__name__)
ADAPTER, MERGED, DATA = "adapter", "merged", "data"


def train_codegen(config: TrainCodegenConfig) -> Result:
    """Run the job in its run folder, or go on with it; returns the result, also of a run that was complete already."""
    with RunFolder.open(run_folder(config), config) as run:
        if done := run.result():
            return done
        run.log_to_file()
        base = resolved(config)
        data, predicted, tracked = _before_training(config, run, base)
        with connected(config.cluster) as use_gpu:
            trained = run.step("train", lambda: _train(config, base, data, tracked, run.path, use_gpu, None))
            scores = run.step("evaluate", lambda: _evaluate(config, base, data, run.path))
        adapter = run.step("register", lambda: _register(config, base, data, tracked, trained, scores, run.path))
        if config.export == "merged":
            adapter["merged"] = run.step("export", lambda: _export(base, run.path))["path"]
        if config.push:
            adapter["pushed"] = run.step("push", lambda: push(str(config.push), run.path))["to"]
        return run.finish(
            {
                "job": "train_codegen",
                "model": {"id": base.name, "digest": base.digest, "architecture": base.architecture},
                "method": config.peft.method,
                "adapter": adapter,
                "data": data,
                "training": trained,
                "memory": {**predicted, "measured": trained["peak_memory"]},
                **scores,
                "tracking": tracked,
                "run_dir": str(run.path),
            }
        )


def run_trial(config: TrainCodegenConfig, trial: Trial) -> Result:
    """The job up to its trained adapter, as a trial of a sweep; returns the summary of the training.

    The folder is a run folder of the job: `train_codegen` on it goes on with the evaluation.
    """
    with RunFolder.open(run_folder(config), config, patience=LET_GO) as run, connected(config.cluster) as use_gpu:
        run.log_to_file()
        base = resolved(config)
        data, _, tracked = _before_training(config, run, base)

        def train() -> Result:
            trained = _train(config, base, data, tracked, run.path, use_gpu, trial)
            if trained["ended"] != "pause":
                _write_manifest(config, base, data, run.path, {})
            return trained

        return train() if trial.pausing else run.step("train", train)


def run_folder(config: TrainCodegenConfig) -> Path:
    """Where the run works."""
    return config.run_dir or Path("runs/train_codegen")


def resolved(config: TrainCodegenConfig) -> GeneratorBase:
    """The base, once method, checkpointing and the adapter to start from are known to fit it."""
    base = resolve_generator(config.model, config.revision)
    check_generator_fit(config.peft, base, checkpointing=config.training.gradient_checkpointing)
    if config.start:
        check_generation(config.start, base, expected=config.peft)
    return base


def _before_training(config: TrainCodegenConfig, run: RunFolder, base: GeneratorBase) -> tuple[Result, Result, Result]:
    """The steps before any worker: what is said of data, predicted memory and tracking."""
    data = run.step("data", lambda: prepare(config, base, run.path / DATA))
    predicted = run.step("memory", lambda: predicted_memory(config, base, run.path / DATA))
    tracked = run.step(
        "tracking",
        lambda: start_tracking(
            "train_codegen", config, config.tracking, base_digest=base.digest, fingerprint=data["fingerprint"],
            folder=run.path,
        ),
    )  # fmt: skip
    return data, predicted, tracked


def predicted_memory(config: TrainCodegenConfig, base: GeneratorBase, data: Path) -> Result:
    """The footprint of a worker as the result has it; raises `ModelError` where it cannot fit."""
    found = check_memory(config, base, TokenStore(data / TOKENS / "train"))
    if found is None:
        return {"predicted": None, "parts": {}}
    return {"predicted": round(found.peak), "parts": {name: round(size) for name, size in found.parts().items()}}


def _train(
    config: TrainCodegenConfig, base: GeneratorBase, data: Result, tracked: Result, folder: Path, use_gpu: bool,
    trial: Trial | None,
) -> Result:  # fmt: skip
    from jobs.training.trainer import launch

    problems = folder / DATA / "problems" / "dev.jsonl"
    sampled = bool(data["dev_sample"])
    job = GenerativeInput(
        base=base,
        peft=config.peft,
        recipe=config.training,
        template=TEMPLATES[data["template"]],
        train=folder / DATA / TOKENS / "train",
        dev=folder / DATA / TOKENS / "dev",
        dev_sample=folder / DATA / SAMPLE if sampled else None,
        dev_problems=problems if sampled and problems.exists() else None,
        data_digest=data["tokens_digest"],
        start=config.start,
        output=folder / ADAPTER,
        metrics=folder / "metrics.jsonl",
        tracking_uri=tracked["uri"],
        tracking_run=tracked["run_id"],
        gate=trial.gate if trial else None,
        resume_from=trial.resume_from if trial else None,
    )
    steps = config.training.schedule(data["examples"]).steps
    return launch(
        _generative, job.model_dump(mode="json"), config.cluster, folder / "ray", curve=job.metrics, steps=steps,
        use_gpu=use_gpu,
    )  # fmt: skip


def _generative(raw: dict[str, Any]) -> dict[str, Any]:
    """The workers import transformers, and whoever starts them need not: a sweep starts many."""
    from jobs.training.generative import train_worker

    return train_worker(raw)


def _evaluate(config: TrainCodegenConfig, base: GeneratorBase, data: Result, folder: Path) -> Result:
    from jobs.codegen.evaluate_pipeline import evaluate_codegen

    _write_manifest(config, base, data, folder, {})  # the loader checks an adapter against its manifest
    systems = {"base": None, "adapter": folder / ADAPTER} if config.evaluation.base else {"adapter": folder / ADAPTER}
    metrics: dict[str, dict[str, Any]] = {}
    for system, adapter in systems.items():
        log.info("scoring the %s", system)
        result = evaluate_codegen(evaluation_of(config, data, folder, system, adapter))
        for name, block in result["sets"].items():
            metrics.setdefault(name, {})[system] = figures_of(block)
    return {"metrics": metrics}


def evaluation_of(
    config: TrainCodegenConfig, data: Result, folder: Path, system: str, adapter: Path | None, **other: Any
) -> EvaluateCodegenConfig:
    """The evaluation of the base or the adapter on the run's own test sets."""
    how = config.evaluation
    values = {
        "run_dir": folder / "evaluation" / system,
        "model": config.model,
        "revision": config.revision,
        "adapter": adapter,
        "train_run": folder,
        "prompt": data["template"],
        "decoding": how.decoding,
        "run_tests": how.run_tests,
        "ks": how.ks,
        "sets": how.sets,
        "seed": config.training.seed,
        "cluster": config.cluster,
    }
    return EvaluateCodegenConfig.model_validate({**values, **other})


def figures_of(block: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The figures of one test set with their intervals: matches, CodeBLEU, chrF, pass@k."""
    tests = block.get("tests") or {}
    passes = {name: value for name, value in tests.items() if name.startswith("pass@") or name == "avg_tests_passed"}
    return {**block["metrics"], **passes}


def _register(
    config: TrainCodegenConfig, base: GeneratorBase, data: Result, tracked: Result, trained: Result, scores: Result,
    folder: Path,
) -> Result:  # fmt: skip
    manifest = _write_manifest(config, base, data, folder, scores["metrics"])
    manifest = register(folder / ADAPTER, manifest, uri=tracked["uri"], run_id=tracked["run_id"], alias=config.alias)
    final = {
        f"{name}/{system}/{metric}": value["value"]
        for name, systems in scores["metrics"].items()
        for system, metrics in systems.items()
        for metric, value in metrics.items()
    }
    peak = max(trained["peak_memory"]["bytes"]) / 1e9
    end_run(tracked["uri"], tracked["run_id"], {**final, "peak_memory_gb": peak})
    return {
        "path": str(folder / ADAPTER),
        "name": manifest.name,
        "version": manifest.version,
        "alias": config.alias,
        "digest": manifest.digest,
    }


def _write_manifest(
    config: TrainCodegenConfig, base: GeneratorBase, data: Result, folder: Path, scores: Result
) -> Manifest:
    told = {key: data[key] for key in ("sources", "examples", "fingerprint")}
    if config.start:
        told["started_from"] = adapter_digest(config.start)
    template = TEMPLATES[data["template"]]
    manifest = Manifest(
        name=config.name or f"generation-{'-'.join(data['sources'])}",
        task="generation",
        language="python",
        base=BaseReference(id=base.name, revision=base.revision, digest=base.digest),
        peft=described(config.peft, base),
        prompts={"template": template.name, "text": template.text},
        pooling=None,
        max_length=config.training.max_length or base.positions,
        data=told,
        scores=scores,
        digest=adapter_digest(folder / ADAPTER),
    )
    write_manifest(folder / ADAPTER, manifest)
    return manifest


def _export(base: GeneratorBase, folder: Path) -> Result:
    import torch

    cpu = torch.device("cpu")
    return {"path": str(merge_adapter(base, folder / ADAPTER, folder / MERGED, device=cpu, dtype=torch.bfloat16))}
