"""What an evaluation found, as tables in the terminal, as report.md, and for `--dry-run`."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from common.metrics.pass_at_k import UNNAMED
from jobs.apps.config import EvaluateAppsConfig
from jobs.apps.inputs import LEFT_OUT, Inputs
from jobs.apps.summary import STATUSES

Rows = list[list[str]]
FIGURES = {"avg_tests_passed": "tests passed", "strict_accuracy": "strict accuracy"}
_LABELS = {"passed": "passed", **{name: name for name in STATUSES}, "error": "error without a name"}
WIDTH = 110  # where the terminal does not say
MOST_FAILURES = 12  # rows of a table; the rest in one


def render(result: dict[str, Any]) -> str:
    """The tables, as wide as the terminal is; what was left out, where it all lies, and what to do next."""
    width = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
    parts = []
    for mode in result["modes"]:
        title = f"{headline(result)}, {mode} (%)"
        tables = (_table(_figures(result, mode, intervals=intervals)) for intervals in (True, False))
        parts += [title, _fitting(tables, width)]
        parts += [f"why candidates fail, {mode}", _fitting([_table(_failures(result, mode))], width)]
    if result["agreement"]:
        parts += ["both modes", _fitting([_table(_agreement(result))], width)]
    return "\n".join([*parts, *_notes(result), "", *_where(result)])


def markdown(result: dict[str, Any]) -> str:
    """The same for a file."""
    parts = [f"# {headline(result)}"]
    for mode in result["modes"]:
        parts += [f"## {mode}", _markdown(_figures(result, mode, intervals=True)),
                  "Per cent, mean over problems, with the 95 % interval for other problems of the kind.",
                  _markdown(_failures(result, mode))]  # fmt: skip
    if result["agreement"]:
        parts += ["## Both modes", _markdown(_agreement(result)), *_different(result)]
    parts += ["![failures](failures.png)", "## Not used", *(_details(result) or ["Everything was used."])]
    parts += [
        "## Run",
        "\n".join(f"- {line}" for line in _notes(result)),
        "```\n" + "\n".join(_where(result)) + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


def headline(result: dict[str, Any]) -> str:
    """Which candidates on which problems; of long paths only the end."""
    names = (result["candidates_from"], result["problems_from"])
    return " on ".join(name if len(name) <= 30 else Path(name).name for name in names)


def render_plan(config: EvaluateAppsConfig, inputs: Inputs, run: Path) -> str:
    """What a dry run says."""
    usable = [known for known in inputs.problems.values() if known.samples]
    kinds = Counter(known.kind for known in usable)
    levels = Counter(known.difficulty or UNNAMED for known in usable)
    tests = sum(known.tests * len(known.samples) for known in usable) * len(config.modes)
    lines = [
        f"problems    {config.problems}: {len(usable):,} with tests and candidates",
        f"            {_counts(kinds)}; {_counts(levels)}",
        f"candidates  {config.candidates}: {inputs.expected:,}, {tests:,} tests to run in mode {config.mode}",
        f"sandbox     level {config.sandbox.isolation}, {config.limits.cpu_seconds:g} s of CPU a test, "
        f"{config.limits.memory_mb:,} MB",
    ]
    for name, tally in inputs.left_out.items():
        if tally.count:
            lines += [
                f"left out    {tally.count:,} {LEFT_OUT[name]}",
                *(f"              {each}" for each in tally.first),
            ]
    return "\n".join([*lines, f"run         {run}"])


def _figures(result: dict[str, Any], mode: str, *, intervals: bool) -> Rows:
    """A column for all problems and one for each difficulty, where there are several."""
    block = result["modes"][mode]
    parts = block["by_difficulty"]
    columns = {"all": block, **(parts if len(parts) > 1 else {})}
    names = [name for name in block if name in FIGURES or name.startswith("pass@")]
    rows = [["", *columns], ["problems", *(f"{part['problems']:,}" for part in columns.values())],
            ["candidates", *(f"{part['samples']:,}" for part in columns.values())]]  # fmt: skip
    for name in names:
        rows.append([FIGURES.get(name, name), *(_figure(part, name, intervals=intervals) for part in columns.values())])
        if name in block["left_out"]:  # the figure is over the problems that have as many samples
            rows.append(["  of problems", *(f"{part.get(name, {'n': 0})['n']:,}" for part in columns.values())])
    return rows


def _figure(part: dict[str, Any], name: str, *, intervals: bool) -> str:
    found = part.get(name)
    if found is None:
        return "–"
    text = f"{100 * found['value']:.1f}"
    return text + f" ({100 * found['low']:.1f} … {100 * found['high']:.1f})" * intervals


def _failures(result: dict[str, Any], mode: str) -> Rows:
    """Candidates by what stopped them; rare kinds of exceptions in one row."""
    found = result["modes"][mode]["failures"]
    parts = found["by_difficulty"]
    columns = {"all": found["all"], **(parts if len(parts) > 1 else {})}
    rows = [["", *columns]]
    names = list(found["all"])
    shown = names if len(names) <= MOST_FAILURES + 1 else names[:MOST_FAILURES]
    for name in shown:
        label = _LABELS.get(name, f"exception {name}")
        rows.append([label, *(_share(part, [name]) for part in columns.values())])
    if rest := names[len(shown) :]:
        rows.append([f"{len(rest)} others", *(_share(part, rest) for part in columns.values())])
    return rows


def _share(part: dict[str, int], names: Iterable[str]) -> str:
    count, total = sum(part.get(name, 0) for name in names), sum(part.values())
    return f"{count:,} ({100 * count / total:.1f} %)" if count else "0"


def _agreement(result: dict[str, Any]) -> Rows:
    found = result["agreement"]
    counts = {
        "all": found["candidates"],
        "same verdict": found["same"],
        "both pass": found["both_pass"],
        "neither passes": found["neither_passes"],
        "only strict passes": found["only_strict"]["count"],
        "only reference passes": found["only_reference"]["count"],
    }
    shares = (f"{100 * count / found['candidates']:.2f}" for count in counts.values())
    return [
        ["", "candidates", "%"],
        *([label, f"{counts[label]:,}", share] for label, share in zip(counts, shares, strict=True)),
    ]


def _different(result: dict[str, Any]) -> Iterator[str]:
    for name, label in (("only_reference", "Only reference passes"), ("only_strict", "Only strict passes")):
        if found := result["agreement"][name]["first"]:
            yield f"{label}, first: " + ", ".join(f"{problem} (sample {sample})" for problem, sample in found)


def _details(result: dict[str, Any]) -> list[str]:
    found = [f"{tally['count']:,} {LEFT_OUT[name]}:\n\n" + "\n".join(f"- `{each}`" for each in tally["first"])
             for name, tally in result["left_out"].items() if tally["count"]]  # fmt: skip
    if tally := result["notices"]["count"]:
        found.append(f"{tally:,} oddities that cost nothing:\n\n"
                     + "\n".join(f"- `{each}`" for each in result["notices"]["first"]))  # fmt: skip
    return found


def _notes(result: dict[str, Any]) -> Iterator[str]:
    for name, tally in result["left_out"].items():
        if tally["count"]:
            yield f"left out: {tally['count']:,} {LEFT_OUT[name]} (first: {tally['first'][0]})"
    if count := result["given_up"]["count"]:
        yield f"warning: {count:,} candidates count as killed because their actors died (first: " + (
            f"{result['given_up']['first'][0]}); verdicts.jsonl has the reason"
        )
    speed = result["speed"]
    before = f"; {speed['verdicts_from_before']:,} were there" * bool(speed["verdicts_from_before"])
    yield (f"{speed['verdicts']:,} verdicts in {speed['seconds']:.1f} s: {speed['candidates_per_second']:,.0f} "
           f"candidates/s, {speed['tests_per_second']:,.0f} tests/s{before}")  # fmt: skip
    yield from _isolation(result["isolation"])


def _isolation(found: dict[str, Any]) -> Iterator[str]:
    if len(found["levels"]) > 1:
        yield f"warning: the actors ran at different levels of isolation: {', '.join(found['levels'])}"
    for kind in found["kinds"]:
        parts = [f"landlock {kind['landlock']}" if kind["landlock"] else "no landlock",
                 f"cgroup v{kind['cgroup']}" if kind["cgroup"] else "no cgroup",
                 "a user of its own" if kind["own_user"] else "our user"]  # fmt: skip
        actors = f"{kind['actors']} actor{'s' * (kind['actors'] != 1)} on {', '.join(kind['nodes'][:3])}"
        yield f"isolation: {kind['level']} ({', '.join(parts)}), Python {kind['python']}; {actors}"


def _where(result: dict[str, Any]) -> Iterator[str]:
    run = result["run_dir"]
    for name in (*result["verdicts"].values(), "report.md", "failures.png"):
        yield f"{run}/{name}"
    again = ["python", "-m", "jobs.evaluate_apps", "--problems", _problems(result)]
    yield "next:"
    if result["candidates_from"] == "solutions":
        yield f"  {shlex.join([*again, '--candidates'])} YOURS.jsonl"
    elif result["mode"] == "strict" and result["kinds"] != ["script"]:
        given = f"{run}/candidates.jsonl" if result["generation"] else result["candidates_from"]
        both = [*again, "--candidates", given, "--mode", "both", "--run-dir", f"{run}-both"]
        yield f"  {shlex.join(both)}   # beside the published way of judging"
    else:
        yield f"  less {shlex.quote(run)}/report.md"


def _problems(result: dict[str, Any]) -> str:
    made = result["problems_from"].startswith("microproblems")
    return f"{result['run_dir']}/problems.jsonl" if made else result["problems_from"]


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counter.most_common())


def _table(rows: Rows) -> Table:
    table = Table()
    for place, label in enumerate(rows[0]):
        table.add_column(label, justify="right" if place else "left", no_wrap=True)
    for row in rows[1:]:
        table.add_row(*row)
    return table


def _fitting(tables: Iterable[Table], width: int) -> str:
    """The first of the tables that fits; the last one whatever it needs."""
    console = Console(file=StringIO(), width=1000, force_terminal=False)
    chosen = None
    for chosen in tables:
        if console.measure(chosen).maximum <= width:
            break
    return _printed(console, lambda: console.print(chosen))


def _printed(console: Console, show: Callable[[], None]) -> str:
    show()
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]


def _markdown(rows: Rows) -> str:
    lines: Sequence[Sequence[str]] = [rows[0], ["---", *["---:"] * (len(rows[0]) - 1)], *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
