"""Means over queries and languages: layout, pairing, and the stratified bootstrap against its theory."""

import json

import numpy as np
import pytest

from common.metrics.report import Means, compared, macro, macro_compared, micro


def means(seed=0, resamples=2000, **systems):
    return Means.of({name: {"mrr": np.asarray(values)} for name, values in systems.items()}, seed, resamples=resamples)


def found(means, system="a", metric="mrr"):
    return means.to_json()[system][metric]


def test_summary_has_the_layout_of_a_result_file():
    per_query = {"mrr": np.array([0.0, 1.0, 1.0]), "recall@1": np.array([0.0, 0.0, 1.0])}
    written = json.loads(json.dumps(Means.of({"bm25": per_query}, 0).to_json()))
    assert list(written["bm25"]) == ["mrr", "recall@1"]
    assert set(written["bm25"]["mrr"]) == {"value", "low", "high"}
    assert written["bm25"]["mrr"]["value"] == pytest.approx(2 / 3)
    assert written["bm25"]["recall@1"]["low"] <= 1 / 3 <= written["bm25"]["recall@1"]["high"]


def test_different_queries_are_refused():
    with pytest.raises(ValueError, match="different queries"):
        means(a=np.zeros(3), b=np.zeros(4))


def test_paired_interval_sees_a_difference_that_two_separate_ones_hide():
    rng = np.random.default_rng(6)
    hardness = rng.random(400)
    both = means(a=hardness + 0.01 + rng.normal(scale=0.02, size=400), b=hardness)
    difference = compared(both, "a", "b")["a_minus_b"]["mrr"]
    assert difference["low"] > 0
    assert difference["value"] == pytest.approx(found(both, "a")["value"] - found(both, "b")["value"])
    assert found(both, "a")["low"] < found(both, "b")["high"]


def test_relative_gain():
    values = np.random.default_rng(1).random(50) + 0.1
    gain = compared(means(a=1.2 * values, b=values), "a", "b")["relative_gain"]["mrr"]
    assert (gain["value"], gain["low"], gain["high"]) == pytest.approx((0.2, 0.2, 0.2))


def test_a_gain_over_nothing_is_left_out():
    assert compared(means(a=np.ones(5), b=np.zeros(5)), "a", "b")["relative_gain"] == {}
    once = compared(means(a=np.ones(3), b=np.array([1.0, 0, 0])), "a", "b")
    assert once["relative_gain"] == {}, "some resample has only zeros"
    assert once["a_minus_b"]["mrr"]["value"] == pytest.approx(2 / 3)


def test_macro_counts_languages_and_micro_queries():
    large, small = means(a=np.ones(30)), means(a=np.zeros(10))
    assert found(macro([large, small]))["value"] == pytest.approx(0.5)
    assert found(micro([large, small]))["value"] == pytest.approx(0.75)
    assert macro([large, small]).queries == micro([large, small]).queries == 40


def test_the_gain_of_languages_is_averaged_not_that_of_their_means():
    easy, hard = means(a=np.full(10, 0.8), b=np.full(10, 0.8)), means(a=np.full(10, 0.2), b=np.full(10, 0.1))
    block = macro_compared([easy, hard], "a", "b")
    assert block["relative_gain"]["mrr"]["value"] == pytest.approx((0 + 1) / 2)
    assert block["a_minus_b"]["mrr"]["value"] == pytest.approx(0.05)
    assert compared(micro([easy, hard]), "a", "b")["relative_gain"]["mrr"]["value"] == pytest.approx(0.05 / 0.45)


def test_means_hold_what_all_languages_have():
    one = Means.of({"a": {"mrr": np.ones(2), "p": np.ones(2)}, "b": {"mrr": np.ones(2)}}, 0)
    other = Means.of({"a": {"mrr": np.ones(3)}, "c": {"mrr": np.ones(3)}}, 0)
    assert {system: list(metrics) for system, metrics in macro([one, other]).table.items()} == {"a": ["mrr"]}


def test_the_width_is_that_of_sampling_within_each_language():
    rng = np.random.default_rng(3)
    # The languages' means lie far apart; only the spread within each may count
    groups = [rng.normal(loc, scale, size) for loc, scale, size in ((0, 1, 400), (10, 2, 900), (50, 1, 100))]
    parts = [means(seed=(0, i), resamples=4000, a=values) for i, values in enumerate(groups)]
    errors = [values.std() / np.sqrt(len(values)) for values in groups]
    total = sum(map(len, groups))
    for mean, weights in ((macro, [1 / 3] * 3), (micro, [len(values) / total for values in groups])):
        half = 1.96 * np.sqrt(sum((weight * error) ** 2 for weight, error in zip(weights, errors, strict=True)))
        interval = found(mean(parts))
        assert (interval["high"] - interval["low"]) / 2 == pytest.approx(half, rel=0.08)


def test_micro_of_one_group_is_that_group():
    part = means(a=np.random.default_rng(0).random(20))
    assert found(micro([part])) == pytest.approx(found(part))
    assert found(macro([part])) == pytest.approx(found(part))
