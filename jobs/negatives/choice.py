"""Every pair in its order: kept, with its hard negatives, or set aside as inconsistent."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from common.corpora.lines import json_line
from common.corpora.mining.neardup import jaccard, shingles
from common.corpora.pairs import Pair
from common.progress import progress
from common.retrieval.consistency import own_ranks, ranks_too_low, scores_too_low
from common.retrieval.negatives import Answers, Nearest, above_margin, choose, outside_window, preference, sort_out
from common.runs import Result
from jobs.negatives.config import MineNegativesConfig
from jobs.negatives.data import NEGATIVES, SCORES, Pairs
from jobs.negatives.report import Tally
from jobs.negatives.search import NearestFiles

BLOCK = 4096  # pairs that are sorted out together
RANK, SCORE = "consistency_rank", "consistency_score"
OUTPUT, ASIDE = "pairs.jsonl", "inconsistent.jsonl"


class Choice:
    """Streams the pairs in their order: kept with negatives, or set aside."""

    def __init__(self, config: MineNegativesConfig, pairs: Pairs, files: NearestFiles, folder: Path) -> None:
        self.config, self.pairs, self.files, self.folder = config, pairs, files, folder
        self.tally = Tally(config.depth, config.per_query)
        self._keys = {"positive": pairs.queries, "same_query": pairs.asked, "same_problem": pairs.problems}
        if config.guards.same_name:
            self._keys["same_name"] = pairs.names
        self._answers = {name: Answers(pairs.documents, keys) for name, keys in self._keys.items()}
        self._text = functools.lru_cache(maxsize=4096)(pairs.document)
        self._shingles = functools.lru_cache(maxsize=4096)(lambda number: shingles(self._text(number)))

    def write(self) -> Result:
        """Both files, which appear as a whole, and the counts."""
        with ExitStack() as stack:
            kept, aside = (stack.enter_context(_appearing(self.folder / name)) for name in (OUTPUT, ASIDE))
            bar = stack.enter_context(progress(len(self.pairs.store), "choose", "pair"))
            for start in range(0, len(self.pairs.store), BLOCK):
                rows = range(start, min(start + BLOCK, len(self.pairs.store)))
                self._block(rows, kept, aside)
                bar.update(len(rows))
        return self.tally.to_json()

    def _block(self, rows: range, kept: IO[str], aside: IO[str]) -> None:
        span = slice(rows.start, rows.stop)
        found = self.files.read(span, self.pairs.documents[span])
        ranks, filter_ = own_ranks(found, self.config.depth), self.config.consistency
        low_rank = ranks_too_low(ranks, filter_.top)
        low_score = scores_too_low(found.own_scores, filter_.min_score)
        self.tally.pairs(ranks, found.own_scores, low_rank, low_score)
        consistent = ~low_rank & ~low_score
        negatives = self._negatives(rows, found, consistent) if self.config.per_query else {}
        for position, pair in enumerate(self.pairs.store.read(rows)):
            if not consistent[position]:
                rank, score = int(ranks[position]), float(found.own_scores[position])
                more: dict[str, Any] = {RANK: rank if rank <= self.config.depth else None, SCORE: round(score, 6)}
                aside.write(_line(self.folder / ASIDE, rows[position], pair, more))
                continue
            more = {}
            if self.config.per_query:
                chosen = negatives[position]
                texts = [self._text(int(found.documents[position, k])) for k in chosen]
                more = {NEGATIVES: texts, SCORES: [round(float(found.scores[position, k]), 6) for k in chosen]}
            kept.write(_line(self.folder / OUTPUT, rows[position], pair, more))

    def _negatives(self, rows: range, found: Nearest, wanted: np.ndarray) -> dict[int, list[int]]:
        """Columns of the negatives of each wanted pair."""
        found = Nearest(np.where(wanted[:, None], found.documents, -1), found.scores, found.own, found.own_scores)
        span = slice(rows.start, rows.stop)
        left, refused = sort_out(
            found,
            {
                "outside_window": outside_window(found, self.config.skip_top, self.config.depth),
                **{name: answers.refuse(found, self._keys[name][span]) for name, answers in self._answers.items()},
                "above_margin": above_margin(found, self.config.margin),
            },
        )
        self.tally.candidates += int(found.candidates().sum())
        self.tally.refused.update(refused)
        has, first = found.candidates().any(axis=1), found.candidates().argmax(axis=1)
        self.tally.ratio("nearest", found.scores[has, first[has]], found.own_scores[has])
        chosen: dict[int, list[int]] = {}
        for position in np.flatnonzero(wanted).tolist():
            admissible = np.flatnonzero(left[position]).tolist()
            order = preference(admissible, self.config.sampling, self.config.seed, rows[position])
            copy = functools.partial(self._copy, found, position)
            chosen[position], copies = choose(order, self.config.per_query, copy)
            scores = found.scores[position, chosen[position]].tolist()
            self.tally.choice(scores, float(found.own_scores[position]), copies=copies, admissible=len(admissible))
        return chosen

    def _copy(self, found: Nearest, position: int, column: int) -> bool:
        """Whether the candidate nearly is the pair's own document."""
        threshold = self.config.guards.near_duplicate
        if threshold is None:
            return False
        own, other = int(found.own[position]), int(found.documents[position, column])
        return jaccard(self._shingles(own), self._shingles(other)) >= threshold


def _line(path: Path, row: int, pair: Pair, more: dict[str, Any]) -> str:
    record = {"query": pair.query, "document": pair.document, "language": pair.language, **pair.extra, **more}
    return json_line(path, row + 1, record)


@contextmanager
def _appearing(path: Path) -> Iterator[IO[str]]:
    """A file that appears under its name once everything is written."""
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("w", encoding="utf-8") as file:
        yield file
    draft.replace(path)
