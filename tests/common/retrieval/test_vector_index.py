"""The vector index against brute force with numpy: exact layouts equal it, lists come close, filters lose nothing."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from common.errors import UserError
from common.retrieval import vector_file, vector_index
from common.retrieval.dense import unit
from common.retrieval.vector_index import VectorIndex
from common.retrieval.vector_rules import VectorSettings

TOLERANCE = {"float32": 1e-6, "float16": 1e-3, "int8": 1e-2, "pq": 1e-3}
ENOUGH = {"pq": 10_240}  # vectors for lists; 3,000 for others
EXACT = VectorSettings(storage="float32", exact_up_to=10**6)
LISTS = VectorSettings(storage="float32", exact_up_to=500)
STORAGES = pytest.mark.parametrize("storage", TOLERANCE)


def vectors(count, dimension=8, seed=0):
    return unit(np.random.default_rng(seed).normal(size=(count, dimension)))


def clustered(count, dimension=16, seed=0):
    """Forty groups; a vector's group is its position modulo forty."""
    centres = vectors(40, dimension, seed=99)
    return unit(centres[np.arange(count) % 40] + 0.3 * vectors(count, dimension, seed))


def brute_force(documents, ids, queries, k):
    """Ids and cosines, best first, equal ones by rising id."""
    cosines = queries @ documents.T
    order = np.lexsort((np.broadcast_to(ids, cosines.shape), -cosines), axis=1)[:, :k]
    return ids[order], np.take_along_axis(cosines, order, axis=1)


def shared(found, wanted):
    """The share of the ids wanted that were found."""
    pairs = zip(found.tolist(), wanted.tolist(), strict=True)
    return np.mean([len(set(one) & set(other)) / len(other) for one, other in pairs])


@STORAGES
@given(count=st.integers(1, 60), k=st.integers(1, 70), block=st.integers(1, 30), seed=st.integers(0, 9))
def test_exact_search_is_brute_force(storage, count, k, block, seed):
    documents, queries = vectors(count, seed=seed), vectors(5, seed=seed + 100)
    ids = np.random.default_rng(seed).permutation(1000)[:count]
    before, vector_index.BLOCK = vector_index.BLOCK, block
    try:
        index = VectorIndex.build(ids, documents.astype(np.float16), VectorSettings(storage=storage))
    finally:
        vector_index.BLOCK = before
    found, cosines = index.top(queries, k)
    wanted, every = brute_force(documents.astype(np.float16), ids, queries, k)
    there = min(count, k)
    assert found.shape == cosines.shape == (5, k)
    assert (found.dtype, cosines.dtype) == (np.int64, np.float32)
    np.testing.assert_allclose(cosines[:, :there], every, atol=TOLERANCE[storage] + 1e-3)
    own = dict(zip(ids.tolist(), documents, strict=True))
    for query, row, scores in zip(queries, found[:, :there].tolist(), cosines, strict=True):
        assert len(set(row)) == there
        np.testing.assert_allclose(scores[:there], [own[i] @ query for i in row], atol=TOLERANCE[storage] + 1e-3)
    assert (found[:, there:] == -1).all()
    assert np.isneginf(cosines[:, there:]).all()
    if storage == "float32":
        assert shared(found, wanted) == 1


@cache
def index_of(stretch, lists):
    """6,000 vectors with lists, or 60 without, under every `stretch`-th number as their ids."""
    documents = vectors(6000 if lists else 60)
    ids = np.arange(len(documents)) * stretch
    return documents, ids, VectorIndex.build(ids, documents, LISTS if lists else EXACT)


