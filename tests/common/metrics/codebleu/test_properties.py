"""What holds of any code: bounds, a text against itself, sums over pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import ConfigError
from common.metrics.codebleu import COLUMNS, FIGURES, corpus_codebleu, figures_of, pair_statistics

MODES = st.sampled_from(["official", "pypi"])
NAMES = st.sampled_from(["a", "b", "total", "rows", "é"])
EXPRESSIONS = st.recursive(
    NAMES | st.integers(0, 9).map(str) | st.sampled_from(["'text'", "f'{a}'", "None"]),
    lambda inner: (
        st.builds("{} + {}".format, inner, inner)
        | st.builds("f({}, key={})".format, inner, inner)
        | st.builds("{}[{}]".format, NAMES, inner)
        | st.builds("not {} and {}".format, inner, inner)
        | st.builds("[{} for a in {}]".format, inner, inner)
    ),
    max_leaves=5,
)


def indented(block):
    return "\n".join("    " + line for line in block.split("\n"))


STATEMENTS = st.recursive(
    st.builds("{} = {}".format, NAMES, EXPRESSIONS)
    | st.builds("{}, {} = {}".format, NAMES, NAMES, EXPRESSIONS)
    | st.builds("{} += {}  # more".format, NAMES, EXPRESSIONS)
    | st.builds("return {}".format, EXPRESSIONS),
    lambda inner: (
        st.builds("if {}:\n{}\nelse:\n{}".format, EXPRESSIONS, inner.map(indented), inner.map(indented))
        | st.builds("for {} in {}:\n{}".format, NAMES, EXPRESSIONS, inner.map(indented))
        | st.builds("while {}:\n{}".format, EXPRESSIONS, inner.map(indented))
        | st.builds("def f({}, b=1):\n{}".format, NAMES, inner.map(indented))
        | st.builds("{}\n{}".format, inner, inner)
    ),
    max_leaves=4,
)
CODE = STATEMENTS | st.text(max_size=60)
PAIRS = st.lists(st.tuples(CODE, CODE), min_size=1, max_size=5)


def rows(pairs, mode):
    return pair_statistics([one for one, _ in pairs], [[other] for _, other in pairs], mode=mode)


@settings(max_examples=30, deadline=None)
@given(PAIRS, MODES)
def test_figures_are_between_0_and_1(pairs, mode):
    of_pairs = figures_of(rows(pairs, mode), mode=mode)
    assert of_pairs.shape == (len(pairs), len(FIGURES))
    assert (of_pairs >= 0).all() and (of_pairs <= 1 + 1e-12).all()


@settings(max_examples=30, deadline=None)
@given(STATEMENTS, MODES)
def test_code_against_itself(code, mode):
    figures = corpus_codebleu([code], [[code]], mode=mode)
    assert figures.syntax == 1
    assert figures.dataflow in (0, 1)
    assert figures.dataflow == 1 or "=" not in code.replace("key=", "")  # an argument by name is no assignment
    if len(code.split()) >= 4:
        assert figures.ngram == pytest.approx(1)


@settings(max_examples=25, deadline=None)
@given(PAIRS, MODES, st.randoms())
def test_the_order_of_pairs_does_not_matter(pairs, mode, draw):
    mixed = list(pairs)
    draw.shuffle(mixed)
    there, here = rows(pairs, mode).sum(axis=0), rows(mixed, mode).sum(axis=0)
    assert figures_of(there, mode=mode) == pytest.approx(figures_of(here, mode=mode), abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(PAIRS, MODES)
def test_a_corpus_of_one_is_its_pair_and_a_corpus_the_sum_of_its_rows(pairs, mode):
    table = rows(pairs, mode)
    assert table.shape == (len(pairs), COLUMNS)
    one, other = pairs[0]
    alone = corpus_codebleu([one], [[other]], mode=mode)
    assert figures_of(table, mode=mode)[0] == pytest.approx([getattr(alone, name) for name in FIGURES], abs=1e-12)
    together = corpus_codebleu([p for p, _ in pairs], [[r] for _, r in pairs], mode=mode)
    assert figures_of(table.sum(axis=0), mode=mode).tolist() == [getattr(together, name) for name in FIGURES]


@settings(max_examples=30, deadline=None)
@given(STATEMENTS, MODES)
def test_a_corpus_repeated_has_the_same_shares(code, mode):
    """Smoothing is of the sum, so the lexical parts may rise; the other two do not change."""
    once, twice = (
        corpus_codebleu([code], [["a = b"]], mode=mode),
        corpus_codebleu([code] * 2, [["a = b"]] * 2, mode=mode),
    )
    assert (once.syntax, once.dataflow) == (twice.syntax, twice.dataflow)


def test_weights_say_how_the_parts_enter():
    pair = ["a = b + c"], [["a = d"]]
    plain = corpus_codebleu(*pair)
    assert corpus_codebleu(*pair, weights=(0, 0, 1, 0)).codebleu == plain.syntax
    assert corpus_codebleu(*pair, weights=(0, 0.5, 0, 0.5)).codebleu == pytest.approx(
        (plain.weighted_ngram + plain.dataflow) / 2
    )


def test_a_second_reference_is_summed_in():
    first, second = "a = f(b)\nreturn a", "for i in x:\n    print(i)"
    alone = [pair_statistics([first], [[one]]) for one in (first, second)]
    both = pair_statistics([first], [[first, second]])
    assert both[0, -4:].tolist() == (alone[0] + alone[1])[0, -4:].tolist()
    assert figures_of(both)[0, 0] == 1  # n-grams are looked for in any reference


def test_a_lone_surrogate_is_scored():
    assert corpus_codebleu(["a = '\ud800'"], [["a = 1"]]).syntax > 0


def test_an_unknown_language_says_which_are_known():
    with pytest.raises(ConfigError, match="no language 'cobol'") as caught:
        corpus_codebleu(["x"], [["x"]], language="cobol")
    assert "python" in caught.value.remedy


def test_lists_that_do_not_fit():
    with pytest.raises(ValueError, match="references for 1"):
        pair_statistics(["a", "b"], [["a"]])
    with pytest.raises(ValueError, match="without a reference"):
        pair_statistics(["a"], [[]])
    with pytest.raises(ValueError, match="no pairs"):
        corpus_codebleu([], [])


def test_no_pairs_have_no_rows():
    assert pair_statistics([], []).shape == (0, COLUMNS)
    assert np.isfinite(figures_of(np.zeros(COLUMNS))).all()
