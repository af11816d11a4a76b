"""The store: staging, generations, vectors, damage."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest

from common.errors import DataError, UserError
from common.retrieval.schema import FILE
from common.retrieval.store import Facts, File, Store, StoredUnit
from tests.hashed import DIMENSIONS, hashed


def unit(symbol, text, line=1, kind="function"):
    return StoredUnit(kind, symbol, line, line + 2, f"source of {symbol}", f"digest of {text}", text, text)


def file(path, digest="1", language="python", test=False):
    return File(path, language, digest, test)


@pytest.fixture
def store(tmp_path):
    with closing(Store.create(tmp_path)) as opened:
        yield opened


def build(store, files, removed=(), derive=lambda generation: None):
    store.stage(files)
    return store.commit(removed, derive)


def vectors(count):
    return np.eye(count, DIMENSIONS, dtype=np.float32)


def units_of(store):
    return {row[0]: row[1] for row in store.query("SELECT path || ':' || symbol, source FROM units")}


def test_what_is_staged_is_seen_by_no_reader_before_the_commit(store, tmp_path):
    store.stage([(file("a.py"), [unit("f", "one")])])
    with closing(Store.open(tmp_path)) as reader:
        assert (reader.generation, units_of(reader), reader.files()) == (0, {}, {})
        assert store.commit((), lambda generation: None) == 1
        assert (reader.generation, units_of(reader)) == (1, {"a.py:f": "source of f"})
        assert reader.files() == {"a.py": file("a.py")}
        assert reader.files(staged=True) == {}


def test_a_snapshot_stays_what_it_was(store, tmp_path):
    build(store, [(file("a.py"), [unit("f", "one")])])
    with closing(Store.open(tmp_path)) as reader:
        with reader.snapshot():
            assert reader.generation == 1
            build(store, [(file("b.py"), [unit("g", "two")])])
            assert (reader.generation, list(units_of(reader))) == (1, ["a.py:f"])
        assert (reader.generation, set(units_of(reader))) == (2, {"a.py:f", "b.py:g"})


def test_a_changed_file_is_replaced_a_removed_one_goes_and_the_rest_stays(store):
    build(store, [(file("a.py"), [unit("f", "one"), unit("g", "two", 9)]), (file("b.py"), [unit("h", "three")])])
    kept = store.query("SELECT id FROM units WHERE symbol = 'h'").fetchone()
    assert build(store, [(file("a.py", "2"), [unit("f", "one")])]) == 2
    assert set(units_of(store)) == {"a.py:f", "b.py:h"}
    assert store.query("SELECT id FROM units WHERE symbol = 'h'").fetchone() == kept
    assert store.commit(["b.py"], lambda generation: None) == 3
    assert set(units_of(store)) == {"a.py:f"}
    assert store.counts() == {"files": 1, "units": 1, "texts": 1}


def test_a_build_without_changes_keeps_the_generation(store):
    build(store, [(file("a.py"), [unit("f", "one")])])
    told = []
    assert store.commit((), told.append) == 1
    assert told == [1], "but what is derived may still be missing"


def test_where_deriving_fails_nothing_has_changed(store):
    build(store, [(file("a.py"), [unit("f", "one")])])

    def fail(generation):
        assert generation == 2 and set(units_of(store)) == {"a.py:g"}, "it reads the new state"
        raise OSError("disk full")

    store.stage([(file("a.py", "2"), [unit("g", "two")])])
    with pytest.raises(OSError):
        store.commit((), fail)
    assert (store.generation, set(units_of(store))) == (1, {"a.py:f"})
    assert store.files(staged=True) == {"a.py": file("a.py", "2")}, "a resubmission need not parse it again"


def test_staging_a_file_again_replaces_it(store):
    store.stage([(file("a.py", "2"), [unit("f", "one")]), (file("b.py"), [unit("h", "three")])])
    store.stage([(file("a.py", "3"), [unit("g", "two")])])
    store.unstage(["b.py"])
    store.commit((), lambda generation: None)
    assert (set(units_of(store)), store.files()) == ({"a.py:g"}, {"a.py": file("a.py", "3")})


def test_equal_texts_are_stored_once_and_vectors_go_with_their_text(store):
    number = store.add_space(hashed().space, hashed().origin)
    store.stage([(file("a.py"), [unit("f", "one"), unit("g", "one", 9)]), (file("b.py"), [unit("h", "two")])])
    missing = store.missing(number)
    assert dict(store.texts(missing)) == dict(zip(missing, ["one", "two"], strict=True))
    store.put_vectors(number, missing, vectors(2))
    assert store.missing(number) == []
    store.commit((), lambda generation: None)
    assert np.array_equal(store.vectors(number, store.indexed_texts()), vectors(2))
    store.commit(["b.py"], lambda generation: None)
    assert store.query("SELECT count(*) FROM vectors").fetchone() == (1,)
    assert store.counts()["texts"] == 1


def test_texts_that_only_a_replaced_file_had_need_no_vector(store):
    number = store.add_space(hashed().space, hashed().origin)
    build(store, [(file("a.py"), [unit("f", "old")]), (file("b.py"), [unit("h", "kept")])])
    store.stage([(file("a.py", "2"), [unit("f", "new")])])
    assert [text for _, text in store.texts(store.missing(number))] == ["kept", "new"]


def test_a_space_is_known_by_its_digest_and_may_be_renamed(store):
    one = store.add_space(hashed(adapter="first", adapter_digest="d1").space, hashed().origin)
    two = store.add_space(hashed(adapter="first", adapter_digest="d2").space, hashed().origin)
    again = store.add_space(hashed(adapter="renamed", adapter_digest="d1").space, hashed().origin)
    assert one == again != two
    assert {number: space.adapter for number, space in store.spaces().items()} == {one: "renamed", two: "first"}


def test_facts_are_remembered(store, tmp_path):
    assert store.facts == Facts()
    store.remember(Facts(root=tmp_path))
    assert store.facts.root == tmp_path


def test_a_vector_that_is_missing_or_not_what_was_written_is_an_error(store):
    number = store.add_space(hashed().space, hashed().origin)
    build(store, [(file("a.py"), [unit("f", "one"), unit("g", "two", 9)])])
    ids = store.indexed_texts()
    store.put_vectors(number, ids[:1].tolist(), vectors(1))
    with pytest.raises(DataError, match=f"text {ids[1]} has no vector"):
        store.vectors(number, ids)
    store.put_vectors(number, ids[1:].tolist(), vectors(1))
    assert store.damaged() == {}
    with closing(sqlite3.connect(store.folder / FILE)) as other:
        other.execute("UPDATE vectors SET vector = zeroblob(?) WHERE text = ?", (2 * DIMENSIONS, int(ids[0])))
        other.execute("UPDATE units SET source = 'else' WHERE symbol = 'g'")
        other.commit()
    assert store.damaged() == {"vectors": 1, "units": 1}
    with pytest.raises(DataError, match="not what was written"):
        store.vectors(number, ids)


def test_no_index_a_torn_file_and_another_format_are_one_sentence_each(tmp_path):
    with pytest.raises(UserError, match="holds no index"):
        Store.open(tmp_path / "none")
    Store.create(tmp_path / "old").close()
    with closing(sqlite3.connect(tmp_path / "old" / FILE)) as other:
        other.execute("UPDATE meta SET value = '99' WHERE key = 'version'")
        other.commit()
    with pytest.raises(UserError, match="format 99"):
        Store.open(tmp_path / "old")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / FILE).write_bytes(b"no database at all, but long enough to look at" * 100)
    with pytest.raises(DataError, match=r"store\.db: is damaged"):
        Store.open(tmp_path / "torn")
