"""Search results as tables that people read."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table

LABELS = {"bm25": "BM25", "zero_shot": "zero-shot", "adapter": "adapter", "hybrid": "hybrid"}
COLUMNS = {
    "mrr": "MRR",
    "ndcg@10": "NDCG@10",
    "recall@1": "R@1",
    "recall@5": "R@5",
    "recall@10": "R@10",
    "precision@6": "P@6",
    "xlcost_mrr": "XLCoST MRR",
}
PROTOCOLS = {"collapsed": "copies merged", "multi_positive": "all solutions of a problem relevant"}
DIFFERENCE = "adapter_minus_zero_shot"


def render(result: dict[str, Any]) -> str:
    """A table of all systems, ×100, with MRR's 95 % interval, and what the adapter changes; for each protocol."""
    strict = result["repeated_documents"] > 0 or any(name in result for name in PROTOCOLS)
    parts = [_systems(result, f"{result['dataset']}{', strict' * strict}")]
    parts += [_systems(result[name], label) for name, label in PROTOCOLS.items() if name in result]
    return "\n".join([*parts, *_fusion(result)])


def render_languages(result: dict[str, Any]) -> str:
    """A row for each language, MRR ×100, and rows for both means; such a table for each protocol that differs."""
    languages = result["languages"]
    parts = [_by_language(result, "MRR by language (×100)", _strict)]
    for name, label in PROTOCOLS.items():
        if name in result["macro"]:
            parts.append(_by_language(result, f"MRR, {label} (×100)", partial(_under, name)))
    if DIFFERENCE in result["macro"]:
        parts += [_gain_line(result["macro"], "macro"), _gain_line(result["micro"], "micro")]
        lost = [name for name, block in languages.items() if block[DIFFERENCE]["mrr"]["high"] < 0]
        parts += [f"the adapter is worse beyond the interval in: {', '.join(lost)}"] if lost else []
    return "\n".join(parts)


def render_training(result: dict[str, Any]) -> str:
    """The table, where the adapter is, and what to do next."""
    if "adapters" in result:
        return _render_per_language(result)
    adapter, training, run = result["adapter"], result["training"], result["run_dir"]
    lines = [render_languages(result) if "languages" in result else render(result)]
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
    ]
    if result.get("indexed"):
        lines.append(f'  python -m jobs.search_code "copy a file and its permissions" --index {run}')
    lines.append(f"  mlflow ui --backend-store-uri {result['tracking']['uri']}")
    if result["data"]["source"] == "stdlib":
        lines.append("  python -m jobs.train_search --config jobs/configs/stdlib.yaml --run-dir runs/stdlib")
    return "\n".join(lines)


def _render_per_language(result: dict[str, Any]) -> str:
    """The table of languages, and each adapter's place and training."""
    table = Table(title="one adapter per language")
    for label in ("language", "pairs", "pairs/s", "best step", "registry", "adapter"):
        table.add_column(label, justify="right" if label in ("pairs", "pairs/s", "best step") else "left")
    warnings = []
    for language, adapter in result["adapters"].items():
        training = result["training"][language]
        warnings += [f"warning: {language}: {warning}" for warning in training.get("warnings", [])]
        table.add_row(
            language,
            f"{result['data'][language]['pairs']:,}",
            f"{training['pairs_per_second']:.0f}",
            f"{training['best_step']} of {training['steps']}",
            f"{adapter['name']}@{adapter['alias']}, version {adapter['version']}",
            f"RUN/{language}/adapter",
        )
    lines = [render_languages(result), to_text(table), *warnings, f"RUN        {result['run_dir']}"]
    return "\n".join([*lines, f"tracking   {result['tracking']['uri']}"])


def to_text(table: Table) -> str:
    """The table as plain text, as wide as it needs to be."""
    console = Console(file=io.StringIO(), width=110, force_terminal=False)
    console.print(table)
    return console.file.getvalue().rstrip()  # type: ignore[attr-defined]


