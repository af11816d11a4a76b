"""From a configuration's `data` to training pairs and two retrieval sets."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from common.corpora.beir import RetrievalSet, read_beir
from common.corpora.lines import Problem
from common.corpora.own_pairs import corpus_from_pairs
from common.corpora.pairs import read_pairs
from common.corpora.search_corpus import SearchCorpus
from common.corpora.stdlib import stdlib_corpus
from jobs.search_config import TrainingData

log = logging.getLogger(__name__)
SHOWN = 10  # bad lines named one by one; the rest is counted


def corpus_of(data: TrainingData) -> SearchCorpus:
    """Read or mine the corpus; bad lines are named and left out. Raises `DataError` where nothing is usable."""
    if data.source == "stdlib":
        return stdlib_corpus(data.corpus)
    assert data.train is not None
    given = read_pairs(data.train)
    say_problems(given.problems)
    held_out = None
    if data.dev and data.test:
        held_out = read_retrieval(data.dev), read_retrieval(data.test)
    return corpus_from_pairs(data.train.name, given.pairs, data.corpus, held_out=held_out)


def read_retrieval(path: Any, split: str = "test") -> RetrievalSet:
    """A BEIR folder; what is wrong with it is said."""
    retrieval, problems = read_beir(path, split)
    say_problems(problems)
    return retrieval


def say_problems(problems: Sequence[Problem]) -> None:
    """Name the first bad lines and count the others."""
    for problem in problems[:SHOWN]:
        log.warning("left out: %s", problem)
    if len(problems) > SHOWN:
        log.warning("… and %d more lines left out", len(problems) - SHOWN)
