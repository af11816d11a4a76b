"""chrF equals sacrebleu's, as a corpus and an item at a time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import CHRF

from common.metrics.chrf import chrf_of, chrf_statistics, corpus_chrf

TEXTS = st.text(alphabet="ab c\n(é", max_size=12) | st.text(max_size=20)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6)


@settings(deadline=None)
@given(PAIRS)
def test_equals_sacrebleu(pairs):
    predictions, references = [one for one, _ in pairs], [other for _, other in pairs]
    standard = CHRF()
    corpus = standard.corpus_score(predictions, [references]).score / 100
    assert corpus_chrf(predictions, references) == pytest.approx(corpus, abs=1e-9)
    items = chrf_of(chrf_statistics(predictions, references))
    for item, one, other in zip(items, predictions, references, strict=True):
        assert item == pytest.approx(standard.sentence_score(one, [other]).score / 100, abs=1e-9)


def test_the_ends_of_the_scale():
    assert corpus_chrf(["return a"], ["return a"]) == pytest.approx(1)
    assert corpus_chrf(["xyz"], ["return a"]) == corpus_chrf([""], ["return a"]) == 0


def test_lists_that_do_not_fit():
    with pytest.raises(ValueError, match="2 references"):
        chrf_statistics(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="no pairs"):
        corpus_chrf([], [])
