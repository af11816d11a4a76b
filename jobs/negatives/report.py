"""What the mining did, as counts that add up and as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from common.runs import Result

SCORE_EDGES = tuple(round(-0.2 + 0.1 * i, 1) for i in range(13))
RATIO_EDGES = tuple(round(0.5 + 0.05 * i, 2) for i in range(13))
RANK_EDGES = (1, 2, 3, 4, 6, 11, 21, 51, 101)


class Histogram:
    """Counts between edges, with an open bin at both ends."""

    def __init__(self, edges: Sequence[float]) -> None:
        self._edges = np.asarray(edges)
        self._counts = np.zeros(len(edges) + 1, dtype=np.int64)

    def add(self, values: np.ndarray) -> None:
        """Count the values; one on an edge belongs to the bin above it."""
        self._counts += np.bincount(np.searchsorted(self._edges, values, side="right"), minlength=len(self._counts))

    def to_json(self) -> list[int]:
        """Counts from below the first edge to the last edge and above."""
        return self._counts.tolist()


class Tally:
    """Where every pair and every candidate went."""

    def __init__(self, depth: int, wanted: int) -> None:
        self.depth, self.wanted = depth, wanted
        self.dropped: Counter[str] = Counter({"rank": 0, "score": 0})
        self.refused: Counter[str] = Counter()
        self.by_count: Counter[int] = Counter(dict.fromkeys(range(wanted + 1), 0))
        self.kept = self.candidates = self.chosen = self.spare = self.no_ratio = 0
        self.ranks = Histogram(_rank_edges(depth))
        self.scores = {name: Histogram(SCORE_EDGES) for name in ("all", "first", "kept")}
        self.ratios = {name: Histogram(RATIO_EDGES) for name in ("nearest", "chosen")}

    def pairs(self, ranks: np.ndarray, scores: np.ndarray, low_rank: np.ndarray, low_score: np.ndarray) -> None:
        """Count a block of pairs; one that fails both counts under its rank."""
        kept = ~low_rank & ~low_score
        self.kept += int(kept.sum())
        self.dropped["rank"] += int(low_rank.sum())
        self.dropped["score"] += int((low_score & ~low_rank).sum())
        self.ranks.add(ranks)
        for name, chosen in (("all", np.ones_like(kept)), ("first", ranks == 1), ("kept", kept)):
            self.scores[name].add(scores[chosen])

    def choice(self, scores: Sequence[float], own: float, *, copies: int, admissible: int) -> None:
        """Count what one pair got of its admissible candidates."""
        self.by_count[len(scores)] += 1
        self.chosen += len(scores)
        self.refused["near_duplicate"] += copies
        self.spare += admissible - copies - len(scores)
        self.ratio("chosen", np.asarray(scores), np.full(len(scores), own))

    def ratio(self, name: str, scores: np.ndarray, own: np.ndarray) -> None:
        """Count score / own score where the own score is positive; the others have no ratio."""
        usable = own > 0
        self.ratios[name].add(scores[usable] / own[usable])
        if name == "nearest":
            self.no_ratio += int((~usable).sum())

    def to_json(self) -> Result:
        """The blocks `consistency` and `negatives` of the result."""
        short = sum(pairs for count, pairs in self.by_count.items() if count < self.wanted)
        return {
            "consistency": {
                "kept": self.kept,
                "dropped": dict(self.dropped),
                "ranks": self.ranks.to_json(),
                "scores": {name: counts.to_json() for name, counts in self.scores.items()},
            },
            "negatives": {
                "candidates": self.candidates,
                "refused": dict(self.refused),
                "spare": self.spare,
                "chosen": self.chosen,
                "short": short if self.wanted else 0,
                "pairs_by_count": {str(count): pairs for count, pairs in sorted(self.by_count.items())},
                "ratios": {name: counts.to_json() for name, counts in self.ratios.items()},
                "own_score_not_positive": self.no_ratio,
            },
        }


def render(result: Result) -> str:
    """The report as Markdown whose tables are also readable as text."""
    pairs, config = result["pairs"], result["settings"]
    parts = [f"# Hard negatives of {result['source']}", _pairs_table(result)]
    if pairs["replaced"]:
        parts.append(f"{pairs['replaced']:,} pairs brought negatives of an earlier mining; these were left away.")
    parts.append(_pools_table(result))
    parts += ["## Rank of the own document", _ranks_table(result, config["depth"])]
    parts += ["## Score of the own document", _scores_table(result)]
    if config["per_query"]:
        parts += ["## Candidates", _candidates_table(result)]
        parts += ["## Negatives per pair", _counts_table(result)]
        parts += ["## Score of a candidate over the score of the own document", _ratios_table(result)]
    parts.append("\n".join(f"- {name}: {path}" for name, path in result["files"].items()))
    return "\n\n".join(parts) + "\n"


def _pairs_table(result: Result) -> str:
    pairs, dropped = result["pairs"], result["consistency"]["dropped"]
    asked = result["settings"]["consistency"]
    rows: list[list[Any]] = [["lines left out as bad", pairs["left_out"]], ["pairs read", pairs["read"]]]
    if asked["top"] is not None:
        rows.append([f"− own document not in the top {asked['top']}", dropped["rank"]])
    if asked["min_score"] is not None:
        rows.append([f"− its score not over {asked['min_score']:g}", dropped["score"]])
    return _table(["pairs", "count"], [*rows, ["kept", result["consistency"]["kept"]]])


def _pools_table(result: Result) -> str:
    pools = result["pools"].items()
    rows = [[name or "(no language)", one["pairs"], one["documents"], one["method"]] for name, one in pools]
    return _table(["pool", "pairs", "documents", "search"], rows)


def _ranks_table(result: Result, depth: int) -> str:
    edges = _rank_edges(depth)
    labels = [f"{low}" if high == low + 1 else f"{low}–{high - 1}" for low, high in pairwise(edges)]
    counts = result["consistency"]["ranks"][1:]
    total, so_far, rows = sum(counts) or 1, 0, []
    for label, count in zip([*labels, f"after {depth}"], counts, strict=True):
        so_far += count
        rows.append([label, count, f"{100 * so_far / total:.1f}"])
    return _table(["rank", "pairs", "% up to here"], rows)


def _scores_table(result: Result) -> str:
    scores = result["consistency"]["scores"]
    names = ["cosine", "all pairs", "at rank 1", "kept"]
    return _table(names, _bins(SCORE_EDGES, [scores["all"], scores["first"], scores["kept"]]))


def _candidates_table(result: Result) -> str:
    found = result["negatives"]
    rows: list[list[Any]] = [["looked at", found["candidates"]]]
    rows += [[f"− {name.replace('_', ' ')}", count] for name, count in found["refused"].items()]
    return _table(["candidates", "count"], [*rows, ["not needed", found["spare"]], ["chosen", found["chosen"]]])


def _counts_table(result: Result) -> str:
    return _table(["negatives", "pairs"], [[n, pairs] for n, pairs in result["negatives"]["pairs_by_count"].items()])


def _ratios_table(result: Result) -> str:
    ratios = result["negatives"]["ratios"]
    table = _table(["ratio", "nearest other", "chosen"], _bins(RATIO_EDGES, [ratios["nearest"], ratios["chosen"]]))
    without = result["negatives"]["own_score_not_positive"]
    return table + (f"\n\n{without:,} pairs have no ratio: their own score is not positive." if without else "")


def _rank_edges(depth: int) -> list[int]:
    return [*(edge for edge in RANK_EDGES if edge <= depth), depth + 1]


def _bins(edges: Sequence[float], columns: Sequence[Sequence[int]]) -> list[list[Any]]:
    """A row for each bin that is not empty in all columns."""
    labels = [f"under {edges[0]:g}"]
    labels += [f"{low:g} to {high:g}" for low, high in pairwise(edges)] + [f"{edges[-1]:g} and more"]
    return [[label, *counts] for label, *counts in zip(labels, *columns, strict=True) if any(counts)]


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    cells = [list(header), *([f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ["| " + " | ".join(_pad(row, widths)) + " |" for row in cells]
    rule = "|" + "|".join("-" * (width + 1) + (":" if column else "-") for column, width in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _pad(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = (text.ljust(width) for text, width in zip(row, widths, strict=True))
    return [first, *(text.rstrip().rjust(len(text)) for text in others)]
