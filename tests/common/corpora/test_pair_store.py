import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.corpora.pair_store import PairStore, index_of, write_store
from common.corpora.pairs import Pair, read_pairs
from common.errors import DataError

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(st.lists(st.builds(Pair, TEXT, TEXT, st.sampled_from(["", "go"]), st.just({"repo": "r"})), min_size=1))
def test_every_row_comes_back_in_any_order(tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("store") / "train.jsonl"
    store = write_store(path, iter(pairs))
    rows = list(reversed(range(len(pairs))))
    assert store.read(rows) == [pairs[row] for row in rows]
    assert list(read_pairs(path).pairs) == pairs, "the file is the JSONL that everything else reads"
    for hashes, texts in ((store.queries, [p.query for p in pairs]), (store.documents, [p.document for p in pairs])):
        assert len(np.unique(hashes)) == len(set(texts))


def test_an_index_of_another_file_is_refused(tmp_path):
    path = tmp_path / "train.jsonl"
    write_store(path, [Pair("q", "d")])
    with path.open("a") as file:
        file.write(json.dumps({"query": "later", "document": "d"}) + "\n")
    with pytest.raises(DataError, match="not the file its index was made from"):
        PairStore.open(path)


@pytest.mark.parametrize("damage", ["absent", "empty", "torn"])
def test_a_missing_or_damaged_index_is_an_error(tmp_path, damage):
    path = tmp_path / "train.jsonl"
    write_store(path, [Pair(f"q{n}", "d") for n in range(50)])
    index = index_of(path)
    whole = index.read_bytes()
    index.unlink()
    if damage != "absent":
        index.write_bytes(b"" if damage == "empty" else whole[:200])
    with pytest.raises(DataError, match="prepare the data again"):
        PairStore.open(path)


def test_a_failed_writer_leaves_no_file(tmp_path):
    path = tmp_path / "train.jsonl"

    def pairs():
        yield Pair("q", "d")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_store(path, pairs())
    assert not path.exists()


def test_two_writers_of_one_file_do_not_harm_each_other(tmp_path):
    pairs = [Pair(f"query {n}", f"document {n}", "go", {}) for n in range(6)]

    def interrupted():
        yield from pairs[:3]
        write_store(tmp_path / "p.jsonl", pairs)
        yield from pairs[3:]

    store = write_store(tmp_path / "p.jsonl", interrupted())
    assert store.read(range(6)) == pairs
    assert sorted(file.name for file in tmp_path.iterdir()) == ["p.index.npz", "p.jsonl"]
