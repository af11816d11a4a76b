"""The tokeniser on names as they are written in code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.retrieval.tokens import STOP_WORDS, parts, singular, tokenise


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("parseHTTPHeader", ["parse", "http", "header", "parsehttpheader"]),
        ("parse_http_header", ["parse", "http", "header", "parsehttpheader"]),
        ("HTTPServer", ["http", "server", "httpserver"]),
        ("allURLs", ["all", "url", "allurls"]),
        ("utf8", ["utf", "8", "utf8"]),
        ("MAX_SIZE", ["max", "size", "maxsize"]),
        ("__init__", ["init"]),
        ("os.path.join(a, b)", ["os", "path", "join", "b"]),
        ("x = [1, 22]", ["x", "1", "22"]),
        ("the list of files", ["list", "file"]),
        ("if not in", ["if", "not", "in"]),
        ("größe_inMetern 東京", ["größe", "inmetern", "größeinmetern", "東京"]),
        ("", []),
        ("  \n ___ ()", []),
    ],
)
def test_words(text, words):
    assert tokenise(text) == words


@pytest.mark.parametrize(
    ("plural", "word"),
    [("queries", "query"), ("files", "file"), ("indices", "indice"), ("class", "class"), ("status", "status"),
     ("is", "is"), ("goes", "goe"), ("list", "list")],
)  # fmt: skip
def test_plurals(plural, word):
    assert singular(plural) == word


def test_both_spellings_of_a_name_meet():
    assert set(tokenise("getUserName")) == set(tokenise("get_user_name"))


@given(st.text())
def test_any_text_gives_lower_case_words_of_no_width_zero(text):
    words = tokenise(text)
    assert all(words)
    assert words == [word.lower() for word in words]


@given(st.text(), st.text())
def test_a_line_break_separates(left, right):
    assert tokenise(left + "\n" + right) == tokenise(left) + tokenise(right)


def test_places_are_those_of_the_parts_in_the_text():
    text = "if parseHTTPHeaders(größen_2)"
    assert [(text[start:end], word) for start, end, word in parts(text)] == [
        ("if", "if"), ("parse", "parse"), ("HTTP", "http"), ("Headers", "header"), ("größen", "größen"), ("2", "2"),
    ]  # fmt: skip


@given(st.text(alphabet="aB1_ sSéÖ東.", max_size=30))
def test_parts_are_the_words_of_the_tokeniser_without_whole_names(text):
    found = [word for start, end, word in parts(text) if text[start:end].lower() not in STOP_WORDS]
    words = iter(tokenise(text))
    assert all(word in words for word in found)  # in that order
    assert all(start < end for start, end, _ in parts(text))
