"""Stored BM25 beside the one in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.retrieval.lexical import LexicalIndex
from common.retrieval.tokens import tokenise
from common.retrieval.words_index import FILES, WordsIndex

texts = st.lists(st.text("abcd _AB", max_size=30), min_size=1, max_size=20)


def index(bodies, ids=None):
    return WordsIndex.build(zip(ids or range(len(bodies)), (" ".join(tokenise(body)) for body in bodies), strict=True))


@given(texts, st.text("abcd _AB", max_size=12), st.integers(0, 25))
def test_it_finds_what_the_index_in_memory_finds(bodies, query, k):
    exact = LexicalIndex([str(place) for place in range(len(bodies))], bodies).top(query, k)
    with tempfile.TemporaryDirectory() as folder:
        index(bodies).save(Path(folder))
        assert {file.name for file in Path(folder).iterdir()} == set(FILES)
        found = WordsIndex.load(Path(folder)).top(query, k)
    assert [(int(name), pytest.approx(score, rel=1e-5)) for name, score in exact] == found


def test_only_allowed_texts_are_found_and_the_depth_is_kept():
    found = index(["red fox", "red dog", "blue dog", "red"], ids=[3, 7, 9, 12])
    mask = np.array([False, True, True, True])
    assert {text for text, _ in found.top("red dog", 10, mask)} == {7, 9, 12}
    assert found.top("red dog", 1, mask)[0][0] == 7
    assert found.top("red", 0) == found.top("unknown", 5) == []


def test_equal_scores_stand_by_id_also_at_the_end_of_the_depth():
    found = index(["same words"] * 5, ids=[1, 4, 6, 8, 9])
    assert [text for text, _ in found.top("words", 3)] == [1, 4, 6]
