import pytest

from common.corpora.mining.functions import Function
from common.corpora.mining.rules import RULES, apply_rules, first_failing, summary

CODE = "def mean(values):\n    total = sum(values)\n    return total / len(values)"


def function(documentation="Return the mean of the values.", code=CODE, symbol="Stats.mean", is_stub=False):
    return Function("stats.py", symbol, 1, 3, code, documentation, "python", ("values",), is_stub)


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        ("documented", function(documentation=" \n")),
        ("ordinary_method", function(symbol="Stats.__init__")),
        ("no_test", function(symbol="TestStats.checkTestMean")),
        ("enough_words", function(documentation="Return 1, 2, 3.")),
        ("not_too_long", function(documentation="word " * 257)),
        ("enough_code", function(code="def mean(values):\n\n\n    return 1")),
        ("does_something", function(is_stub=True)),
        ("valid_characters", function(documentation="Return the \ud800 mean.")),
        ("valid_characters", function(code=CODE + "\0")),
        ("no_link", function(documentation="Return the mean, see https://example.org.")),
        ("no_link", function(documentation="The mean as <img src=x> shows.")),
        ("english", function(documentation="Вернуть среднее из значений")),
        ("finished", function(documentation="TODO return the mean of it.")),
        ("finished", function(documentation="Deprecated, use the other mean.")),
        ("written_by_hand", function(documentation="This file was automatically generated.")),
        ("no_question", function(documentation="Should this be the mean?")),
        ("no_signature", function(documentation="s.mean(values) returns their mean value.")),
        ("no_pointer", function(documentation="See the base class instead.")),
        ("mostly_letters", function(documentation="mean := sum / len == (1 + 2 + 3) / 3 ---")),
    ],
)
def test_each_rule_drops_what_it_is_for(rule, bad):
    assert first_failing(bad) == rule


@pytest.mark.parametrize(
    "good",
    [
        function(),
        function(documentation="word " * 256),
        function(documentation="Grüße the naïve caller with the mean."),
        function(documentation="See if there is a mean."),
        function(documentation="Hacks, todos and results are averaged."),
        function(symbol="Testing.mean"),
        function(symbol="__private_mean"),
    ],
)
def test_what_is_fine_is_kept(good):
    assert first_failing(good) is None


def test_every_rule_has_a_name_of_its_own_and_a_source():
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert (rule.holds.__doc__ or "").startswith(("CSN", "GCB", "TV", "Ours")), rule.name


@pytest.mark.parametrize(
    ("documentation", "expected"),
    [
        ("One\n   two.\n\nThree.", "One two."),
        ("One.\n@param x it", "One."),
        ("One.\n:param x: it", "One."),
        ("One.\n:raises ValueError: never", "One."),
        ("One.\n>>> f(1)", "One."),
        ("One.\nParameters\n----------\nx", "One."),
        ("One.\nArgs:\n    x: it", "One."),
        ("Title\n=====\nText.", ""),
        ("Uses :func:`f` and so\n:class:`C` too.", "Uses :func:`f` and so :class:`C` too."),
        ("f(x) -> int\n\nCount the x.", "Count the x."),
        ("f(x) -> int. Count all the x.", "Count all the x."),
        ("f() -> (a, b), remove and return some pair", "remove and return some pair"),
        ("f(a, (b, c)) -- count all of them", "count all of them"),
        ("read() based variant of copy().", "read() based variant of copy()."),
        ("- One thing only.", "One thing only."),
        ("", ""),
    ],
)
def test_summary_is_the_first_paragraph(documentation, expected):
    assert summary(documentation) == expected


def test_everything_seen_is_accounted_for():
    listed = [function(), function(symbol="__eq__"), function(documentation=""), function(documentation="")]
    filtered = apply_rules(listed)
    assert filtered.kept == (listed[0],)
    assert filtered.seen == 4
    assert {name: count for name, count in filtered.dropped.items() if count} == {"documented": 2, "ordinary_method": 1}
    assert list(filtered.dropped) == [rule.name for rule in RULES]
