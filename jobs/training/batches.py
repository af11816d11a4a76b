"""Batches ready for the model, made one step ahead while the model works on the one before."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from common.corpora.pair_store import PairStore
from common.corpora.pairs import Pair
from jobs.training.objective import false_negatives
from jobs.training.pair_tokens import PairTokens, Tokenize
from jobs.training.recipe import Recipe
from jobs.training.sampling import Schedule


@dataclass(frozen=True)
class Batch:
    """One step's texts: N queries, their N documents, then K hard negatives."""

    rows: np.ndarray
    """(N,) rows of the pairs."""
    ids: list[list[int]]
    """2N + K token sequences."""
    mask: torch.Tensor
    """(N, N + K) bool, true where a document must not count as a negative of a query."""


class Batches:
    """The batches of a run by step. Reads and tokenises them from disk, so memory does not grow with the data."""

    def __init__(
        self, store: PairStore, schedule: Schedule, recipe: Recipe, tokenize: Tokenize, tokens: PairTokens | None = None
    ) -> None:
        self._store, self._schedule, self._recipe, self._tokenize = store, schedule, recipe, tokenize
        self._tokens = tokens
        self._ahead: tuple[int, Future[Batch]] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batches")

    def __getitem__(self, step: int) -> Batch:
        """The batch of one step; the next one is begun."""
        ready = self._ahead[1] if self._ahead and self._ahead[0] == step else self._thread.submit(self._make, step)
        batch = ready.result()
        if step + 1 < self._schedule.steps:
            self._ahead = step + 1, self._thread.submit(self._make, step + 1)
        return batch

    def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown(cancel_futures=True)

    def _make(self, step: int) -> Batch:
        rows = self._schedule.rows(step)
        pairs = self._store.read(rows)
        hard = [text for row, pair in zip(rows, pairs, strict=True) for text in self._negatives(step, row, pair)]
        if self._tokens:
            ids = self._tokens.queries.rows(rows) + self._tokens.documents.rows(rows)
            ids += self._tokenize(hard, "document") if hard else []
        else:
            ids = self._tokenize([pair.query for pair in pairs], "query")
            ids += self._tokenize([pair.document for pair in pairs] + hard, "document")
        if not self._recipe.mask_false_negatives:
            return Batch(rows, ids, torch.zeros(len(pairs), len(pairs) + len(hard), dtype=torch.bool))
        keys = (
            _numbers([*(pair.query for pair in pairs), *(None for _ in hard)]),
            _numbers([*(pair.document for pair in pairs), *hard]),
            _numbers([*(pair.extra.get("problem") for pair in pairs), *(None for _ in hard)]),
        )
        return Batch(rows, ids, false_negatives(keys, len(pairs)))

    def _negatives(self, step: int, row: int, pair: Pair) -> list[str]:
        """This pass' choice among the pair's hard negatives."""
        if not self._recipe.negatives:
            return []
        found = pair.extra.get("negatives") or []
        if len(found) <= self._recipe.negatives:
            return list(found)
        draw = np.random.default_rng((self._recipe.seed, step, int(row)))
        return [found[i] for i in draw.choice(len(found), self._recipe.negatives, replace=False)]


def _numbers(values: Sequence[Hashable | None]) -> torch.Tensor:
    """A number for each value, the same for equal ones; None equals nothing."""
    numbers: dict[Hashable, int] = {}
    found = [len(values) + i if value is None else numbers.setdefault(value, i) for i, value in enumerate(values)]
    return torch.tensor(found)
