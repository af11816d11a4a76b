"""What stops candidates, as a picture: a bar for each difficulty and mode."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobs.apps.report import headline
from jobs.apps.summary import STATUSES

EXCEPTIONS = 4  # exceptions with a colour of their own
REST, PASSED = "other exceptions", "passed"
COLOURS = {
    PASSED: "#4c9f70", "wrong answer": "#d9a441", "syntax error": "#8c6bb1", "timeout": "#c4574d", "memory": "#7f7f7f",
    "output-limit": "#b5b5b5", "killed": "#3d3d3d", REST: "#c6dbef",
}  # fmt: skip
BLUES = ("#1f5f99", "#4285bd", "#75a9d3", "#9fc5e2")


def plot_failures(result: dict[str, Any], path: Path) -> None:
    """Write `failures.png`: shares of the candidates, those that passed included."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    bars = list(_bars(result))
    kinds = segments([counts for _, counts in bars])
    figure, axes = pyplot.subplots(figsize=(10, 1.9 + 0.55 * len(bars)), layout="constrained")
    left = [0.0] * len(bars)
    blues = iter(BLUES)
    for kind, values in kinds.items():
        colour = COLOURS.get(kind) or next(blues)
        drawn = axes.barh(range(len(bars)), values, left=left, color=colour, label=kind, edgecolor="white", height=0.7)
        dark = colour in ("#3d3d3d", "#1f5f99", "#8c6bb1", "#c4574d", "#4285bd", "#4c9f70", "#7f7f7f")
        labels = [f"{value:.0f}" if value >= 3 else "" for value in values]
        axes.bar_label(drawn, labels, label_type="center", color="white" if dark else "black", fontsize=9)
        left = [before + value for before, value in zip(left, values, strict=True)]
    axes.set_yticks(range(len(bars)), [f"{name}\n{sum(counts.values()):,} candidates" for name, counts in bars])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of candidates")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower center", ncols=min(5, len(kinds)), frameon=False, fontsize=9)
    figure.suptitle(headline(result), fontsize=11)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def segments(bars: Sequence[dict[str, int]]) -> dict[str, list[float]]:
    """Kind → its share of each bar in per cent: passed, failures that are no exception, the most frequent exceptions,
    the rest of them; kinds that do not occur are left out."""
    total: dict[str, int] = {}
    for counts in bars:
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
    raised = sorted((name for name in total if name not in (PASSED, *STATUSES)), key=lambda name: -total[name])
    groups = {PASSED: [PASSED], **{name: [name] for name in (STATUSES[1], STATUSES[0], *STATUSES[2:])}}
    groups |= {name: [name] for name in raised[:EXCEPTIONS]} | {REST: raised[EXCEPTIONS:]}
    return {
        kind: [100 * sum(counts.get(name, 0) for name in names) / sum(counts.values()) for counts in bars]
        for kind, names in groups.items()
        if any(total.get(name) for name in names)
    }


def _bars(result: dict[str, Any]) -> list[tuple[str, dict[str, int]]]:
    several = len(result["modes"]) > 1
    found = []
    for part in [*result["by_difficulty"]]:
        for mode, block in result["modes"].items():
            name = f"{part}, {mode}" if several else part
            found.append((name, block["failures"]["by_difficulty"][part]))
    return found
