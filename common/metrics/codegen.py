"""How near generated code comes to reference code: exact match, CodeBLEU with its parts, chrF.

All but exact match read the first candidate. CodeBLEU and chrF are corpus figures, not means over items: each resample
of a bootstrap sums the items' counts anew, so the intervals are those of the figures that are printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from common.metrics.bootstrap import RESAMPLES, Interval, Seed, drawn_means, interval
from common.metrics.chrf import chrf_of, chrf_statistics
from common.metrics.codebleu import FIGURES, PARTS, Mode, figures_of, pair_statistics
from common.metrics.matching import exact_match_at_k

KS = (1, 10)
_NAMES = dict(zip(FIGURES, (*(f"codebleu/{part}" for part in PARTS), "codebleu"), strict=True))


@dataclass(frozen=True)
class Generations:
    """What is counted in N items. Figures of any subset come from its rows: nothing is parsed again."""

    matches: dict[str, np.ndarray]
    """`em@k` → (N,) 0 or 1."""
    codebleu: np.ndarray
    """(N, codebleu.COLUMNS)"""
    chrf: np.ndarray
    """(N, chrf.COLUMNS)"""
    mode: Mode

    @classmethod
    def counted(
        cls,
        references: Sequence[str],
        candidates: Sequence[Sequence[str]],
        *,
        ks: Sequence[int] = KS,
        mode: Mode = "official",
        language: str = "python",
    ) -> Generations:
        """Of references and, for each, candidates in the model's order.

        An em@k is left out where an item has fewer than k candidates. Raises ValueError where there is no item, the
        lists do not fit or an item has no candidate; ConfigError for a language without CodeBLEU.
        """
        if len(references) != len(candidates):
            raise ValueError(f"{len(references)} references, but candidates for {len(candidates)}")
        fewest = min((len(tries) for tries in candidates), default=0)
        if not fewest:
            raise ValueError("need at least one item, and at least one candidate in each")
        first = [tries[0] for tries in candidates]
        return cls(
            {f"em@{k}": exact_match_at_k(references, candidates, k) for k in ks if k <= fewest},
            pair_statistics(first, [[reference] for reference in references], mode=mode, language=language),
            chrf_statistics(first, references),
            mode,
        )

    def figures(self, seed: Seed, *, resamples: int = RESAMPLES) -> dict[str, Interval]:
        """Each figure over all items with its 95 % bootstrap interval. All share their resamples."""
        blocks = [np.stack([*self.matches.values()], axis=1)] if self.matches else []
        table = np.concatenate([*blocks, self.codebleu, self.chrf], axis=1)
        means = drawn_means(table, seed, resamples=resamples)
        matches, codebleu, chrf = np.split(
            means, [len(self.matches), len(self.matches) + self.codebleu.shape[1]], axis=1
        )
        items = len(table)  # of sums and not of means: smoothing adds a fixed amount to a sum
        drawn = dict(zip(self.matches, matches.T, strict=True)) | self._texts(codebleu * items, chrf * items)
        return {name: interval(values) for name, values in drawn.items()}

    def items(self) -> Iterator[dict[str, float]]:
        """The figures of each item as a corpus of one."""
        columns = self.matches | self._texts(self.codebleu, self.chrf)
        for row in zip(*columns.values(), strict=True):
            yield dict(zip(columns, map(float, row), strict=True))

    def _texts(self, codebleu: np.ndarray, chrf: np.ndarray) -> dict[str, np.ndarray]:
        parts = dict(zip(FIGURES, figures_of(codebleu, mode=self.mode).T, strict=True))
        return {_NAMES[figure]: parts[figure] for figure in ("codebleu", *PARTS)} | {"chrf": chrf_of(chrf)}


def score_generations(
    references: Sequence[str],
    candidates: Sequence[Sequence[str]],
    *,
    ks: Sequence[int] = KS,
    mode: Mode = "official",
    seed: Seed = 0,
    language: str = "python",
) -> dict[str, dict[str, float]]:
    """`em@k`, `codebleu`, `codebleu/ngram` and the other parts, `chrf`: each {value, low, high}, from 0 to 1.

    Raises as `Generations.counted` does; use that where the items' own figures are wanted as well.
    """
    counted = Generations.counted(references, candidates, ks=ks, mode=mode, language=language)
    return {name: figure.to_json() for name, figure in counted.figures(seed).items()}
