import json

import numpy as np
import pytest

from common.corpora.beir import Document, RetrievalSet
from common.errors import UserError
from common.models.encoder import Encoder
from jobs.search.evaluation import Scoring, evaluate
from jobs.search.languages import by_set, evaluate_sets
from tests.models_zoo import LINES, adapter

pytestmark = pytest.mark.usefixtures("one_thread")


def a_set(name, count, *, copies=0):
    """`count` queries, each the first words of its document."""
    documents = {f"d{n}": Document(line) for n, line in enumerate(LINES)}
    documents |= {f"copy{n}": Document(LINES[0]) for n in range(copies)}
    queries = {f"q{n}": " ".join(line.split()[:2]) for n, line in enumerate(LINES[:count])}
    return RetrievalSet(name, queries, documents, {f"q{n}": {f"d{n}": 1} for n in range(count)})


@pytest.fixture
def sets():
    return {"java": a_set("java", 4), "c++": a_set("c++", 8, copies=2)}


@pytest.fixture
def scoring(small_base, tmp_path):
    return Scoring(small_base, tmp_path, "fp32")


def value(block, system="adapter", metric="mrr"):
    return block["metrics"][system][metric]["value"]


def test_each_language_is_scored_as_it_would_be_alone(sets, scoring, small_base, small_adapter, tmp_path):
    result = evaluate_sets(sets, scoring, small_adapter)
    assert list(result["languages"]) == ["java", "c++"]
    for name, retrieval in sets.items():
        alone = evaluate(retrieval, Scoring(small_base, tmp_path / "alone" / name, "fp32"), small_adapter)
        block = result["languages"][name]
        assert set(block) == set(alone)
        assert {s: {m: v["value"] for m, v in found.items()} for s, found in block["metrics"].items()} == {
            s: {m: v["value"] for m, v in found.items()} for s, found in alone["metrics"].items()
        }
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_macro_counts_languages_micro_queries(sets, scoring, small_adapter):
    result = evaluate_sets(sets, scoring, small_adapter)
    java, cpp = result["languages"].values()
    for system in ("bm25", "zero_shot", "adapter", "hybrid"):
        for metric in ("mrr", "ndcg@10", "recall@1"):
            a, b = value(java, system, metric), value(cpp, system, metric)
            assert value(result["macro"], system, metric) == pytest.approx((a + b) / 2)
            assert value(result["micro"], system, metric) == pytest.approx((4 * a + 8 * b) / 12)
    assert result["macro"]["queries"] == result["micro"]["queries"] == 12
    assert result["macro"]["ceiling"]["mrr"] == pytest.approx((java["ceiling"]["mrr"] + cpp["ceiling"]["mrr"]) / 2)
    assert result["micro"]["ceiling"]["mrr"] == pytest.approx((4 + 8 * cpp["ceiling"]["mrr"]) / 12)
    change = result["macro"]["adapter_minus_zero_shot"]["mrr"]
    assert change["value"] == pytest.approx(value(result["macro"]) - value(result["macro"], "zero_shot"))
    assert change["low"] <= change["value"] <= change["high"]
    gains = [block["relative_gain"]["mrr"]["value"] for block in (java, cpp)]
    assert result["macro"]["relative_gain"]["mrr"]["value"] == pytest.approx(np.mean(gains))
    ratio = value(result["micro"]) / value(result["micro"], "zero_shot")
    assert result["micro"]["relative_gain"]["mrr"]["value"] == pytest.approx(ratio - 1)


def test_a_protocol_that_differs_in_one_language_counts_as_strict_in_the_others(sets, scoring):
    result = evaluate_sets(sets, scoring)
    java, cpp = result["languages"].values()
    assert "collapsed" not in java
    merged = (value(java, "bm25") + value(cpp["collapsed"], "bm25")) / 2
    assert value(result["macro"]["collapsed"], "bm25") == pytest.approx(merged)
    assert "multi_positive" not in result["macro"]


def test_without_an_adapter_nothing_is_compared(sets, scoring):
    result = evaluate_sets(sets, scoring)
    assert "adapter" not in result["macro"]["metrics"]
    assert not {"adapter_minus_zero_shot", "relative_gain"} & set(result["macro"])


def test_each_language_may_have_its_adapter(sets, scoring, small_base, small_adapter, tmp_path):
    other = adapter(tmp_path / "other", small_base, seed=5)
    result = evaluate_sets(sets, scoring, {"c++": other, "java": small_adapter})
    for name, folder in (("java", small_adapter), ("c++", other)):
        alone = evaluate(sets[name], Scoring(small_base, tmp_path / "alone" / name, "fp32"), folder)
        assert value(result["languages"][name]) == value(alone)
    combined = evaluate_sets(sets, scoring, small_adapter)
    assert value(combined["languages"]["java"]) == value(result["languages"]["java"])
    assert value(combined["languages"]["c++"]) != value(result["languages"]["c++"])


def test_each_model_is_loaded_once(sets, scoring, small_adapter, monkeypatch):
    load, loaded = Encoder.load, []
    monkeypatch.setattr(Encoder, "load", lambda *args, **kw: loaded.append(kw["adapter"]) or load(*args, **kw))
    first = evaluate_sets(sets, scoring, small_adapter)
    assert loaded == [None, small_adapter]
    assert evaluate_sets(sets, scoring, small_adapter) == first
    assert len(loaded) == 2, "the vectors are there"


def test_the_order_of_the_languages_does_not_move_an_interval(sets, scoring):
    there = evaluate_sets(sets, scoring)
    back = evaluate_sets(dict(reversed(sets.items())), scoring)
    assert there["languages"] == back["languages"]
    assert there["micro"]["metrics"]["bm25"]["mrr"] == pytest.approx(back["micro"]["metrics"]["bm25"]["mrr"])


def test_languages_of_equal_size_are_drawn_apart(scoring):
    # Were they drawn alike, the macro mean would move as one language does; apart, it moves less
    twins = {"a": a_set("a", 8), "b": a_set("b", 8)}
    result = evaluate_sets(twins, scoring)

    def width(block):
        found = block["metrics"]["zero_shot"]["mrr"]
        return found["high"] - found["low"]

    assert width(result["macro"]) < 0.85 * width(result["languages"]["a"])


def test_files_of_a_language_have_their_folder(sets, scoring, tmp_path):
    scoring = Scoring(scoring.base, tmp_path, "fp32", dump_run=3)
    evaluate_sets({**sets, "a/b": a_set("x", 2)}, scoring)
    assert (tmp_path / "c++" / "run.bm25.trec").exists()
    assert (tmp_path / "a%2Fb" / "vectors" / "zero_shot.npz").exists()


def test_a_language_without_its_adapter_is_refused_before_anything_is_encoded(sets, scoring, small_adapter, tmp_path):
    with pytest.raises(UserError, match=r"no adapter for c\+\+; there are some for java"):
        evaluate_sets(sets, scoring, {"java": small_adapter})
    assert not list(tmp_path.iterdir())
    assert by_set(None, ["x"]) == {"x": None}
