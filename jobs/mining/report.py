"""What mining found, as a table in the terminal, as report.md, and for `--dry-run`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from rich.table import Table

from common.corpora.mining.walk import Tree, by_language
from jobs.search.table import to_text

SPLITS = ("train", "dev", "test")


def render(result: dict[str, Any]) -> str:
    """The table by language, where everything went, where it lies, and what to do next."""
    table = Table(title=f"{result['source']}: {result['files']['mined']:,} files")
    for name in ("language", "files", "MB", "functions", "kept", *SPLITS):
        table.add_column(name, justify="left" if name == "language" else "right")
    for cells in _language_rows(result):
        table.add_row(*cells)
    lines = [to_text(table), *(f"{label:<44}{count:>10,}" for label, count in _rows(result)), *_files_left_out(result)]
    return "\n".join([*lines, "", *_speed(result), *_notes(result), "", *_where(result)])


def markdown(result: dict[str, Any]) -> str:
    """The same for a file."""
    header = ("language", "files", "MB", "functions", "kept", *SPLITS)
    rows = "\n".join(f"| {' | '.join(cells)} |" for cells in _language_rows(result))
    account = "\n".join(f"| {label.strip()} | {count:,} |" for label, count in _rows(result))
    rules = list(result["dropped"])
    by_rule = "\n".join(
        f"| {language} | {' | '.join(str(row['dropped'].get(rule, 0)) for rule in rules)} |"
        for language, row in result["languages"].items()
    )
    parts = [
        f"# Pairs from {result['source']}",
        f"{result['root']}" + (f" at commit {result['commit']}" if result["commit"] else ""),
        f"| {' | '.join(header)} |\n|---|{'---:|' * (len(header) - 1)}\n{rows}",
        f"| functions | |\n|---|---:|\n{account}",
        f"Dropped by rule:\n\n| language | {' | '.join(rules)} |\n|---|{'---:|' * len(rules)}\n{by_rule}",
        "Files left out:\n\n" + "\n".join(f"- {line.strip()}" for line in _files_left_out(result)),
        "\n".join(_speed(result)),
        *_notes(result),
        "\n".join(["```", *_where(result), "```"]),
    ]
    return "\n\n".join(parts) + "\n"


def render_tree(tree: Tree) -> str:
    """What a walk found."""
    table = Table(title=str(tree.root))
    for name in ("language", "files", "MB"):
        table.add_column(name, justify="left" if name == "language" else "right")
    for language, (count, size) in by_language(tree.files).items():
        table.add_row(language, f"{count:,}", f"{size / 1e6:,.1f}")
    total = sum(file.size for file in tree.files) / 1e6
    table.add_row("all", f"{len(tree.files):,}", f"{total:,.1f}")
    return "\n".join([to_text(table), f"{len(tree.repositories):,} git repositories", *left_out(tree.skipped.stored())])


def _language_rows(result: dict[str, Any]) -> Iterator[list[str]]:
    rows = result["languages"]
    for language, row in rows.items():
        counts = [row["seen"], row["kept"], *(row["pairs"][split] for split in SPLITS)]
        yield [language, f"{row['files']:,}", f"{row['bytes'] / 1e6:,.1f}", *(f"{count:,}" for count in counts)]
    if len(rows) > 1:
        sums = [sum(row[key] for row in rows.values()) for key in ("files", "bytes", "seen", "kept")]
        splits = (f"{result['sizes'][split]:,}" for split in SPLITS)
        yield ["all", f"{sums[0]:,}", f"{sums[1] / 1e6:,.1f}", f"{sums[2]:,}", f"{sums[3]:,}", *splits]


def _rows(result: dict[str, Any]) -> Iterator[tuple[str, int]]:
    yield "functions seen", result["seen"]
    for rule, count in result["dropped"].items():
        yield f"  − {rule.replace('_', ' ')}", count
    yield "kept by the rules", result["kept"]
    yield "  − exact duplicates", result["exact_duplicates"]
    yield "  − near-duplicates", result["near_duplicates"]
    for name, count in result["contaminated"].items():
        yield f"  − leak in {name}" if not name.startswith("benchmark") else f"  − {name}", count
    yield "  − over the limit", result["over_limit"]
    for split in SPLITS:
        yield f"{split} ({result['groups'][split]:,} groups by {result['split_by']})", result["sizes"][split]


def _files_left_out(result: dict[str, Any]) -> Iterator[str]:
    files = result["files"]
    yield from left_out(files["skipped"])
    if files["broken"]:
        yield f"  {files['broken']:,} files with a syntax error, read as far as they go: {_some(files['broken_first'])}"


def left_out(skipped: dict[str, Any]) -> Iterator[str]:
    for reason, skip in skipped.items():
        counts = [f"{skip[kind]:,} {kind}" for kind in ("files", "folders") if skip[kind]]
        yield f"  left out, {reason}: {' and '.join(counts)}: {_some(skip['first'])}"


def _some(names: list[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + ", …" * (len(names) > most)


def _speed(result: dict[str, Any]) -> list[str]:
    speed = result["speed"]
    stages = ", ".join(f"{stage} {value:.1f}" for stage, value in speed["seconds"].items() if stage != "all")
    before = f"; {speed['shards_from_before']} of {speed['shards']} shards were there" * bool(
        speed["shards_from_before"]
    )
    return [
        f"{speed['functions_per_second']:,.0f} functions/s, {speed['megabytes_per_second']:.1f} MB/s in "
        f"{speed['seconds']['all']:.1f} s ({stages}){before}"
    ]


def _notes(result: dict[str, Any]) -> list[str]:
    if result["held_out"]:
        return []
    return [
        "note: too few pairs or groups for three splits, so all pairs are in train.jsonl and there is no dev/ and test/"
    ]


def _where(result: dict[str, Any]) -> list[str]:
    run = result["run_dir"]
    if not result["sizes"]["train"]:
        return ["nothing to train on: report.md says which rule dropped what"]
    flags = ["--data.source", "pairs", "--data.train", f"{run}/train.jsonl"]
    if result["held_out"]:
        flags += ["--data.dev", f"{run}/dev", "--data.test", f"{run}/test"]
    return ["next:", f"  python -m jobs.train_search {shlex.join(flags)}"]