def _systems(block: dict[str, Any], title: str) -> str:
    """One protocol's table of systems, and the line on the adapter."""
    first = next(iter(block["metrics"].values()))
    columns = {metric: label for metric, label in COLUMNS.items() if metric in first}
    table = Table(title=f"{title}: {block['queries']:,} queries, {block['documents']:,} documents (×100)")
    table.add_column("system")
    for label in columns.values():
        table.add_column(label, justify="right")
        if label == "MRR":
            table.add_column("95 % interval", justify="right")
    for system, metrics in block["metrics"].items():
        cells = [LABELS[system]]
        for metric in columns:
            cells.append(f"{100 * metrics[metric]['value']:.1f}")
            if metric == "mrr":
                cells.append(_interval(metrics[metric]))
        table.add_row(*cells)
    if block.get("repeated_documents"):
        ceiling = [f"{100 * block['ceiling'][metric]:.1f}" for metric in columns]
        table.add_row("strict ceiling", ceiling[0], "", *ceiling[1:])
    return "\n".join([to_text(table), *([_gain_line(block, "")] if DIFFERENCE in block else [])])


def _fusion(result: dict[str, Any]) -> list[str]:
    """How the hybrid weighs its legs, where a dev split has chosen it."""
    if not (chosen_on := result.get("fusion", {}).get("chosen_on")):
        return []
    weights = result["fusion"]["weights"]
    parts = f"{weights['lexical']:.1f} × BM25 + {weights['dense']:.1f} × dense"
    return [f"hybrid = {parts}, of {'scores' if weights['method'] == 'scores' else 'ranks'}, chosen on {chosen_on}"]


def _by_language(result: dict[str, Any], title: str, pick: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
    """One protocol's table of languages; `pick` finds it in a language's block and in a mean's."""
    ceilings = [block["ceiling"]["mrr"] for block in result["languages"].values()]
    strict = pick(result["macro"]) is result["macro"] and min(ceilings) < 0.9995
    compares = DIFFERENCE in result["macro"]
    systems = [system for system in pick(result["macro"])["metrics"] if not (compares and system == "hybrid")]
    table = Table(title=title)
    table.add_column("language")
    labels = ["queries", "documents", *(LABELS[system] for system in systems)]
    labels += ["Δ adapter"] * compares + ["gain"] * compares + ["ceiling"] * strict
    for label in labels:
        table.add_column(label, justify="right")
    means = {"macro mean": result["macro"], "micro mean": result["micro"]}
    for name, whole in {**result["languages"], **means}.items():
        block = pick(whole)
        if name == "macro mean":
            table.add_section()
        documents = f"{block['documents']:,}" if "documents" in block else ""
        cells = [name, f"{block['queries']:,}", documents]
        cells += [f"{100 * block['metrics'][system]['mrr']['value']:.1f}" for system in systems]
        if compares:
            change, gain = block[DIFFERENCE]["mrr"], block["relative_gain"].get("mrr")
            cells.append(f"{_signed(change['value'])} ({_interval(change, signed=True)})")
            cells.append(f"{_signed(gain['value'])} %" if gain else "")
        table.add_row(*cells, *([f"{100 * whole['ceiling']['mrr']:.1f}"] if strict else []))
    return to_text(table)


def _strict(block: dict[str, Any]) -> dict[str, Any]:
    return block


def _under(protocol: str, block: dict[str, Any]) -> dict[str, Any]:
    """The protocol's figures; where it changes nothing, the strict ones are those."""
    return block.get(protocol, block)


def _gain_line(block: dict[str, Any], of: str) -> str:
    """What the adapter changes, in points and per cent."""
    change, gain = block[DIFFERENCE]["mrr"], block.get("relative_gain", {}).get("mrr")
    line = (
        f"adapter − zero-shot{f', {of}' * bool(of)}: {_signed(change['value'])} MRR points "
        f"(95 % {_interval(change, signed=True)})"
    )
    return f"{line}, {_signed(gain['value'])} % relative ({_interval(gain, signed=True)})" if gain else line


def _interval(value: dict[str, float], *, signed: bool = False) -> str:
    low, high = value["low"], value["high"]
    return f"{_signed(low)} … {_signed(high)}" if signed else f"{100 * low:.1f} … {100 * high:.1f}"


def _signed(value: float) -> str:
    """×100 with its sign; a value that rounds to nothing has a plus."""
    return f"{round(100 * value, 1) + 0.0:+.1f}"
