"""The evaluation, step by step: fit the questions, have them answered, score the answers, run them where tests are."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from common.adapters.manifest import read_manifest
from common.adapters.methods import PeftSpec, bits_of
from common.corpora.lines import json_line
from common.errors import RunFolderError
from common.metrics.codegen import score_generations
from common.models.generator import GeneratorBase, load_generator_tokenizer, resolve_generator
from common.progress import progress
from common.prompts import program_of
from common.runs import Result, RunFolder, whole_file, write_json
from jobs.codegen.answering import ROWS, Asked, Done, Model, answered, units
from jobs.codegen.evaluate_config import EvaluateCodegenConfig
from jobs.codegen.evaluate_context import context_of, context_row, tell_long
from jobs.codegen.evaluate_inputs import (
    SHOWN,
    AskedSet,
    Data,
    Item,
    Prediction,
    digest_of,
    fitted_items,
    found_code,
    load_data,
    read_predictions,
)
from jobs.codegen.evaluate_ledger import PREDICTIONS, UNITS, PredictionLedger
from jobs.codegen.retrieval import Retrieval
from jobs.ray_session import connected

log = logging.getLogger(__name__)
INPUTS = "inputs.json"


def evaluate_codegen(config: EvaluateCodegenConfig) -> Result:
    """Run the job in its run folder, or go on with it; returns the result, also of a run that was complete already.

    Raises `UserError` where model, data or predictions cannot be used, or are no longer those that the run began with.
    """
    with RunFolder.open(run_folder(config), config) as run:
        if done := run.result():
            return done
        run.log_to_file()
        made = _scored_file(config) if config.predictions else _generated(config, run)
        sets = made["sets"]
        alone = next(iter(sets.values())) if len(sets) == 1 else {}
        first = {name: alone[name] for name in ("metrics", "tests") if alone.get(name)}
        return run.finish({"job": "evaluate_codegen", "codebleu": config.codebleu, **first, **made,
                           "run_dir": str(run.path)})  # fmt: skip


def run_folder(config: EvaluateCodegenConfig) -> Path:
    """Where the job works."""
    return config.run_dir or Path("runs/evaluate_codegen")


def quantise_of(config: EvaluateCodegenConfig) -> Any:
    """How the base is stored: as asked, or as the adapter's method has it."""
    if config.quantise != "auto":
        return config.quantise
    if config.adapter is None:
        return "none"
    known = read_manifest(config.adapter).peft
    return bits_of(PeftSpec(method=known["method"])) if "method" in known else "none"


def _scored_file(config: EvaluateCodegenConfig) -> dict[str, Any]:
    assert config.predictions is not None
    found = read_predictions(config.predictions)
    for problem in found.bad[:SHOWN]:
        log.warning("left out: %s", problem)
    if len(found.bad) > SHOWN:
        log.warning("left out: %d lines more", len(found.bad) - SHOWN)
    sets: dict[str, list[Prediction]] = {}
    for prediction in found.good:
        sets.setdefault(prediction.set, []).append(prediction)
    left_out = {"count": len(found.bad), "first": [str(problem) for problem in found.bad[:SHOWN]]}
    return {
        "predictions": str(config.predictions),
        "left_out": left_out,
        "sets": {name: {"items": len(its), **_scores(config, name, its)} for name, its in sets.items()},
    }