@given(st.sets(st.integers(0, 80)), st.integers(1, 12), st.sampled_from([1, 10**15]), st.booleans(), st.integers(0, 9))
def test_a_narrow_filter_gives_what_an_index_of_those_alone_gives(allowed, k, stretch, lists, seed):
    """Of dense and of sparse ids, with and without lists."""
    documents, ids, index = index_of(stretch, lists)
    queries, wanted = vectors(4, seed=seed + 100), np.array(sorted(allowed), dtype=np.int64) * stretch
    found, cosines = index.top(queries, k, allowed=wanted)
    inside = np.isin(ids, wanted)
    best, every = brute_force(documents[inside], ids[inside], queries, k)
    there = best.shape[1]
    assert found.shape == (4, k)
    assert found[:, :there].tolist() == best.tolist()
    np.testing.assert_allclose(cosines[:, :there], every, atol=1e-6)
    assert (found[:, there:] == -1).all()


@STORAGES
def test_with_lists_the_search_is_approximate_and_close(storage):
    count = ENOUGH.get(storage, 4000)
    documents, queries = clustered(count), clustered(200, seed=1)
    settings = VectorSettings(storage=storage, exact_up_to=500, probes=count // 333, refine=16)  # 4 bytes say little
    index = VectorIndex.build(7 + np.arange(count), documents, settings)
    assert index.describe().startswith(f"IVF{count // 40}, {count // 333} probes, {storage}")
    found, cosines = index.top(queries, 10)
    wanted, _ = brute_force(documents, 7 + np.arange(count), queries, 10)
    assert shared(found, wanted) > (0.95 if storage == "int8" else 0.97)
    expected = np.einsum("qh,qkh->qk", queries, documents[found - 7])
    np.testing.assert_allclose(cosines, expected, atol=TOLERANCE[storage])
    assert (np.diff(cosines, axis=1) <= 0).all()


def test_more_probes_find_more():
    documents, queries = vectors(4000, 16), vectors(100, 16, seed=1)
    wanted, _ = brute_force(documents, np.arange(4000), queries, 10)
    recalls = []
    for probes in (1, 10, 100):
        index = VectorIndex.build(np.arange(4000), documents, LISTS.model_copy(update={"probes": probes}))
        recalls.append(shared(index.top(queries, 10)[0], wanted))
    assert recalls[0] < recalls[1] < recalls[2] == 1


def test_a_filter_far_from_the_query_still_fills_every_place():
    """A third of the vectors, all of them in groups that the query's own lists do not hold."""
    documents = clustered(4000)
    index = VectorIndex.build(np.arange(4000), documents, LISTS.model_copy(update={"probes": 2}))
    group = np.arange(4000) % 40
    queries, allowed = documents[group == 0][:20], np.flatnonzero(np.isin(group, np.arange(27, 40)))
    assert len(allowed) / 4000 > 2 / 100  # wide: the probes of such a filter do not reach every list
    found, _ = index.top(queries, 50, allowed=allowed)
    assert np.isin(found, allowed).all()


def test_more_asked_than_the_probed_lists_hold_is_found_elsewhere():
    documents, queries = clustered(4000), clustered(5, seed=1)
    index = VectorIndex.build(np.arange(4000), documents, LISTS.model_copy(update={"probes": 1}))
    found, _ = index.top(queries, 4000)
    assert np.sort(found, axis=1).tolist() == [list(range(4000))] * 5


@STORAGES
@pytest.mark.parametrize("exact", [True, False])
def test_removed_is_found_no_more_and_added_is_found(storage, exact):
    count = 3000 if exact else ENOUGH.get(storage, 3000)
    documents = clustered(count)
    settings = VectorSettings(storage=storage, exact_up_to=10**6 if exact else 500)
    index = VectorIndex.build(np.arange(count), documents, settings)
    assert index.remove(np.arange(0, count + 1000, 2)) == count // 2
    assert index.remove(np.arange(0, count + 1000, 2)) == 0
    assert len(index) == count // 2
    found, _ = index.top(documents[:40], 20)
    assert (found % 2 == 1).all()
    index.add(np.array([10**6, 4]), documents[[0, 4]])
    assert index.top(documents[[0, 4]], 1)[0].tolist() == [[10**6], [4]]
    assert len(index) == count // 2 + 2


@given(st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 30), min_size=1)), max_size=8))
def test_any_order_of_adding_and_removing_leaves_what_a_set_would_hold(steps):
    documents, held = vectors(31), set()
    index = VectorIndex.build(np.empty(0, dtype=np.int64), documents[:0], EXACT)
    for adding, numbers in steps:
        if adding:
            new = np.array(sorted(numbers - held), dtype=np.int64)
            index.add(new, documents[new])
            held |= numbers
        else:
            assert index.remove(np.array(sorted(numbers))) == len(numbers & held)
            held -= numbers
    assert len(index) == len(held)
    assert sorted(index.top(documents[:1], 31)[0][0].tolist()) == [-1] * (31 - len(held)) + sorted(held)


