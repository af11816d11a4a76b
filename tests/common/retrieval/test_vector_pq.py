"""Product quantisation: what its codes miss, ranking again by full vectors finds; these stay in the file."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from common.errors import ConfigError, UserError
from common.retrieval import derived, vector_file
from common.retrieval.dense import unit
from common.retrieval.vector_index import VectorIndex
from common.retrieval.vector_refining import FullVectors, taker
from common.retrieval.vector_rules import VectorSettings

COUNT, H, K = 10_300, 16, 10
PQ = VectorSettings(storage="pq", exact_up_to=500, probes=257)  # every list: what is missed, the codes miss


def clustered(count, seed=0):
    random = np.random.default_rng(seed)
    centres = unit(np.random.default_rng(99).normal(size=(40, H)))
    return unit(centres[random.integers(40, size=count)] + 0.15 * random.normal(size=(count, H)))


DOCUMENTS, QUERIES = clustered(COUNT), clustered(100, seed=1)


@cache
def built():
    return VectorIndex.build(np.arange(COUNT), DOCUMENTS, PQ)


@pytest.fixture
def index(tmp_path):
    """The index as it comes from a file."""
    built().save(tmp_path / "pq.index")
    return VectorIndex.load(tmp_path / "pq.index")


def truth(inside=None):
    """Ids (Q, K), best first, of the half-precision documents that are `inside`."""
    cosines = QUERIES @ unit(DOCUMENTS.astype(np.float16)).T
    if inside is not None:
        cosines[:, ~inside] = -2
    return np.argsort(-cosines, axis=1)[:, :K]


def recall(index, refine, wanted, allowed=None):
    index.settings = PQ.model_copy(update={"refine": refine})
    found, _ = index.top(QUERIES, K, allowed)
    return np.mean([np.isin(one, other).mean() for one, other in zip(wanted, found, strict=True)])


def test_ranking_again_finds_what_the_codes_miss(index):
    recalls = [recall(index, refine, truth()) for refine in (1, 2, 8)]
    assert recalls[0] < 0.9
    assert recalls[0] < recalls[1] < recalls[2]
    assert recalls[2] > 0.99


def test_cosines_are_those_of_the_vectors_in_the_file_and_in_order(index, tmp_path):
    found, cosines = index.top(QUERIES, K)
    np.testing.assert_allclose(cosines, np.einsum("qh,qkh->qk", QUERIES, DOCUMENTS[found]), atol=1e-3)
    _, _, rows = vector_file.read(tmp_path / "pq.index")
    np.testing.assert_allclose(cosines, np.einsum("qh,qkh->qk", QUERIES, rows[found].astype(float)), atol=1e-6)
    for one, other in zip(built().top(QUERIES, K), (found, cosines), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (np.diff(cosines, axis=1) <= 0).all()


def test_one_query_finds_what_it_finds_among_many(index):
    together, _ = index.top(QUERIES, K)
    assert [index.top(QUERIES[[at]], K)[0][0].tolist() for at in range(20)] == together[:20].tolist()


def test_a_filter_no_wider_than_what_is_ranked_again_is_exact(index):
    inside = np.isin(np.arange(COUNT), np.random.default_rng(2).choice(COUNT, 8 * K, replace=False))
    assert recall(index, 8, truth(inside), np.flatnonzero(inside)) == 1
    half = np.arange(COUNT) % 2 == 0
    found, _ = index.top(QUERIES, K, np.flatnonzero(half))
    assert (found % 2 == 0).all()
    assert recall(index, 8, truth(half), np.flatnonzero(half)) > 0.99


def test_fewer_than_asked_leave_the_end_empty(index):
    found, cosines = index.top(QUERIES[:3], K, np.array([5, 7]))
    assert np.sort(found[:, :2], axis=1).tolist() == [[5, 7]] * 3
    assert (found[:, 2:] == -1).all()
    assert np.isneginf(cosines[:, 2:]).all()


def test_an_id_that_comes_back_is_ranked_by_its_new_vector(index, tmp_path):
    index.remove(np.array([3, 4]))
    index.add(np.array([4, COUNT]), DOCUMENTS[[100, 200]])
    for one in (index, saved(index, tmp_path / "again.index")):
        found, cosines = one.top(DOCUMENTS[[100, 200]], 2)
        assert np.sort(found, axis=1).tolist() == [[4, 100], [200, COUNT]]
        np.testing.assert_allclose(cosines, 1, atol=1e-3)
        assert 3 not in one.top(DOCUMENTS[[3]], 50)[0]
    index.remove(np.array([4]))
    index.add(np.array([4]), DOCUMENTS[[300]])
    assert 4 in saved(index, tmp_path / "last.index").top(DOCUMENTS[[300]], 2)[0]


def saved(index, file):
    index.save(file)
    return VectorIndex.load(file)


def test_an_index_whose_file_is_gone_or_replaced_answers_as_before(index, tmp_path):
    before, _ = index.top(QUERIES, K)
    file = tmp_path / "pq.index"
    index.remove(np.arange(0, COUNT, 2))
    index.save(file)  # over the file that it reads
    after, _ = index.top(QUERIES, K)
    file.unlink()
    assert index.top(QUERIES, K)[0].tolist() == after.tolist()
    assert (after % 2 == 1).all()
    assert before.tolist() == built().top(QUERIES, K)[0].tolist()


def test_everything_may_be_removed_and_saved(index, tmp_path):
    index.remove(np.arange(COUNT))
    empty = saved(index, tmp_path / "empty.index")
    assert len(empty) == 0
    assert empty.top(QUERIES[:1], 2)[0].tolist() == [[-1, -1]]
    empty.add(np.array([9]), DOCUMENTS[[9]])
    assert saved(empty, tmp_path / "one.index").top(DOCUMENTS[[9]], 1)[0].tolist() == [[9]]


def test_a_flipped_bit_of_a_full_vector_is_refused(tmp_path):
    file = tmp_path / "pq.index"
    built().save(file)
    whole = bytearray(file.read_bytes())
    whole[1000 + COUNT * H] ^= 1
    file.write_bytes(whole)
    with pytest.raises(UserError, match=r"pq\.index is torn"):
        VectorIndex.load(file)


def test_full_vectors_are_mapped_from_the_file_at_an_aligned_place(tmp_path):
    built().save(tmp_path / "pq.index")
    _, _, rows = vector_file.read(tmp_path / "pq.index")
    assert isinstance(rows, np.memmap)
    assert rows.offset % vector_file.ALIGNED == 0
    np.testing.assert_allclose(rows, DOCUMENTS, atol=1e-3)


def test_ids_in_any_order_and_vectors_of_a_function_make_the_same_index():
    ids = np.random.default_rng(3).permutation(COUNT)
    held = VectorIndex.build(ids, DOCUMENTS[ids], PQ)
    lent = VectorIndex.build(ids, DOCUMENTS.__getitem__, PQ)
    for one, other in zip(held.top(QUERIES, K), lent.top(QUERIES, K), strict=True):
        np.testing.assert_array_equal(one, other)


def test_too_few_vectors_for_codewords_are_kept_whole_and_more_make_it_stale():
    few = VectorIndex.build(np.arange(10_200), DOCUMENTS[:10_200], PQ)
    assert (few.describe(), few.stale) == ("exact, float16", False)
    few.add(np.arange(10_200, COUNT), DOCUMENTS[10_200:])
    assert few.stale
    assert built().describe() == "IVF257, 257 probes, pq, refine 8"
    assert not built().stale


@pytest.mark.parametrize("count", [0, 20])
def test_a_dimension_that_cannot_be_cut_evenly_is_refused_however_few_vectors(count):
    with pytest.raises(ConfigError, match="14 dimensions cannot be stored as pq, which takes them 4 at a time"):
        VectorIndex.build(np.arange(count), unit(DOCUMENTS[:count, :14]), PQ)


def test_full_vectors_ask_for_no_more_than_they_were_not_given():
    asked = []

    def take(ids):
        asked.append(ids.tolist())
        return taker(np.array([8, 2, 5]), DOCUMENTS[:3])(ids)

    full = FullVectors(take, H)
    full.add(np.array([9, 1]), DOCUMENTS[[10, 11]])
    np.testing.assert_allclose(full.take(np.array([1, 2, 8, 9])), DOCUMENTS[[11, 1, 0, 10]], atol=1e-3)
    assert asked == [[2, 8]]
    assert sorted(full.best(QUERIES[:1], np.array([[8, -1, 2, 9]]), 3)[1][0].tolist()) == [2, 8, 9]
    assert asked == [[2, 8], [2, 8]]


@dataclass
class Texts:
    """What deriving needs of a store."""

    folder: Path
    ids: np.ndarray

    def indexed_texts(self):
        return self.ids

    def vectors(self, space, ids):
        assert (np.diff(ids) > 0).all()  # a store reads them in this order only
        return DOCUMENTS[ids].astype(np.float16)


def test_an_index_derived_from_a_store_is_carried_on_and_outlives_its_generation(tmp_path):
    derived.derive_vectors(Texts(tmp_path, np.arange(10_250)), 1, 0, PQ, None)
    first = derived.open_vectors(tmp_path, 1, 0)
    before, _ = first.top(QUERIES, K)
    derived.derive_vectors(Texts(tmp_path, np.arange(5, COUNT)), 2, 0, PQ, 1)
    derived.drop_others(tmp_path, 2)
    second = derived.open_vectors(tmp_path, 2, 0)
    assert second.ids.tolist() == list(range(5, COUNT))
    assert second.top(DOCUMENTS[[10_270]], 1)[0].tolist() == [[10_270]]
    assert first.top(QUERIES, K)[0].tolist() == before.tolist()
