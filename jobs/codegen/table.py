"""What a training run found, as tables that people read: base beside adapter, and methods side by side."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from jobs.codegen.evaluate_table import to_text

COLUMNS = {
    "em@1": "EM@1", "em@10": "EM@10", "codebleu": "CodeBLEU", "chrf": "chrF", "avg_tests_passed": "tests passed",
    "pass@1": "pass@1", "pass@5": "pass@5", "pass@10": "pass@10",
}  # fmt: skip


def render_training(result: dict[str, Any]) -> str:
    """Base and adapter on each test set, ×100 with 95 % intervals; then the training and where everything is."""
    parts = [to_text(_systems(name, systems)) for name, systems in result["metrics"].items()]
    training, adapter, data = result["training"], result["adapter"], result["data"]
    measured, predicted = max(training["peak_memory"]["bytes"]) / 1e9, result["memory"]["predicted"]
    said = f" (predicted {predicted / 1e9:.2f})" if predicted else ""
    parts += [f"warning: {warning}" for warning in training["warnings"]]
    if count := data["left_out"]["too_long"]:
        parts.append(f"left out of training: {count:,} examples that are too long (data/left_out.jsonl)")
    parts += [
        "",
        f"trained {training['trainable_parameters']:,} of {training['parameters']:,} parameters on "
        f"{data['examples']:,} examples in {training['seconds']:.0f} s at {training['tokens_per_second']:,.0f} "
        f"tokens/s; the adapter is of step {training['best_step']} of {training['steps']}, dev loss "
        f"{training['best_dev_loss']:.3f}",
        f"memory     {measured:.2f} GB a worker{said}",
        f"adapter    {adapter['path']}  ({adapter['digest'][:12]}…)",
        f"registry   {adapter['name']}@{adapter['alias']}, version {adapter['version']}",
        f"tracking   {result['tracking']['uri']}",
    ]
    parts += [f"merged     {adapter['merged']}"] if "merged" in adapter else []
    parts += [f"pushed     {where}" for where in adapter.get("pushed", [])]
    return "\n".join(parts)


def render_methods(result: dict[str, Any]) -> str:
    """One row for each technique and test set."""
    parts = []
    for name in result["sets"]:
        rows = [row for row in result["rows"] if name in row["metrics"]]
        columns = [column for column in COLUMNS if any(column in row["metrics"][name] for row in rows)]
        table = Table(title=f"{name}: {result['model']} (×100)")
        for label in ("technique", *(COLUMNS[column] for column in columns), "trainable", "peak GB", "time s"):
            table.add_column(label, justify="left" if label == "technique" else "right", no_wrap=True)
        for row in rows:
            figures = row["metrics"][name]
            table.add_row(
                row["technique"],
                *(_with_interval(figures[column]) if column in figures else "" for column in columns),
                f"{row['trainable']:,}" if row["trainable"] is not None else "–",
                f"{row['peak_bytes'] / 1e9:.2f}" if row["peak_bytes"] else "–",
                f"{row['seconds']:.0f}" if row["seconds"] is not None else "–",
            )
        parts.append(to_text(table))
    refused = [f"{row['technique']}: {row['refused']}" for row in result["rows"] if row.get("refused")]
    return "\n".join([*parts, *refused, f"runs       {result['run_dir']}"])


def _systems(name: str, systems: dict[str, dict[str, Any]]) -> Table:
    columns = [column for column in COLUMNS if any(column in figures for figures in systems.values())]
    table = Table(title=f"{name} (×100, 95 % interval)")
    table.add_column("system")
    for column in columns:
        table.add_column(COLUMNS[column], justify="right", no_wrap=True)
    for system, figures in systems.items():
        table.add_row(system, *(_with_interval(figures[column]) if column in figures else "" for column in columns))
    return table


def _with_interval(figure: dict[str, float]) -> str:
    return f"{100 * figure['value']:.1f} ({100 * figure['low']:.1f}–{100 * figure['high']:.1f})"