@STORAGES
def test_an_index_that_starts_empty_can_be_filled(storage):
    index = VectorIndex.build(np.empty(0, dtype=np.int64), np.empty((0, 8)), VectorSettings(storage=storage))
    assert (len(index), index.dimension) == (0, 8)
    assert index.top(vectors(2), 3)[0].tolist() == [[-1] * 3] * 2
    index.add(np.arange(50), vectors(50))
    assert index.top(vectors(50), 1)[0].ravel().tolist() == list(range(50))


def test_equal_vectors_come_by_rising_id():
    index = VectorIndex.build(np.array([7, 3, 5]), np.repeat(vectors(1), 3, axis=0), VectorSettings())
    assert index.top(vectors(1), 5)[0].tolist() == [[3, 5, 7, -1, -1]]


def test_vectors_may_come_from_a_function_of_ids():
    documents = clustered(3000)
    for layout in (VectorSettings(), VectorSettings(storage="int8"), LISTS):
        ids = np.arange(2999, -1, -2)
        lent = VectorIndex.build(ids, documents.__getitem__, layout)
        held = VectorIndex.build(ids, documents[ids], layout)
        for one, other in zip(lent.top(documents[:50], 10), held.top(documents[:50], 10), strict=True):
            np.testing.assert_array_equal(one, other)


@STORAGES
@pytest.mark.parametrize("exact", [True, False])
def test_what_is_saved_answers_the_same_and_can_grow(storage, exact, tmp_path):
    count = 3000 if exact else ENOUGH.get(storage, 3000)
    documents = clustered(count)
    settings = VectorSettings(storage=storage, exact_up_to=10**6 if exact else 500, probes=3)
    index = VectorIndex.build(5 * np.arange(count), documents, settings)
    index.remove(np.array([10]))
    index.save(tmp_path / "made" / "vectors.index")
    again = VectorIndex.load(tmp_path / "made" / "vectors.index")
    assert [file.name for file in (tmp_path / "made").iterdir()] == ["vectors.index"]
    assert (len(again), again.dimension, again.settings, again.stale) == (count - 1, 16, settings, False)
    assert again.describe() == index.describe()
    for one, other in zip(index.top(documents[:50], 10), again.top(documents[:50], 10), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="already"):
        again.add(np.array([15]), documents[:1])
    again.add(np.array([10]), documents[[2]])
    assert again.top(documents[[2]], 1)[0].tolist() == [[10]]


@given(data=arrays(np.uint8, st.integers(0, 40)), place=st.floats(0, 1))
@settings(max_examples=30)
def test_a_torn_file_is_refused_by_name(data, place, tmp_path_factory):
    file = tmp_path_factory.mktemp("torn") / "vectors.index"
    VectorIndex.build(np.arange(20), vectors(20), VectorSettings()).save(file)
    whole = file.read_bytes()
    start = int(place * (len(whole) - 1))
    for damaged in (whole[:start], whole[:start] + bytes([whole[start] ^ 1]) + whole[start + 1 :], data.tobytes()):
        file.write_bytes(damaged)
        with pytest.raises(UserError, match=r"vectors\.index is torn"):
            VectorIndex.load(file)


