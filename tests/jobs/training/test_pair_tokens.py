import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from common.corpora.beir import Document, RetrievalSet
from common.corpora.pair_store import write_store
from common.corpora.pairs import Pair
from jobs.training import pair_tokens
from jobs.training.batches import Batches
from jobs.training.pair_tokens import Ragged, dev_ids, tokenise
from jobs.training.recipe import Recipe
from jobs.training.sampling import Schedule
from tests.jobs.training.test_batches import tokenize

DEV = RetrievalSet(
    "dev", {"1": "ask", "2": "other"}, {"a": Document("text", "title"), "b": Document("bare")}, {"1": {"a": 1}}
)
ids = st.lists(st.integers(0, 2**31 - 1), max_size=6)


def pairs(count):
    return [
        Pair(f"q{n}" * (1 + n % 3), f"d{n % 5}", extra={"negatives": [f"n{n}-{i}" for i in range(n % 6)]})
        for n in range(1, count + 1)
    ]


@given(st.lists(ids, max_size=8), st.data())
def test_rows_come_back(rows, data):
    ragged = Ragged.of(iter(rows))
    assert len(ragged) == len(rows)
    assert ragged.rows(range(len(rows))) == rows
    wanted = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=9)) if rows else []
    assert ragged.rows(np.array(wanted, np.int64)) == [rows[row] for row in wanted]


def test_rows_are_held_as_two_arrays():
    ragged = Ragged.of([[1, 2], [], [3]])
    assert (ragged.flat.dtype, ragged.starts.dtype) == (np.int32, np.int64)
    assert (ragged.flat.tolist(), ragged.starts.tolist()) == ([1, 2, 3], [0, 2, 2, 3])


@pytest.mark.parametrize("at_once", [1, 3, 4096])
def test_all_at_once_is_row_by_row(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(pair_tokens, "_AT_ONCE", at_once)
    known = pairs(7)
    tokens = tokenise(write_store(tmp_path / "train.jsonl", known), DEV, tokenize)
    assert len(tokens.queries) == len(tokens.documents) == 7
    assert tokens.queries.rows(range(7)) == [tokenize([pair.query], "query")[0] for pair in known]
    assert tokens.documents.rows(range(7)) == [tokenize([pair.document], "document")[0] for pair in known]
    assert tokens.dev.rows(range(4)) == dev_ids(DEV, tokenize)


def test_the_dev_split_s_queries_stand_before_its_documents():
    texts = [("query", "ask"), ("query", "other"), ("document", "title\ntext"), ("document", "bare")]
    assert dev_ids(DEV, tokenize) == [tokenize([text], kind)[0] for kind, text in texts]


@pytest.mark.parametrize("recipe", [{}, {"negatives": 2}, {"negatives": 9}, {"mask_false_negatives": False}])
def test_batches_of_known_tokens_are_the_same(tmp_path, recipe):
    recipe = Recipe(**{"batch": 4, "epochs": 2, **recipe})
    store = write_store(tmp_path / "train.jsonl", pairs(10))
    schedule = Schedule(len(store), recipe.batch, recipe.epochs, recipe.seed)
    plain = Batches(store, schedule, recipe, tokenize)
    known = Batches(store, schedule, recipe, tokenize, tokenise(store, DEV, tokenize))
    for step in range(schedule.steps):
        one, other = plain[step], known[step]
        assert one.rows.tolist() == other.rows.tolist()
        assert one.ids == other.ids
        assert torch.equal(one.mask, other.mask)
    plain.close()
    known.close()


def test_known_texts_are_not_tokenised_again(tmp_path):
    recipe, asked = Recipe(batch=4, epochs=1, negatives=1), []
    store = write_store(tmp_path / "train.jsonl", pairs(4))

    def watched(texts, kind):
        asked.extend(texts)
        return tokenize(texts, kind)

    known = Batches(store, Schedule(4, 4, 1, 0), recipe, watched, tokenise(store, DEV, tokenize))
    assert known[0].ids
    known.close()
    assert len(asked) == 4
    assert all(text.startswith("n") for text in asked), "hard negatives only"
