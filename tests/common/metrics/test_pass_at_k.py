"""pass@k against counting, its shape, and what reports say of it."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.metrics.bootstrap import mean_interval
from common.metrics.pass_at_k import CUTS, UNNAMED, Attempts, by_difficulty, pass_at_k, pass_figures


@st.composite
def counts(draw, largest=300):
    n = draw(st.integers(1, largest))
    return n, draw(st.integers(0, n)), draw(st.integers(1, n))


@given(counts(largest=9))
def test_equals_the_share_of_draws_that_hold_a_good_sample(drawn):
    n, c, k = drawn
    draws = list(combinations(range(n), k))
    assert pass_at_k(n, c, k) == pytest.approx(np.mean([any(i < c for i in draw) for draw in draws]), abs=1e-12)


@given(counts())
def test_equals_the_quotient_of_binomials(drawn):
    n, c, k = drawn
    exact = (comb(n, k) - comb(n - c, k)) / comb(n, k)
    assert pass_at_k(n, c, k) == pytest.approx(exact, abs=1e-12)


@given(counts())
def test_grows_with_k_and_c(drawn):
    n, c, k = drawn
    here = pass_at_k(n, c, k)
    assert 0 <= here <= 1
    assert k == n or pass_at_k(n, c, k + 1) >= here - 1e-12
    assert c == n or pass_at_k(n, c + 1, k) >= here - 1e-12


@given(counts())
def test_ends(drawn):
    n, c, k = drawn
    assert pass_at_k(n, 0, k) == 0
    assert pass_at_k(n, n, k) == 1
    assert pass_at_k(n, c, 1) == pytest.approx(c / n)
    assert pass_at_k(n, c, n) == (c > 0)


def test_large_samples_do_not_overflow():
    assert pass_at_k(100_000, 50, 1000) == pytest.approx(1 - 0.99**50, rel=0.01)
    assert pass_at_k(10**6, 1, 10) == pytest.approx(1e-5, rel=1e-9)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0), (3, 1, 4), (0, 0, 1)])
def test_impossible_counts_are_refused(n, c, k):
    with pytest.raises(ValueError, match=f"n = {n}, c = {c}, k = {k}"):
        pass_at_k(n, c, k)


def attempts(n, c, difficulty="interview"):
    """n samples of a problem with two tests; c pass both, the others one."""
    return Attempts.of(difficulty, [[True, True]] * c + [[True, False]] * (n - c))


def test_a_sample_passes_with_all_its_tests_only():
    one = Attempts.of("", [[True, True, True], [True, False, True], [False], np.array([True])])
    assert one.shares == pytest.approx((1, 2 / 3, 0, 1))
    assert (one.samples, one.passed) == (4, 2)


@given(st.integers(1, 2000), st.data())
def test_one_failing_test_among_many_is_seen(tests, data):
    results = [True] * tests
    assert Attempts.of("", [results]).passed == 1
    results[data.draw(st.integers(0, tests - 1))] = False
    assert Attempts.of("", [results]).passed == 0


@pytest.mark.parametrize("results", [[], [[]], [[True], []]])
def test_no_sample_and_no_test_have_no_figure(results):
    with pytest.raises(ValueError, match="at least one"):
        Attempts.of("", results)


def test_figures_are_means_over_problems():
    got = pass_figures([attempts(10, 5), attempts(20, 0)], seed=0)
    assert (got.problems, got.samples, got.left_out) == (2, 30, {})
    assert list(got.figures) == ["avg_tests_passed", "strict_accuracy", "pass@1", "pass@2", "pass@5", "pass@10"]
    assert got.figures["avg_tests_passed"].value == pytest.approx((0.75 + 0.5) / 2)
    assert got.figures["strict_accuracy"] == got.figures["pass@1"]
    assert got.figures["pass@1"].value == pytest.approx(0.25)
    assert got.figures["pass@10"].value == pytest.approx(0.5)


def test_intervals_draw_problems():
    rng = np.random.default_rng(0)
    many = [attempts(10, int(c)) for c in rng.integers(0, 11, size=80)]
    expected = mean_interval(np.array([pass_at_k(10, one.passed, 2) for one in many]), seed=3)
    assert pass_figures(many, seed=3).figures["pass@2"] == expected
    assert expected.low < expected.value < expected.high


def test_problems_with_too_few_samples_are_left_out_and_counted():
    several = [attempts(10, 5), attempts(4, 0), attempts(1, 1)]
    got = pass_figures(several, seed=0)
    assert got.left_out == {"pass@2": 1, "pass@5": 2, "pass@10": 2}
    assert got.figures["pass@2"].value == pytest.approx(pass_at_k(10, 5, 2) / 2)
    assert got.figures["pass@10"].value == 1
    assert got.figures["pass@1"].value == pytest.approx(0.5), "this is over all"
    reference = pass_figures(several, seed=0, rule="reference")
    assert list(reference.figures) == ["avg_tests_passed", "strict_accuracy", "pass@1"]
    assert reference.left_out == got.left_out


def test_a_k_that_nobody_reaches_is_not_there():
    got = pass_figures([attempts(1, 1)], seed=0)
    assert "pass@2" not in got.figures
    assert got.left_out == {"pass@2": 1, "pass@5": 1, "pass@10": 1}


def test_by_difficulty_each_by_itself_and_in_order():
    several = [
        attempts(1, 0, "zoo"),
        attempts(10, 1, "competition"),
        attempts(10, 10, "introductory"),
        attempts(2, 1, ""),
    ]
    got = by_difficulty(several, seed=0, rule="reference")
    assert list(got) == ["introductory", "competition", UNNAMED, "zoo"]
    assert got["introductory"].figures["pass@10"].value == 1
    assert got["competition"].figures["pass@5"].value == pytest.approx(0.5)
    assert "pass@2" not in got["zoo"].figures
    assert sum(figures.problems for figures in got.values()) == 4


def test_as_result_files_hold_it():
    got = pass_figures([attempts(2, 2)], seed=0, ks=(1, 5)).to_json()
    one = {"value": 1.0, "low": 1.0, "high": 1.0}
    assert got == {
        "problems": 1, "samples": 2, "avg_tests_passed": one, "strict_accuracy": one, "pass@1": one,
        "left_out": {"pass@5": 1},
    }  # fmt: skip


def test_nothing_has_no_figures():
    with pytest.raises(ValueError, match="at least one query"):
        pass_figures([], seed=0)
    assert by_difficulty([], seed=0) == {}


def test_the_reference_evaluator_s_cuts():
    assert CUTS == (1, 2, 5, 10)
