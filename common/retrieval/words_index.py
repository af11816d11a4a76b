"""BM25 over texts whose words are stored, in files that are mapped and not read: as `lexical`, for millions of texts.

FOLDER/vocabulary.txt   a word a line, in the order of its number
FOLDER/{ids,indptr,indices,data}.npy   the texts' ids; BM25's weights by word: those of word w are indptr[w]:indptr[w+1]
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import bm25s
import numpy as np

from common.retrieval.lexical import K1, METHOD, B
from common.retrieval.tokens import tokenise

VOCABULARY, ARRAYS = "vocabulary.txt", ("ids", "indptr", "indices", "data")
FILES = (VOCABULARY, *(f"{name}.npy" for name in ARRAYS))


class WordsIndex:
    """An immutable BM25 index over N texts."""

    def __init__(self, ids: np.ndarray, vocabulary: dict[str, int], scores: dict[str, np.ndarray]) -> None:
        self.ids = ids
        self._vocabulary = vocabulary
        self._scores = scores
        self._bm25 = bm25s.BM25(k1=K1, b=B, method=METHOD)
        self._bm25.scores = {**scores, "num_docs": len(ids)}
        self._bm25.nonoccurrence_array = None  # the Lucene variant has none

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def build(cls, texts: Iterable[tuple[int, str]]) -> WordsIndex:
        """From (id, words separated by blanks), ids rising."""
        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG and writes into our logs
        ids: list[int] = []
        vocabulary: dict[str, int] = {"": 0}  # bm25s wants at least one word; no text holds this one
        corpus: list[list[int]] = []
        for number, words in texts:
            ids.append(number)
            corpus.append([vocabulary.setdefault(word, len(vocabulary)) for word in words.split()])
        scores: dict[str, np.ndarray] = {
            "indptr": np.zeros(len(vocabulary) + 1, dtype=np.int64),
            "indices": np.empty(0, dtype=np.int32),
            "data": np.empty(0, dtype=np.float32),
        }
        if any(corpus):  # bm25s divides by the mean length
            bm25 = bm25s.BM25(k1=K1, b=B, method=METHOD)
            bm25.index((corpus, vocabulary), show_progress=False)
            scores = {name: np.asarray(bm25.scores[name]) for name in ("indptr", "indices", "data")}
        return cls(np.array(ids, dtype=np.int64), vocabulary, scores)

    def save(self, folder: Path) -> None:
        """Write the files into an existing folder."""
        (folder / VOCABULARY).write_text("\n".join(self._vocabulary), "utf-8")
        for name, array in {"ids": self.ids, **self._scores}.items():
            np.save(folder / f"{name}.npy", array)

    @classmethod
    def load(cls, folder: Path) -> WordsIndex:
        """Map what `save` wrote."""
        words = (folder / VOCABULARY).read_text("utf-8").split("\n")
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
        return cls(arrays.pop("ids"), {word: number for number, word in enumerate(words)}, arrays)

    def top(self, query: str, k: int, allowed: np.ndarray | None = None) -> list[tuple[int, float]]:
        """At most `k` (id, score), best first, equal ones by rising id; only texts that share a word with the query.

        `allowed`: (N,) bool, which of the texts in `ids` may be found.
        """
        words = [self._vocabulary[word] for word in tokenise(query) if word in self._vocabulary]
        if not words or k < 1:
            return []
        scores = self._bm25.get_scores_from_ids(words)
        if allowed is not None:
            scores = np.where(allowed, scores, 0.0)
        rows = np.flatnonzero(scores > 0)
        if len(rows) > k:
            worst = np.partition(scores[rows], len(rows) - k)[len(rows) - k]
            rows = rows[scores[rows] >= worst]  # with all that tie with the last one
        order = np.lexsort((rows, -scores[rows]))[:k]
        return [(int(self.ids[row]), float(scores[row])) for row in rows[order]]
