"""What picks an adapter, in which order, and what is said about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.corpora.mining.languages import LANGUAGES
from common.errors import UserError
from common.retrieval.routing import COMBINED, TITLES, Route, route

EACH = {language: f"search-{language}" for language in LANGUAGES} | {COMBINED: "search-all"}
GO_QUESTION, PLAIN_QUESTION = "how to close a channel in goroutine", "reverse a list"


def test_the_filter_comes_before_the_file_and_the_query():
    assert route(GO_QUESTION, EACH, language="ruby", path="a/example.py") == Route(
        "ruby", "search-ruby", "the filter asks for ruby"
    )


def test_the_file_comes_before_the_query():
    assert route(GO_QUESTION, EACH, path="lib/example.rb") == Route("ruby", "search-ruby", "the file is example.rb")


def test_a_file_of_no_language_leaves_it_to_the_query():
    assert route(GO_QUESTION, EACH, path="README.md") == route(GO_QUESTION, EACH)


def test_the_query_says_why():
    assert route(GO_QUESTION, EACH) == Route("go", "search-go", "the query looks like Go (goroutine, channel)")


def test_a_reason_shows_the_three_strongest_cues():
    reason = route("pandas numpy matplotlib scipy", EACH).reason
    assert reason == "the query looks like Python (pandas, numpy, matplotlib)"


def test_where_nothing_names_a_language_the_combined_adapter_serves_and_else_the_base():
    assert route(PLAIN_QUESTION, EACH) == Route(None, "search-all", "nothing names a language")
    assert route(PLAIN_QUESTION, {"go": "search-go"}) == Route(None, None, "nothing names a language")
    assert route(PLAIN_QUESTION, {}).adapter is None


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"language": "go"}, "the filter asks for go"),
        ({"path": "cmd/main.go"}, "the file is main.go"),
        ({}, "the query looks like Go (goroutine, channel)"),
    ],
)
def test_a_language_without_an_adapter_falls_to_the_combined_one_and_then_to_the_base(given, reason):
    combined = route(GO_QUESTION, {"ruby": "r", COMBINED: "c"}, **given)
    assert combined == Route(None, "c", f"{reason}, for which there is no adapter: the combined one serves")
    base = route(GO_QUESTION, {"ruby": "r"}, **given)
    assert base == Route(None, None, f"{reason}, for which there is no adapter: the base serves")


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("pyhton", "python"), ("Go", "go"), ("golang", "go"), ("c++", "cpp"), ("C#", "csharp"), ("js", "javascript"),
     ("javscript", "javascript"), ("TypeScript", "typescript")],
)  # fmt: skip
def test_an_unknown_filter_names_the_nearest_language(wrong, meant):
    with pytest.raises(UserError, match=f"did you mean {meant!r}") as caught:
        route(PLAIN_QUESTION, EACH, language=wrong)
    assert repr(wrong) in caught.value.message


@pytest.mark.parametrize("wrong", ["", "zzzzzz", COMBINED])
def test_an_unknown_filter_like_no_language_lists_them(wrong):
    with pytest.raises(UserError, match="there is no language") as caught:
        route(PLAIN_QUESTION, EACH, language=wrong)
    assert ", ".join(LANGUAGES) in caught.value.remedy


def test_a_filter_may_name_a_language_beyond_the_ten_that_has_an_adapter():
    assert route(PLAIN_QUESTION, {"rust": "search-rust"}, language="rust").adapter == "search-rust"


def test_every_language_has_a_title():
    assert set(TITLES) == set(LANGUAGES)


@given(st.text(), st.dictionaries(st.sampled_from([*LANGUAGES, COMBINED]), st.text(min_size=1)),
       st.none() | st.sampled_from(LANGUAGES), st.none() | st.sampled_from(["a.go", "b.hpp", "c.txt", ""]))  # fmt: skip
def test_the_adapter_is_that_of_the_language_or_the_combined_one(query, adapters, language, path):
    got = route(query, adapters, language=language, path=path)
    assert got.adapter == adapters.get(got.language or COMBINED)
    assert got.reason
    if language in adapters:
        assert got.language == language