def test_a_missing_file_and_one_of_another_format_are_refused_by_name(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"none\.index"):
        VectorIndex.load(tmp_path / "none.index")
    monkeypatch.setattr(vector_file, "FORMAT", 2)
    VectorIndex.build(np.arange(20), vectors(20), VectorSettings()).save(tmp_path / "new.index")
    monkeypatch.undo()
    with pytest.raises(UserError, match=r"new\.index is a vector index of format 2"):
        VectorIndex.load(tmp_path / "new.index")


def test_where_nothing_can_be_written_the_old_file_stays(tmp_path, monkeypatch):
    file = tmp_path / "vectors.index"
    VectorIndex.build(np.arange(20), vectors(20), VectorSettings()).save(file)
    before = file.read_bytes()

    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vector_file._Summed, "write", full)
    with pytest.raises(UserError, match=r"vectors\.index"):
        VectorIndex.build(np.arange(9), vectors(9), VectorSettings()).save(file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_wrong_dimensions_ids_and_values_are_refused():
    index = VectorIndex.build(np.arange(20), vectors(20), VectorSettings())
    for call in (lambda wrong: index.top(wrong, 1), lambda wrong: index.add(np.array([77]), wrong)):
        with pytest.raises(ValueError, match="4 dimensions where 8"):
            call(vectors(1, 4))
    for ids in ([1, 1], [-1, 2]):
        with pytest.raises(ValueError, match="not negative and come once"):
            VectorIndex.build(np.array(ids), vectors(2), VectorSettings())
        with pytest.raises(ValueError, match="not negative and come once"):
            index.add(np.array(ids), vectors(2))
    with pytest.raises(ValueError, match="3 ids for 2 vectors"):
        VectorIndex.build(np.arange(3), vectors(2), VectorSettings())
    with pytest.raises(ValueError, match="1 ids for 2 vectors"):
        index.add(np.array([50]), vectors(2))
    with pytest.raises(ValueError, match="already"):
        index.add(np.array([50, 3]), vectors(2))
    with pytest.raises(ValueError, match="NaN"):
        index.top(np.full((1, 8), np.nan), 1)
    assert len(index) == 20


def test_an_index_says_when_it_is_outgrown():
    documents = clustered(2500)
    rule = VectorSettings(storage="float32", exact_up_to=1000)
    small = VectorIndex.build(np.arange(1000), documents[:1000], rule)
    assert (small.describe(), small.stale) == ("exact, float32", False)
    small.add(np.array([1000]), documents[1000:1001])
    assert small.stale
    large = VectorIndex.build(np.arange(1001), documents[:1001], rule)
    assert (large.describe().split(",")[0], large.stale) == ("IVF25", False)
    large.add(np.arange(1001, 2002), documents[1001:2002])
    assert not large.stale
    large.add(np.arange(2002, 2003), documents[2002:2003])
    assert large.stale
    large.remove(np.arange(1002, 2003))
    assert not large.stale
    large.remove(np.arange(500))
    assert not large.stale
    large.remove(np.arange(500, 502))
    assert large.stale
    narrow = VectorIndex.build(np.arange(10), documents[:10], VectorSettings(storage="int8"))
    narrow.add(np.arange(10, 21), documents[10:21])
    assert narrow.stale  # the ranges of ten vectors


@STORAGES
@given(st.integers(0, 10**7), st.integers(0, 10**6), st.integers(1, 200) | st.none(), st.floats(0, 1))
def test_the_rule_stays_within_what_there_is(storage, count, exact_up_to, probes, share):
    rule = VectorSettings(storage=storage, exact_up_to=exact_up_to, probes=probes)
    lists = rule.lists(count)
    assert (lists == 0) == (count <= exact_up_to or count < ENOUGH.get(storage, 80))
    assert lists * 40 <= count
    assert not rule.outgrown(count, count)
    if lists:
        assert 1 <= rule.probed(lists) <= rule.probed(lists, share) <= lists
        assert rule.probed(lists, 0.0) == lists
