"""Bootstrap intervals: their width against theory, their cover."""

import numpy as np
import pytest

from common.metrics import bootstrap
from common.metrics.bootstrap import Interval, drawn_means, interval, mean_interval


def test_width_agrees_with_the_standard_error():
    values = np.random.default_rng(1).normal(size=2000)
    got = mean_interval(values, seed=0, resamples=4000)
    half = 1.96 * values.std() / np.sqrt(2000)
    assert got.value == pytest.approx(values.mean())
    assert got.value - got.low == pytest.approx(half, rel=0.08)
    assert got.high - got.value == pytest.approx(half, rel=0.08)


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
    assert drawn_means(values[:, None], 0).shape == (2001, 1)
    assert (parts.low, parts.high) == pytest.approx((whole.low, whole.high), abs=0.005)


def test_sums_and_differences_of_columns_may_be_taken_after_drawing():
    a, b = np.random.default_rng(7).random((2, 80))
    drawn = drawn_means(np.stack([a, b, b - a, 2 * a], axis=1), 1)
    np.testing.assert_allclose(drawn[:, 1] - drawn[:, 0], drawn[:, 2], atol=1e-12)
    np.testing.assert_allclose(2 * drawn[:, 0], drawn[:, 3], atol=1e-12)
    assert drawn[0, 0] == pytest.approx(a.mean())
    forth, back = interval(drawn[:, 2]), interval(-drawn[:, 2])
    assert (back.value, back.low, back.high) == pytest.approx((-forth.value, -forth.high, -forth.low))


def test_single_query_has_an_interval_of_no_width():
    assert mean_interval(np.array([0.25]), seed=0) == Interval(0.25, 0.25, 0.25)


@pytest.mark.parametrize("values", [[], [0.1, np.nan], [np.inf, 1.0]])
def test_no_query_and_values_that_are_not_finite_are_refused(values):
    with pytest.raises(ValueError, match=r"at least one query|NaN or infinite"):
        mean_interval(np.array(values), seed=0)


def test_values_need_two_axes():
    with pytest.raises(ValueError, match="two axes"):
        drawn_means(np.zeros(3), 0)


def test_an_interval_as_result_files_hold_it():
    assert Interval(0.5, 0.25, 0.75).to_json() == {"value": 0.5, "low": 0.25, "high": 0.75}