def _scores(config: EvaluateCodegenConfig, name: str, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """`metrics` over the items that have a reference."""
    against = [prediction for prediction in predictions if prediction.reference.strip()]
    if not against:
        return {"referenced": 0, "metrics": {}}
    log.info("scoring %d predictions of %s", len(against), name)
    references, candidates = [one.reference for one in against], [one.candidates for one in against]
    figures = score_generations(references, candidates, ks=config.ks, mode=config.codebleu, seed=config.seed)
    return {"referenced": len(against), "metrics": figures}


def _generated(config: EvaluateCodegenConfig, run: RunFolder) -> dict[str, Any]:
    assert config.model is not None
    base = resolve_generator(config.model, config.revision)
    if config.adapter:
        from common.adapters.folder import check

        check(config.adapter, base)  # before anything is loaded
    data = load_data(config, base)
    code = found_code(config, data, run)
    items = fitted_items(config, data, base, load_generator_tokenizer(base), code, run)
    digest = digest_of(items)
    _check_unchanged(run.path, digest)
    tell_long(config, items)
    kept = [item for item in items if not item.fitted.excess or config.too_long == "empty"]
    with PredictionLedger(run.path / PREDICTIONS) as ledger:
        speed = _answer(config, run.path, kept, ledger)
        missing = [item for item in kept if item.key not in ledger.rows]
        if missing:
            raise RunFolderError(f"{len(missing):,} items have no answers", "the same command goes on from here")
        predictions = {item.key: ledger.prediction(item.key) for item in kept}
    sets = {}
    for test in data.sets:
        its = [item for item in items if item.set is test]
        found = [predictions[item.key] for item in its if item.key in predictions]
        sets[test.name] = {
            "source": test.source,
            "items": len(found),
            "prompt": test.template.name,
            "decoding": test.sampling.model_dump(mode="json"),
            "context": context_of(its),
            **_scores(config, test.name, found),
            "tests": _judged(config, run.path, test, found) if config.run_tests and test.problems else None,
        }
    return {
        "model": {"id": base.name, "digest": base.digest, "quantise": quantise_of(config)},
        "adapter": _adapter(config),
        "icl": config.icl.model_dump(mode="json"),
        "rag": {**config.rag.model_dump(mode="json"), **(_index(code) if code else {})},
        "sets": sets,
        "speed": speed,
        "memory": _memory(run.path / UNITS),
        "inputs_digest": digest,
    }


def _answer(
    config: EvaluateCodegenConfig, run: Path, items: Sequence[Item], ledger: PredictionLedger
) -> dict[str, Any]:
    """Have everything answered that is not in the ledger; returns how fast that was."""
    known = {item.key: item for item in items}
    if stray := [key for key in ledger.rows if key not in known]:
        raise RunFolderError(f"{ledger.path} has an item that is not asked: {stray[0]}", "give a new --run-dir")
    before = len(ledger.rows)
    todo = [item for item in items if item.key not in ledger.rows]
    for item in todo:
        if item.fitted.excess:
            ledger.append(_row(item, [""] * item.set.sampling.samples, 0))
    todo = [item for item in todo if not item.fitted.excess]
    asked = [(Asked(item.key, item.fitted.prompt, item.fitted.tokens, item.seed), item.set.sampling) for item in todo]
    tokens, started = 0, time.perf_counter()
    if asked:
        assert config.model is not None
        model = Model(config.model, config.revision, config.adapter, quantise_of(config), config.batch_tokens,
                      max(1, int(config.cluster.cpus_per_worker)))  # fmt: skip
        with connected(config.cluster) as use_gpu, progress(len(todo), "answering", "items") as bar:
            started = time.perf_counter()
            work = units(asked, ROWS[use_gpu])
            with closing(answered(work, model, config.cluster, use_gpu=use_gpu)) as finished:
                for done in finished:
                    for key, answers in done.answers.items():
                        ledger.append(_row(known[key], answers, done.tokens[key]))
                        tokens += done.tokens[key]
                        bar.update()
                    _note(run / UNITS, done)
    seconds = time.perf_counter() - started
    return {
        "items": len(todo), "items_from_before": before, "tokens": tokens, "seconds": round(seconds, 2),
        "tokens_per_second": round(tokens / seconds, 1) if tokens else 0.0,
    }  # fmt: skip


def _row(item: Item, answers: Sequence[str], tokens: int) -> dict[str, Any]:
    """A line of the ledger. Half surrogates, which JSON can spell and UTF-8 cannot, become question marks."""
    programs = (program_of(item.set.template, item.example, answer) for answer in answers)
    fitted = item.fitted
    row: dict[str, Any] = {
        "set": item.set.name, "id": item.example.id, "reference": item.example.code,
        "candidates": [program.encode("utf-8", "replace").decode() for program in programs],
        "prompt_tokens": fitted.tokens, "new_tokens": tokens,
    }  # fmt: skip
    if item.example.problem_id is not None:
        row["problem_id"] = item.example.problem_id
    row |= context_row(item)
    if fitted.excess:
        row |= {"candidates": list(answers), "too_long_by": fitted.excess}
    return row


def _judged(
    config: EvaluateCodegenConfig, run: Path, test: AskedSet, predictions: Sequence[Prediction]
) -> dict[str, Any]:
    """What `jobs.evaluate_apps` says of the answers, in a run folder of its own below ours."""
    from jobs.apps.config import EvaluateAppsConfig
    from jobs.apps.pipeline import evaluate_apps
    from jobs.execution.pool import PoolConfig

    folder = run / "tests" / test.name
    problems, candidates = folder / "problems.jsonl", folder / "candidates.jsonl"
    samples: dict[str, list[str]] = {}
    for prediction in predictions:
        if prediction.problem_id is not None:
            samples.setdefault(prediction.problem_id, []).extend(prediction.candidates)
    lines = [{"problem_id": name, "sample": sample, "code": code}
             for name, codes in samples.items() for sample, code in enumerate(codes)]  # fmt: skip
    for path, rows in ((problems, test.problems), (candidates, lines)):
        with whole_file(path) as file:
            file.writelines(json_line(path, number, row).encode() for number, row in enumerate(rows, start=1))
    result = evaluate_apps(EvaluateAppsConfig(
        run_dir=folder / "run", problems=str(problems), candidates=str(candidates), layout="apps", mode=config.mode,
        limits=config.limits, sandbox=config.sandbox, seed=config.seed,
        cluster=PoolConfig(address=config.cluster.address, num_workers=config.cluster.num_workers),
    ))  # fmt: skip
    names = ("problems", "samples", "avg_tests_passed", "strict_accuracy", "by_difficulty", "mode", "isolation")
    passes = [name for name in result if name.startswith("pass@")]
    return {**{name: result[name] for name in (*names, *passes)}, "run_dir": result["run_dir"]}


def _adapter(config: EvaluateCodegenConfig) -> dict[str, Any] | None:
    if config.adapter is None:
        return None
    manifest = read_manifest(config.adapter)
    return {"path": str(config.adapter), "name": manifest.name, "method": manifest.peft.get("method"),
            "digest": manifest.digest}  # fmt: skip


def _index(code: Retrieval) -> dict[str, Any]:
    """What was searched."""
    return {"index_generation": code.generation, "index_units": code.units, "picked": code.picked()}


def _check_unchanged(run: Path, digest: str) -> None:
    """Keep the digest of the prompts at the first submission; raise `RunFolderError` where a later one has others."""
    stored = run / INPUTS
    if not stored.exists():
        write_json(stored, {"digest": digest})
    elif json.loads(stored.read_text("utf-8"))["digest"] != digest:
        raise RunFolderError(f"the questions are not what they were when the run in {run} began",
                             "give a new --run-dir, or remove the folder to start over")  # fmt: skip


def _note(path: Path, done: Done) -> None:
    told = {name: value for name, value in asdict(done).items() if name not in ("answers", "tokens")}
    row = {**told, "items": len(done.answers), "tokens": sum(done.tokens.values())}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def _memory(path: Path) -> dict[str, Any] | None:
    """The largest peak of all workers of all submissions; of the process on a CPU, else of the device."""
    rows = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            rows.append(json.loads(line))
        except ValueError:  # cut off when the job died
            continue
    if not rows:
        return None
    top: Mapping[str, Any] = max(rows, key=lambda row: row["peak_bytes"])
    return {"peak_bytes": top["peak_bytes"], "device": top["device"], "workers": len({row["worker"] for row in rows})}


def inputs(config: EvaluateCodegenConfig) -> tuple[GeneratorBase, Data, list[Item], Retrieval | None]:
    """What a run would ask, looked at without a run folder: for `--dry-run`."""
    assert config.model is not None
    base = resolve_generator(config.model, config.revision)
    if config.adapter:
        from common.adapters.folder import check

        check(config.adapter, base)
    data = load_data(config, base)
    code = found_code(config, data)
    return base, data, fitted_items(config, data, base, load_generator_tokenizer(base), code), code
