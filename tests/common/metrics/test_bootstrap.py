"""Bootstrap intervals: their width against theory, their cover, and what a paired one adds."""

import json

import numpy as np
import pytest

from common.metrics import bootstrap
from common.metrics.bootstrap import Interval, intervals, mean_interval, paired_difference
from common.metrics.report import compare, summarise, to_json


def test_width_agrees_with_the_standard_error():
    values = np.random.default_rng(1).normal(size=2000)
    got = mean_interval(values, seed=0, resamples=4000)
    half = 1.96 * values.std() / np.sqrt(2000)
    assert got.mean == pytest.approx(values.mean())
    assert got.mean - got.low == pytest.approx(half, rel=0.08)
    assert got.high - got.mean == pytest.approx(half, rel=0.08)


def test_covers_the_true_mean_about_ninety_five_times_in_a_hundred():
    rng = np.random.default_rng(2)
    samples = rng.exponential(size=(300, 200))
    found = [mean_interval(sample, seed=i, resamples=500) for i, sample in enumerate(samples)]
    covered = np.mean([interval.low <= 1 <= interval.high for interval in found])
    assert 0.88 <= covered <= 0.99


def test_level_widens_the_interval():
    values = np.random.default_rng(3).random(100)
    narrow, wide = (mean_interval(values, seed=0, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_same_seed_same_interval_and_another_seed_another():
    values = np.random.default_rng(4).random(50)
    assert mean_interval(values, seed=5) == mean_interval(values, seed=5)
    assert mean_interval(values, seed=5) != mean_interval(values, seed=6)


def test_resampling_in_several_blocks_is_a_bootstrap_all_the_same(monkeypatch):
    values = np.random.default_rng(5).random(300)
    whole = mean_interval(values, seed=0)
    monkeypatch.setattr(bootstrap, "_BLOCK", 1000)  # three resamples at a time, the last block smaller
    parts = mean_interval(values, seed=0)
    assert len(bootstrap._resampled_means(values[:, None], 0, 2000)) == 2000
    assert (parts.low, parts.high) == pytest.approx((whole.low, whole.high), abs=0.005)


def test_paired_interval_sees_a_difference_that_two_separate_ones_hide():
    rng = np.random.default_rng(6)
    hardness = rng.random(400)
    baseline, system = hardness, hardness + 0.01 + rng.normal(scale=0.02, size=400)
    difference = paired_difference(system, baseline, seed=0)
    assert difference.low > 0
    assert difference.mean == pytest.approx(np.mean(system) - np.mean(baseline))
    assert mean_interval(system, seed=0).low < mean_interval(baseline, seed=0).high


def test_paired_difference_is_antisymmetric():
    rng = np.random.default_rng(7)
    a, b = rng.random(80), rng.random(80)
    forth, back = paired_difference(a, b, seed=1), paired_difference(b, a, seed=1)
    assert (back.mean, back.low, back.high) == pytest.approx((-forth.mean, -forth.high, -forth.low))


def test_single_query_has_an_interval_of_no_width():
    assert mean_interval(np.array([0.25]), seed=0) == Interval(0.25, 0.25, 0.25)


@pytest.mark.parametrize("values", [[], [0.1, np.nan], [np.inf, 1.0]])
def test_no_query_and_values_that_are_not_finite_are_refused(values):
    with pytest.raises(ValueError, match=r"at least one query|NaN or infinite"):
        mean_interval(np.array(values), seed=0)


def test_other_queries_are_no_pair():
    with pytest.raises(ValueError, match="same queries"):
        paired_difference(np.zeros(3), np.zeros(4), seed=0)
    with pytest.raises(ValueError, match="mrr: the two systems"):
        compare({"mrr": np.zeros(3)}, {"mrr": np.zeros(1)}, seed=0)


def test_summary_has_the_layout_of_a_result_file():
    values = {"mrr": np.array([0.0, 1.0, 1.0]), "recall@1": np.array([0.0, 0.0, 1.0])}
    summary = summarise(values, seed=0)
    written = json.loads(json.dumps(to_json(summary)))
    assert list(written) == ["mrr", "recall@1"]
    assert set(written["mrr"]) == {"value", "low", "high"}
    assert written["mrr"]["value"] == pytest.approx(2 / 3)
    assert written["recall@1"]["low"] <= 1 / 3 <= written["recall@1"]["high"]
    assert summarise({}, seed=0) == {}


def test_summary_over_different_queries_is_refused():
    with pytest.raises(ValueError, match="different queries"):
        summarise({"mrr": np.zeros(3), "recall@1": np.zeros(4)}, seed=0)


def test_comparison_holds_the_metrics_that_both_have():
    got = compare({"mrr": np.array([1.0, 0.5])}, {"mrr": np.array([0.5, 0.5]), "recall@1": np.zeros(2)}, seed=0)
    assert list(got) == ["mrr"]
    assert got["mrr"].mean == 0.25


def test_columns_share_their_resamples():
    values = np.random.default_rng(8).random(60)
    one, other = intervals(np.stack([values, 2 * values], axis=1), seed=0)
    assert (other.low, other.high) == pytest.approx((2 * one.low, 2 * one.high))
