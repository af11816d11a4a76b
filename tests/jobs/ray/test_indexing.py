"""Indexing over Ray: shards parsed as tasks, texts encoded by a pool of actors, as in one process."""

from __future__ import annotations

import json
from contextlib import closing

import numpy as np
import pytest

from common.cli import run
from common.retrieval.store import Store
from jobs.indexing import embedding, parsing
from jobs.indexing.config import BuildIndexConfig
from jobs.indexing.pipeline import build_index
from jobs.search_code import JOB as SEARCH

pytestmark = [pytest.mark.ray, pytest.mark.slow]
ENCODER = {"pooling": "mean", "max_length": 64}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("indexed") / "tree"
    root.mkdir()
    for number in range(12):
        functions = (
            f'def word{number}_{k}(values):\n    """Return the {k} largest values of list {number}."""\n'
            f"    return sorted(values)[-{k}:]\n\n\n"
            for k in range(1, 6)
        )
        (root / f"file_{number}.py").write_text("".join(functions), "utf-8")
    return root


def build(tree, folder, tiny):
    given = {"source": tree, "run_dir": folder, "model": str(tiny.base), "encoder": ENCODER, "precision": "fp32"}
    return build_index(BuildIndexConfig.model_validate(given))


def vectors(folder):
    with closing(Store.open(folder)) as store:
        ids = store.indexed_texts()
        return {text: vector for (_, text), vector in zip(store.texts(ids), store.vectors(1, ids), strict=True)}


def test_a_pool_of_actors_gives_the_vectors_that_one_process_gives(ray_cluster, tiny, tree, tmp_path, monkeypatch):
    alone = build(tree, tmp_path / "alone", tiny)
    monkeypatch.setattr(parsing, "FEW", 0)
    monkeypatch.setattr(parsing, "SHARD_BYTES", 1000)
    monkeypatch.setattr(embedding, "FEW", 0)
    monkeypatch.setattr(embedding, "BATCH_TEXTS", 8)
    monkeypatch.setattr(embedding, "WINDOW", 40)
    spread = build(tree, tmp_path / "spread", tiny)
    assert spread["units"] == alone["units"] == 60 and spread["texts"] == alone["texts"]
    one, other = vectors(tmp_path / "alone"), vectors(tmp_path / "spread")
    assert one.keys() == other.keys()
    assert all(np.allclose(one[text], other[text], atol=2e-3) for text in one)
    assert list(spread["encoded"].values()) == [60]


def test_the_command_searches_what_was_built(ray_cluster, tiny, tree, tmp_path, capsys):
    build(tree, tmp_path / "index", tiny)
    query = "Return the 3 largest values of list 7."
    asked = [query, "--index", str(tmp_path / "index"), "--json", "--top", "60", "--lines", "2"]
    assert run(SEARCH, asked) == 0
    assert len(json.loads(capsys.readouterr().out)) == 60
    assert run(SEARCH, [*asked, "--legs", "bm25"]) == 0  # the base is random, its vectors mean nothing
    (first, *_) = json.loads(capsys.readouterr().out)
    assert (first["path"], first["symbol"], first["start_line"]) == ("file_7.py", "word7_3", 11)
    assert first["snippet"].startswith("def word7_3(values):\n")
    assert run(SEARCH, ["word " * 200, "--index", str(tmp_path / "index")]) == 2
    assert "tree reads 64" in capsys.readouterr().err.replace(tiny.base.name, "tree")
