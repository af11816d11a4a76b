"""Search results as tables that people read."""

from __future__ import annotations

import io
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table

LABELS = {"bm25": "BM25", "zero_shot": "zero-shot", "adapter": "adapter", "hybrid": "hybrid"}
COLUMNS = {"mrr": "MRR", "ndcg@10": "NDCG@10", "recall@1": "R@1", "recall@5": "R@5", "recall@10": "R@10"}


def render(result: dict[str, Any]) -> str:
    """One table of all systems, ×100, with MRR's 95 % interval, then the difference the adapter makes."""
    table = Table(title=f"{result['dataset']}: {result['queries']:,} queries, {result['documents']:,} documents (×100)")
    table.add_column("system")
    for label in COLUMNS.values():
        table.add_column(label, justify="right")
        if label == "MRR":
            table.add_column("95 % interval", justify="right")
    for system, metrics in result["metrics"].items():
        cells = [LABELS[system]]
        for metric in COLUMNS:
            cells.append(f"{100 * metrics[metric]['value']:.1f}")
            if metric == "mrr":
                cells.append(_interval(metrics[metric]))
        table.add_row(*cells)
    if result["repeated_documents"]:
        ceiling = [f"{100 * result['ceiling'][metric]:.1f}" for metric in COLUMNS]
        table.add_row("strict ceiling", ceiling[0], "", *ceiling[1:])
    lines = [to_text(table)]
    if difference := result.get("adapter_minus_zero_shot"):
        mrr = difference["mrr"]
        relative = mrr["value"] / result["metrics"]["zero_shot"]["mrr"]["value"]
        lines.append(
            f"adapter − zero-shot: {100 * mrr['value']:+.1f} MRR points "
            f"(95 % {_interval(mrr, signed=True)}), {100 * relative:+.1f} % relative"
        )
    return "\n".join(lines)


def render_training(result: dict[str, Any]) -> str:
    """The table, where the adapter is, and what to do next."""
    adapter, training, run = result["adapter"], result["training"], result["run_dir"]
    lines = [render(result)]
    lines += [f"warning: {warning}" for warning in training.get("warnings", [])]
    lines += [
        "",
        f"trained on {result['data']['pairs']:,} pairs at {training['pairs_per_second']:.0f} pairs/s; best of "
        f"{len(training['dev_curve'])} dev scores at step {training['best_step']} of {training['steps']}",
        f"adapter    {adapter['path']}  ({adapter['digest'][:12]}…)",
        f"registry   {adapter['name']}@{adapter['alias']}, version {adapter['version']}",
        f"tracking   {result['tracking']['uri']}",
        "",
        "next:",
        f'  python -m jobs.search_code "copy a file and its permissions" --index {run}',
        f"  mlflow ui --backend-store-uri {result['tracking']['uri']}",
        "  python -m jobs.train_search --config jobs/configs/stdlib.yaml --run-dir runs/stdlib",
    ]
    return "\n".join(lines)


def to_text(table: Table) -> str:
    """The table as plain text, as wide as it needs to be."""
    console = Console(file=io.StringIO(), width=110, force_terminal=False)
    console.print(table)
    return console.file.getvalue().rstrip()  # type: ignore[attr-defined]


def _interval(value: dict[str, float], *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    return f"{100 * value['low']:{sign}.1f} … {100 * value['high']:{sign}.1f}"


def render_hits(result: dict[str, Any]) -> str:
    """Hits with path:line, symbol, cosine and the first lines of code; in colour where a terminal shows it."""
    console = Console(file=io.StringIO(), width=110, force_terminal=sys.stdout.isatty())
    for query, hits in zip(result["queries"], result["hits"], strict=True):
        console.print(f"\n[bold]{escape(query)}[/bold]", highlight=False)
        for place, hit in enumerate(hits, start=1):
            console.print(
                f"  {place}. [cyan]{escape(hit['path'])}:{hit['start_line']}[/cyan]  {escape(hit['symbol'])}"
                f"  [dim]{hit['score']:.2f}[/dim]",
                highlight=False,
            )
            if hit["snippet"]:
                code = Syntax(hit["snippet"], hit["language"] or "text", background_color="default", word_wrap=False)
                console.print(Padding(code, (0, 0, 0, 5)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    where = f"; paths are relative to {result['root']}" if result["root"] else ""
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join([*lines, "", f"{result['documents']:,} functions searched{where}"])
