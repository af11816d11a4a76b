"""Several techniques in turn, each a run of `jobs.train_codegen`; a resubmission trains what is missing."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from common.errors import AdapterError
from common.runs import Result, RunFolder
from jobs.codegen.compare_config import CompareMethodsConfig
from jobs.codegen.pipeline import evaluation_of, figures_of, resolved, train_codegen
from jobs.ray_session import connected

log = logging.getLogger(__name__)


def compare_methods(config: CompareMethodsConfig) -> Result:
    """Train each technique, score each, and the bare base once; returns the rows of the table.

    A technique that does not fit the base has a row with the reason instead of figures.
    """
    folder = config.run_dir or Path("runs/compare_methods")
    with RunFolder.open(folder, config) as run:
        run.log_to_file()
        refused = _refused(config)
        able = [method for method in config.methods if method not in refused]
        rows: list[dict[str, Any]] = []
        results: dict[str, Result] = {}
        with connected(config.cluster):
            for method in able:
                log.info("technique %s", method)
                child = config.child(method, base=method == able[0])
                results[method] = train_codegen(child.model_copy(update={"run_dir": run.path / method}))
            first = results[able[0]] if able else None
            if first:
                rows.append(_row("zero-shot", {n: systems["base"] for n, systems in first["metrics"].items()}))
            if first and config.icl:
                rows.append(_icl(config, first, run.path))
        rows += [_trained(method, results[method]) for method in able]
        rows += [{**_row(method, {}), "refused": why} for method, why in refused.items()]
        return run.finish(
            {
                "job": "compare_methods",
                "model": first["model"]["id"] if first else config.model,
                "sets": list(first["metrics"]) if first else [],
                "rows": rows,
                "run_dir": str(run.path),
            }
        )


def _refused(config: CompareMethodsConfig) -> dict[str, str]:
    """Techniques that do not fit the base, with the table's reason."""
    found: dict[str, str] = {}
    for method in config.methods:
        try:
            resolved(config.child(method, base=False))
        except AdapterError as error:
            found[method] = error.message
    return found


def _row(technique: str, metrics: dict[str, Any]) -> dict[str, Any]:
    nothing = {"trainable": None, "peak_bytes": None, "seconds": None, "tokens_per_second": None}
    return {"technique": technique, "metrics": metrics, **nothing}


def _trained(method: str, result: Result) -> dict[str, Any]:
    training = result["training"]
    return {
        "technique": method,
        "metrics": {name: systems["adapter"] for name, systems in result["metrics"].items()},
        "trainable": training["trainable_parameters"],
        "peak_bytes": max(training["peak_memory"]["bytes"]),
        "predicted_bytes": result["memory"]["predicted"],
        "seconds": training["seconds"],
        "tokens_per_second": training["tokens_per_second"],
    }


def _icl(config: CompareMethodsConfig, first: Result, folder: Path) -> dict[str, Any]:
    """The bare base with solved examples before each question."""
    from jobs.codegen.evaluate_pipeline import evaluate_codegen

    one = Path(first["run_dir"])
    asked = evaluation_of(config, first["data"], one, "icl", None, icl={"examples": config.icl})
    result = evaluate_codegen(asked.model_copy(update={"run_dir": folder / f"icl-{config.icl}"}))
    peak = (result["memory"] or {}).get("peak_bytes")
    metrics = {name: figures_of(block) for name, block in result["sets"].items()}
    return {**_row(f"ICL, {config.icl} examples", metrics), "trainable": 0, "peak_bytes": peak}
