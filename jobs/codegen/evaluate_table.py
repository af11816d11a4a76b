"""What an evaluation found, as tables that people read, and the plan of `--dry-run`."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console
from rich.table import Table

from jobs.codegen.evaluate_config import EvaluateCodegenConfig
from jobs.codegen.evaluate_context import context_of, notes
from jobs.codegen.published import PUBLISHED, SOURCE

COLUMNS = {
    "codebleu": "CodeBLEU",
    "codebleu/ngram": "n-gram",
    "codebleu/weighted_ngram": "weighted",
    "codebleu/syntax": "syntax",
    "codebleu/dataflow": "dataflow",
    "chrf": "chrF",
    "avg_tests_passed": "tests",
}


def render(result: dict[str, Any]) -> str:
    """A table for each test set, ×100: our figures, their intervals, and the study's; then what they took."""
    parts = [_set(name, block, _ours(result)) for name, block in result["sets"].items()]
    return "\n".join([*parts, *_notes(result)])


def plan(config: EvaluateCodegenConfig) -> str:
    """What would be scored. Retrieves, so that it can say what fits, but generates and writes nothing."""
    from jobs.codegen.evaluate_pipeline import inputs, quantise_of, run_folder

    if config.predictions:
        from jobs.codegen.evaluate_inputs import read_predictions

        found = read_predictions(config.predictions)
        sets = {prediction.set for prediction in found.good}
        lines = [f"predictions {config.predictions}: {len(found.good):,} items in {', '.join(sorted(sets))}"]
        lines += [f"left out    {problem}" for problem in found.bad[:10]]
        return "\n".join([*lines, f"run         {run_folder(config)}"])
    base, data, items, code = inputs(config)
    stored = quantise_of(config)
    lines = [f"model       {base.name} ({base.architecture}, {base.kind}, digest {base.digest[:12]}…)"
             + f", stored in {stored}" * (stored != "none"),
             f"adapter     {config.adapter or 'none'}"]  # fmt: skip
    for test in data.sets:
        its = [item for item in items if item.set is test]
        how = test.sampling
        way = f"{how.beams} beams" if how.beams > 1 else f"temperature {how.temperature:g}"
        lines.append(
            f"test set    {test.name}: {len(its):,} items{', with tests' * bool(test.problems and config.run_tests)}, "
            f"prompt {test.template.name}; {how.samples} answers each of at most {how.max_new_tokens:,} tokens, {way}"
        )
        long = [item for item in its if item.fitted.excess]
        context = {name: value for name, value in context_of(its).items() if name != "too_long"}
        lines += [f"            {note}" for note in notes(context)]
        for item in long[:10]:
            lines.append(f"too long    {item.example.id}: by {item.fitted.excess} tokens ({config.too_long})")
    if config.icl.examples:
        lines.append(f"examples    {config.icl.examples}, the same before each question, seed {config.icl.seed}")
    if code:
        picked = ", ".join(f"{name} for {count:,} questions" for name, count in code.picked().items())
        lines.append(f"code        the {config.rag.k} best of {code.units:,} units in {config.rag.index} (generation "
                     f"{code.generation}), by words and by {picked}")  # fmt: skip
    elif config.rag.k:
        lines.append(f"examples    the {config.rag.k} nearest of {len(data.train):,}, by "
                     f"{config.rag.adapter or config.rag.encoder or 'minilm'}")  # fmt: skip
    workers = config.cluster.num_workers
    return "\n".join(
        [*lines, f"cluster     {workers} worker{'s' * (workers > 1)}", f"run         {run_folder(config)}"]
    )


def _ours(result: dict[str, Any]) -> str:
    if "model" not in result:
        return "predictions"
    name = result["model"]["id"].rsplit("/", 1)[-1]
    adapter = result["adapter"]
    parts = [name, *([adapter["method"] or adapter["name"]] if adapter else [])]
    icl, rag = result["icl"]["examples"], result["rag"]["k"]
    parts += [f"ICL {icl}"] if icl else []
    parts += [f"RAG {rag}" + " of code" * bool(result["rag"].get("index"))] if rag else []
    return " ".join(parts)


def _set(name: str, block: dict[str, Any], label: str) -> str:
    tests = block.get("tests") or {}
    figures = {**block["metrics"], **{key: tests[key] for key in tests if _is_figure(key)}}
    columns = _columns(figures)
    table = Table(title=f"{name}: {block['items']:,} items (×100)")
    table.add_column("system")
    for column in columns:
        table.add_column(COLUMNS.get(column, column.replace("em@", "EM@")), justify="right", no_wrap=True)
    table.add_row(label, *(_value(figures[column]) for column in columns))
    table.add_row("  95 % interval", *(_interval(figures[column]) for column in columns))
    levels = tests.get("by_difficulty", {})
    for level, part in levels.items() if len(levels) > 1 else ():
        table.add_row(f"  {level}", *(_value(part[column]) if column in part else "" for column in columns))
    published = PUBLISHED.get(block.get("source", name), {})
    if published:
        table.add_section()
    for system, theirs in published.items():
        table.add_row(system, *(f"{theirs[column]:.1f}" if column in theirs else "" for column in columns))
    source = [f"below the line: {SOURCE}"] if published else []
    return "\n".join([to_text(table), *source])


def _is_figure(key: str) -> bool:
    return key == "avg_tests_passed" or key.startswith("pass@")


def _columns(figures: dict[str, Any]) -> list[str]:
    matches = [name for name in figures if name.startswith("em@")]
    return [*matches, *(name for name in COLUMNS if name in figures),
            *(name for name in figures if name.startswith("pass@"))]  # fmt: skip


def _value(figure: dict[str, float]) -> str:
    return f"{100 * figure['value']:.1f}"


def _interval(figure: dict[str, float]) -> str:
    return f"{100 * figure['low']:.1f}–{100 * figure['high']:.1f}"


def _notes(result: dict[str, Any]) -> list[str]:
    lines = []
    if left := result.get("left_out", {}).get("count"):
        lines.append(f"left out: {left:,} lines (first: {result['left_out']['first'][0]})")
    for name, block in result["sets"].items():
        lines += [f"{name}: {note}" for note in notes(block.get("context", {}))]
    if memory := result.get("memory"):
        speed = result["speed"]
        lines.append(f"{speed['tokens']:,} tokens in {speed['seconds']:.1f} s: {speed['tokens_per_second']:,.0f} "
                     f"tokens/s; peak memory of a worker {memory['peak_bytes'] / 1e9:.2f} GB ({memory['device']})"
                     )  # fmt: skip
    return [*lines, f"run        {result['run_dir']}"]


def to_text(table: Table) -> str:
    """The table as plain text, as wide as it needs to be."""
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    console.print(table)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]
