"""The Search tab in headless Chromium, by its keys, over a server without models."""

import pytest

from common.retrieval.filters import Filters
from serving.names import ModelName
from tests.serving.fake_backend import BASE
from tests.serving.page.page_backend import EVIL, HITS

pytestmark = pytest.mark.clients
BEST = "core/src/main/java/org/example/io/FileStreams.java:48–55"
SEARCHED = "document.querySelectorAll('.result').length === 3"
FOCUS = "document.activeElement.id || document.activeElement.closest('.result')?.dataset.key"


def searched(backend):
    return [one for one in backend.requests if hasattr(one, "top_k")]


def search(page, query="copy a file"):
    page.press("Escape")
    page.type(query)
    page.press("Enter")
    page.until(SEARCHED)


def test_a_search_shows_path_and_line_the_adapter_and_the_words_found(page, url):
    assert page.value(FOCUS) == "q"
    assert "18,204 units" in page.texts(".empty")[0]
    page.type("copy a file")
    page.press("Enter")
    page.until(SEARCHED)
    assert page.texts(".place")[0] == BEST
    assert page.texts(".told") == [f"{BASE}:java\nversion 3\ndddddddddddd\nthe query looks like java"]
    assert page.texts(".facts")[0].split("\n") == ["method", "java", "score 0.871", "bm25 17.9", "dense 0.744"]
    assert page.texts(".snippet")[0].endswith(HITS[1].source)
    assert page.texts(".result:first-child mark")[:3] == ["Copies", "file", "copy"]
    assert "public" in page.texts(".t-keyword")
    assert page.texts("#search-status")[0].startswith("3 results in stdlib · bm25 + dense · ")
    assert page.said == []
    assert all(one.startswith((url, "data:")) for one in page.requested)


def test_results_are_walked_opened_and_copied_by_keys(page):
    search(page)
    page.value("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.press("ArrowDown", "j")
    assert page.value(FOCUS).startswith("src/files/copying.py:112")
    page.press("c")
    assert page.until("window.copied") == "src/files/copying.py:112"
    shown = "document.activeElement.closest('.result').querySelector('.snippet').checkVisibility()"
    page.press("Enter")
    assert not page.value(shown)
    page.press("o")
    assert page.value(shown)
    page.press("O")
    assert page.texts(".snippet") == []
    page.press("O")
    assert len(page.texts(".snippet")) == 3
    page.press("j", "j", "j")
    assert page.value(FOCUS).startswith("internal/tree/copy.go")
    page.press("k", "ArrowUp", "ArrowUp")
    assert page.value(FOCUS).startswith("core/")
    page.press("Escape")
    assert page.value(FOCUS) == "q"
    page.press("j", "/", "?")
    assert page.value("document.getElementById('q').value") == "j/?"
    page.press("ArrowDown", "/")
    assert page.value(FOCUS) == "q"
    page.press("ArrowDown", "?")
    assert page.value("document.getElementById('shortcuts').open")
    page.press("Enter")
    assert not page.value("document.getElementById('shortcuts').open")


def test_two_adapters_stand_side_by_side_with_what_they_share(page, backend):
    search(page)
    page.choose("model", f"{BASE}:java")
    page.choose("with", BASE)
    page.until("document.querySelectorAll('.column').length === 2")
    assert [one.split("\n")[0] for one in page.texts(".told")] == [f"{BASE}:java", BASE]
    assert page.texts(".standing") == [
        "▲ 1, there #2", "▼ 1, there #1", "also #3", "▲ 1, there #2", "▼ 1, there #1", "also #3", "only here"
    ]  # fmt: skip
    assert page.texts("#search-status")[0].startswith("3 shared of 3 and 4 results")
    tops = page.value("[...document.querySelectorAll('.column')].map((one) => one.getBoundingClientRect().top)")
    assert tops[0] == tops[1]
    assert {one.model for one in searched(backend)[-2:]} == {ModelName(BASE, "java"), ModelName(BASE)}
    page.press("Escape", "ArrowDown", "ArrowRight")
    assert page.value("document.activeElement.querySelector('.rank').innerText") == "2"
    assert page.texts(".twin .place") == [BEST]
    page.press("h")
    assert page.texts(".twin .rank") == ["2"]


def test_one_column_says_what_is_wrong_while_the_other_shows_its_results(page):
    search(page)
    page.choose("model", f"{BASE}:java")
    page.value("document.getElementById('with').append(new Option('torn', 'acme/tiny:torn'))")
    page.choose("with", f"{BASE}:torn")
    assert page.until("document.querySelector('.column .failed')?.innerText") == "503: the files of torn are damaged"
    assert len(page.texts(".result")) == 3


def test_filters_are_sent_and_an_empty_answer_offers_to_drop_them(page, backend):
    search(page)
    page.choose("kind", "function")
    page.choose("legs", "bm25")
    page.choose("lang", "ruby")
    page.until("document.querySelector('.column .empty')")
    last = searched(backend)[-1]
    assert last.filters == Filters(languages=("ruby",), kinds=("function",))
    assert (last.index, last.legs, last.top_k) == ("stdlib", ("bm25",), 10)
    assert "Nothing found with language ruby and kind function." in page.texts(".empty")[0]
    page.value("document.querySelector('.empty button').click()")
    page.until(SEARCHED)
    assert searched(backend)[-1].filters == Filters()


def test_a_search_can_be_linked_and_gone_back_to(browser, page, url, backend):
    search(page)
    page.choose("lang", "go")
    page.until("document.querySelectorAll('.result').length === 1")
    link = page.value("location.href")
    assert link == f"{url}/#q=copy+a+file&lang=go"
    page.press("Escape")
    page.type("another")
    page.press("Enter")
    page.until("location.hash.includes('another')")
    page.value("history.back()")
    page.until("document.getElementById('q').value === 'copy a file'")
    with browser.page(link) as other:
        other.until("document.querySelectorAll('.result').length === 1")
        assert other.value("document.getElementById('lang').value") == "go"
    assert searched(backend)[-1].filters == Filters(languages=("go",))


def test_hostile_text_is_shown_as_text(browser, url):
    with browser.page(f"{url}/#q=copy&model={BASE}") as page:
        page.until("document.querySelectorAll('.result').length === 4")
        last = page.texts(".result:last-child")[0]
        assert f"web/{EVIL}.js:2–3" in last
        assert last.count(EVIL) == 3  # path, symbol, snippet
        assert page.value("document.querySelectorAll('main img, main script').length") == 0
        assert page.value("window.hit") is None
        # marks are where the words are, behind a character of two UTF-16 units, too
        assert page.texts(".result:last-child mark") == ["copy", "copy"]
        assert page.said == []


def test_an_error_is_one_line_with_the_server_s_words(browser, url, backend):
    with browser.page(f"{url}/#q=copy&model={BASE}:nobody") as page:
        status = page.until("document.querySelector('#search-status.failed')?.innerText")
        assert status == f"404: there is no model {BASE}:nobody"
        assert page.texts(".result") == []
        page.choose("model", BASE)
        page.until("document.querySelectorAll('.result').length === 4")
        assert page.value("document.querySelector('.status.failed')") is None
