"""The lexical parts against counts by hand, and the rules for short and missing text."""

from math import exp, log

import pytest

from common.metrics.codebleu import corpus_codebleu, figures_of, pair_statistics
from common.metrics.codebleu.ngrams import closest_length, precision_counts, recall_counts

KEYWORDS = frozenset({"return", "if"})


def test_precision_counts_a_token_as_often_as_a_reference_has_it():
    found, total = precision_counts(["a", "a", "a", "b"], [["a", "a", "c"], ["b", "d"]])
    assert found == [3, 1, 0, 0]
    assert total == [4, 3, 2, 1]


def test_a_missing_order_counts_as_one_without_a_match():
    assert precision_counts(["a"], [["a"]]) == ([1, 0, 0, 0], [1, 1, 1, 1])


def test_keywords_weigh_five_times_as_much():
    found, total = recall_counts(["return", "x"], [["return", "y", "if", "z"]], KEYWORDS)
    assert found == pytest.approx([1, 0, 0, 0])
    assert total == pytest.approx([2.4, 3, 2, 1])


def test_the_weights_of_a_reference_are_at_least_one():
    assert recall_counts(["x"], [["x"]], KEYWORDS)[1][0] == 1


def test_recall_sums_over_references():
    one, two = ["a", "b"], ["b", "a", "b"]
    apart = [recall_counts(one, [reference], KEYWORDS) for reference in (one, two)]
    both = recall_counts(one, [one, two], KEYWORDS)
    for side in (0, 1):
        assert both[side] == pytest.approx([x + y for x, y in zip(apart[0][side], apart[1][side], strict=True)])


def test_the_nearest_length_and_of_two_the_shorter():
    assert closest_length(5, [2, 7, 9]) == 7
    assert closest_length(5, [6, 4]) == 4


def test_bleu_of_a_short_prediction():
    """Four tokens of eight, all right: only the penalty is left."""
    figures = corpus_codebleu(["a b c d"], [["a b c d e f g h"]])
    assert figures.ngram == pytest.approx(exp(1 - 8 / 4))


def test_an_order_without_a_match_has_a_tenth():
    figures = corpus_codebleu(["a b x y"], [["a b c d"]])
    assert figures.ngram == pytest.approx(exp(sum(map(log, (2 / 4, 1 / 3, 0.1 / 2, 0.1 / 1))) / 4))


def test_fewer_than_four_tokens_score_low_even_against_themselves():
    assert corpus_codebleu(["f(a) + b"], [["f(a) + b"]]).ngram == pytest.approx(0.1**0.25)


def test_the_weighted_part_shortens_predictions_of_one_token_only():
    one = corpus_codebleu(["f()"], [["f()"]])
    assert one.weighted_ngram == pytest.approx((0.2 * 0.1**3) ** 0.25 * exp(1 - 2 / 1))
    many = corpus_codebleu(["a b c d"], [["a b c d e f g h"]])
    assert many.weighted_ngram == pytest.approx((4 / 8 * 3 / 7 * 2 / 6 * 1 / 5) ** 0.25)


@pytest.mark.parametrize("prediction", ["", "  \n ", "nothing alike"])
def test_nothing_in_common_is_zero(prediction):
    figures = corpus_codebleu([prediction], [["logging.info('date={}'.format(date))"]])
    assert figures.ngram == figures.weighted_ngram == 0


def test_smoothing_is_of_the_sum():
    """A corpus is no mean of its pairs."""
    rows = pair_statistics(["a b x y", "a b c d"], [["a b c d"]] * 2)
    together = figures_of(rows.sum(axis=0))[0]
    assert together == pytest.approx(exp(sum(map(log, (6 / 8, 4 / 6, 2 / 4, 1 / 2))) / 4))
    assert together != pytest.approx(figures_of(rows)[:, 0].mean())
