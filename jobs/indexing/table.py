"""A build, its plan, and what a search found, as a terminal shows them."""

from __future__ import annotations

import io
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.syntax import Syntax

from common.corpora.mining.walk import Tree
from common.search.embedder import Embedder
from jobs.indexing.changes import Changes
from jobs.mining.report import left_out, render_tree


def render_plan(tree: Tree, changes: Changes | None, embedders: list[Embedder]) -> str:
    """What a build would do."""
    lines = [render_tree(tree)]
    if changes:
        counts = (
            f"{changes.new:,} new, {changes.changed:,} changed, {len(changes.gone):,} gone, {changes.same:,} as before"
        )
        lines.append(f"files    {counts}")
    lines += [f"vectors  of {one.space.name()}, {one.space.dimensions} dimensions" for one in embedders]
    return "\n".join(lines)


def render(result: dict[str, Any]) -> str:
    """What a build did, what was left out, and what to do next."""
    changes, seconds = result["changes"], result["seconds"]
    moved = ", ".join(f"{changes[what]:,} {what}" for what in ("new", "changed", "gone", "same"))
    plural = {"class": "classes", "module": "module docs"}
    kinds = ", ".join(f"{n:,} {plural.get(kind, f'{kind}s')}" for kind, n in result["parsed_units"].items())
    lines = [
        f"{result['source']}: {result['files']:,} files, {result['units']:,} units ({result['texts']:,} different)",
        f"files      {moved.replace('same', 'as before')}",
        f"parsed     {kinds or 'nothing'}",
    ]
    if broken := result["broken"]["files"]:
        first = ", ".join(result["broken"]["first"])
        lines.append(f"           {broken:,} files with a syntax error, read as far as they go: {first}")
    lines += left_out(result["skipped"])
    for name, count in result["encoded"].items():
        lines.append(f"encoded    {count:,} texts with {name}; {result['vectors'][name]}")
    stages = ", ".join(f"{stage} {seconds[stage]:.1f}" for stage in ("walk", "parse", "encode", "commit"))
    lines += [
        f"took       {seconds['all']:.1f} s ({stages})",
        f"index      {result['index']}, generation {result['generation']}, {result['bytes'] / 1e6:,.1f} MB",
        "",
        "next:",
        f'  python -m jobs.search_code "what it does" --index {result["index"]}',
    ]
    return "\n".join(lines)


def render_hits(result: dict[str, Any]) -> str:
    """Hits with path:line, symbol, each leg's score and the first lines of code; coloured where a terminal shows it."""
    console = Console(file=io.StringIO(), width=110, force_terminal=sys.stdout.isatty())
    for query, hits, picked in zip(result["queries"], result["hits"], result["picked"], strict=True):
        console.print(f"\n[bold]{escape(query)}[/bold]  [dim]{escape(picked)}[/dim]", highlight=False)
        if not hits:
            console.print("  nothing found", highlight=False)
        for place, hit in enumerate(hits, start=1):
            legs = "  ".join(f"{leg} {score:.2f}" for leg, score in hit["scores"].items())
            console.print(
                f"  {place}. [cyan]{escape(hit['path'])}:{hit['start_line']}[/cyan]  {escape(hit['symbol'])}"
                f"  [dim]{legs}[/dim]",
                highlight=False,
            )
            if hit["snippet"]:
                code = Syntax(hit["snippet"], hit["language"] or "text", background_color="default", word_wrap=False)
                console.print(Padding(code, (0, 0, 0, 5)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    where = f"; paths are relative to {result['root']}" if result["root"] else ""
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join([*lines, "", f"{result['units']:,} units searched{where}"])
