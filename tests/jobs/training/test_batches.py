import pytest
import torch

from common.corpora.pair_store import write_store
from common.corpora.pairs import Pair
from common.errors import PreflightError
from jobs.training.batches import Batches
from jobs.training.preflight import check_negatives
from jobs.training.recipe import Recipe
from jobs.training.sampling import Schedule


def tokenize(texts, kind):
    """Each text as its letters, marked with the kind."""
    return [[len(kind), *map(ord, text)] for text in texts]


def batches_of(folder, pairs, **recipe):
    recipe = Recipe(**{"batch": 4, "epochs": 2, **recipe})
    store = write_store(folder / "train.jsonl", pairs)
    return Batches(store, Schedule(len(pairs), recipe.batch, recipe.epochs, recipe.seed), recipe, tokenize), store


def texts(ids):
    return ["".join(map(chr, row[1:])) for row in ids]


def test_a_batch_holds_the_schedule_s_pairs(tmp_path):
    pairs = [Pair(f"q{n}", f"d{n}") for n in range(10)]
    batches, store = batches_of(tmp_path, pairs)
    for step in (0, 1, 2, 1, 4):  # going on, going back, leaping: as a resumed run does
        batch = batches[step]
        wanted = store.read(batch.rows)
        assert texts(batch.ids) == [p.query for p in wanted] + [p.document for p in wanted]
        assert {row[0] for row in batch.ids[: len(wanted)]} == {len("query")}
        assert {row[0] for row in batch.ids[len(wanted) :]} == {len("document")}
        assert not batch.mask.any()
    batches.close()


def test_what_shares_query_document_or_problem_is_no_negative(tmp_path):
    pairs = [
        Pair("same", "a", extra={"problem": 1}),
        Pair("same", "b", extra={"problem": 2}),
        Pair("other", "a", extra={"problem": 3}),
        Pair("last", "c", extra={"problem": 2}),
    ]
    batches, _ = batches_of(tmp_path, pairs)
    batch = batches[0]
    order = [int(row) for row in batch.rows]
    masked = {(order[i], order[j]) for i, j in batch.mask.nonzero().tolist()}
    assert masked == {(0, 1), (1, 0), (0, 2), (2, 0), (1, 3), (3, 1)}
    unmasked, _ = batches_of(tmp_path, pairs, mask_false_negatives=False)
    assert not unmasked[0].mask.any()


def test_hard_negatives_follow_the_documents(tmp_path):
    pairs = [Pair(f"q{n}", f"d{n}", extra={"negatives": [f"d{n}-{i}" for i in range(5)]}) for n in range(4)]
    pairs[1] = Pair("q1", "d1", extra={"negatives": ["d2", "d1-1"]})  # another pair's document
    batches, store = batches_of(tmp_path, pairs, negatives=2)
    batch = batches[0]
    wanted = store.read(batch.rows)
    hard = texts(batch.ids[8:])
    for place, pair in enumerate(wanted):
        mine = hard[2 * place : 2 * place + 2]
        assert set(mine) <= set(pair.extra["negatives"])
        assert len(set(mine)) == 2
    assert batch.mask.shape == (4, 12)
    query_2 = [p.query for p in wanted].index("q2")
    assert batch.mask[query_2, 4 + hard.index("d2")], "the positive of query 2 is no negative of its own"
    assert batch.mask.sum() == 1
    again, _ = batches_of(tmp_path, pairs, negatives=2)
    assert again[0].ids == batch.ids
    assert again[1].ids[8:] != batch.ids[8:], "another pass meets other negatives"


def test_negatives_that_are_asked_for_and_absent_are_an_error(tmp_path):
    store = write_store(tmp_path / "train.jsonl", [Pair("q", "d"), Pair("q2", "d2", extra={"negatives": []})])
    check_negatives(store, Recipe())
    with pytest.raises(PreflightError, match=r"(?s)train\.jsonl carry no hard negatives.*jobs\.mine_negatives"):
        check_negatives(store, Recipe(negatives=2))


def test_the_mask_is_boolean(tmp_path):
    batches, _ = batches_of(tmp_path, [Pair(f"q{n}", f"d{n}") for n in range(4)])
    assert batches[0].mask.dtype == torch.bool
