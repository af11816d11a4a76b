"""Vectors in files: written once, found again, never taken for other texts or another model."""

import numpy as np
import pytest

from common.retrieval.dense import unit
from jobs.negatives import vectors
from jobs.negatives.vectors import VectorShards

COUNT, WIDTH = 25, 4
VECTORS = unit(np.random.default_rng(0).normal(size=(COUNT, WIDTH)))
TEXTS = np.arange(COUNT, dtype=np.uint64) * 7


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    monkeypatch.setattr(vectors, "SHARD", 10)


def encode(rows):
    return VECTORS[rows.start : rows.stop]


def test_vectors_come_back_in_the_order_asked_for(tmp_path):
    shards = VectorShards(tmp_path, "model", TEXTS)
    assert shards.missing() == [0, 1, 2]
    shards.fill(encode, "")
    wanted = np.array([24, 0, 11, 11, 9, 10])
    assert shards.take(wanted) == pytest.approx(VECTORS[wanted], abs=1e-3)
    assert np.linalg.norm(shards.take(wanted), axis=1) == pytest.approx(1)
    assert shards.missing() == []


def test_half_precision_on_disk(tmp_path):
    VectorShards(tmp_path, "model", TEXTS).fill(encode, "")
    assert {np.load(file).dtype for file in tmp_path.iterdir()} == {np.dtype(np.float16)}


def test_an_interrupted_encoding_goes_on_after_the_last_file(tmp_path):
    shards, asked = VectorShards(tmp_path, "model", TEXTS), []

    def fails(rows):
        asked.append(rows.start)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return encode(rows)

    with pytest.raises(KeyboardInterrupt):
        shards.fill(fails, "")
    assert shards.missing() == [1, 2]
    shards.fill(fails, "")
    assert asked == [0, 10, 10, 20]
    shards.fill(lambda rows: pytest.fail("all is there"), "")


@pytest.mark.parametrize(("model", "change", "missing"), [("other", 0, [0, 1, 2]), ("model", 1, [1])])
def test_another_model_or_text_finds_nothing(tmp_path, model, change, missing):
    VectorShards(tmp_path, "model", TEXTS).fill(encode, "")
    texts = TEXTS.copy()
    texts[13] += change
    assert VectorShards(tmp_path, model, texts).missing() == missing
