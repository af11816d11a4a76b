"""What surrounds the tabs: the key, readiness; and how the page looks: widths, contrast."""

import hashlib

import pytest

from serving.http.keys import ApiKey
from tests.serving.fake_backend import BASE
from tests.serving.page.page_backend import PageBackend, serving

pytestmark = pytest.mark.clients
FORM = "document.getElementById('key-form')"
CONTRASTS = """
(() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((one) => one / 255)
    .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    const colour = element ? parts(getComputedStyle(element).backgroundColor) : [255, 255, 255];
    return (colour[3] ?? 1) > 0 ? colour : ground(element.parentElement);
  };
  const poor = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.closest(":disabled")) continue;
    const [one, other] = [light(parts(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    if ((one + 0.05) / (other + 0.05) < 4.5) poor.push(`${element.className} ${texts.currentNode.data.slice(0, 30)}`);
  }
  return poor;
})()
"""


@pytest.fixture
def locked(backend):
    key = ApiKey(name="me", sha256=hashlib.sha256(b"secret").hexdigest())
    with serving(backend, keys=(key,)) as url:
        yield url


def test_a_key_is_asked_for_after_401_only_and_kept_in_the_tab(browser, locked):
    with browser.page(f"{locked}/#q=copy&model={BASE}") as page:
        page.until(f"!{FORM}.hidden && document.activeElement.id === 'key'")
        assert page.texts("#key-reason") == ["no API key: send it as `Authorization: Bearer KEY`"]
        assert page.value("sessionStorage.length + localStorage.length") == 0
        page.type("wrong")
        page.press("Enter")
        page.until("document.getElementById('key-reason').innerText === 'this API key is not known here'")
        page.type("secret")
        page.press("Enter")
        page.until("document.querySelectorAll('.result').length === 4")
        assert page.value(f"{FORM}.hidden")
        page.value("window.before = 1")
        page.send("Page.reload")
        page.until("window.before === undefined && document.querySelectorAll('.result').length === 4")
        assert page.value(f"{FORM}.hidden")
        assert "secret" not in page.value("document.documentElement.outerHTML + location.href")
        page.value("document.getElementById('forget').click()")
        page.until(f"{FORM} && !{FORM}.hidden && sessionStorage.length === 0")


def test_without_keys_nobody_is_asked(page):
    assert page.value(f"{FORM}.hidden && document.getElementById('forget').hidden")


def test_a_server_that_starts_says_what_is_missing_until_it_is_there(browser, backend, url):
    backend.missing = ("embedding: its base is loading",)
    with browser.page(url) as page:
        readiness = "document.getElementById('readiness').innerText"
        assert page.until(readiness) == "Not ready: embedding: its base is loading"
        page.type("typed")
        backend.missing = ()
        page.until(f"{readiness} === ''")
        assert page.value("document.getElementById('q').value") == "typed"


def test_a_server_without_indexes_and_writers_says_so(browser):
    class Bare(PageBackend):
        async def indexes(self):
            return []

        async def models(self):
            return []

    with serving(Bare()) as url, browser.page(url) as page:
        page.until("document.querySelector('.empty')?.innerText === 'This server has no index to search.'")
        page.value("document.activeElement.blur()")
        page.press("g")
        assert page.texts("#generate-status") == ["This server has no model that writes."]
        assert page.value("document.getElementById('generate').disabled && document.getElementById('rag').disabled")


def test_tabs_are_switched_by_arrows(page):
    page.value("document.getElementById('tab-search').focus()")
    page.press("ArrowRight")
    selected = "document.querySelector('[aria-selected=true]').id"
    assert page.value(f"[{selected}, document.activeElement.id].join()") == "tab-generate,tab-generate"
    assert page.value("document.getElementById('panel-search').hidden")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_are_legible_and_nothing_is_wider_than_the_window(browser, url, scheme):
    with browser.page(f"{url}/#q=copy+a+file&with={BASE}") as page:
        page.until("document.querySelectorAll('.column').length === 2")
        page.press("ArrowDown", "O")
        for step in ("search", "generate"):
            for width in (360, 760, 1280, 1600):
                page.size(width, 800, scheme)
                assert page.value("document.documentElement.scrollWidth <= innerWidth"), (step, width)
            assert page.value(CONTRASTS) == []
            page.press("g")
            page.type("copy")
            page.value("document.getElementById('rag').click()")
            page.press("Enter", ctrl=True)
            page.until("document.getElementById('generate-status').innerText.includes('tokens/s')")
