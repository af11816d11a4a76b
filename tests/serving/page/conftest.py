"""A browser for all tests of the page; a server and a tab for each."""

import pytest

from tests.serving.page.chromium import BINARY, chromium
from tests.serving.page.page_backend import PageBackend, serving


@pytest.fixture(scope="package")
def browser(tmp_path_factory):
    pytest.importorskip("websockets", reason="drives the browser")
    if BINARY is None:
        pytest.skip("no Chromium on this machine")
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def backend():
    return PageBackend(words=["Copied:\n```python\n", "def copy(a):\n", "    return 1\n", "```"])


@pytest.fixture
def url(backend):
    with serving(backend) as url:
        yield url


@pytest.fixture
def page(browser, url):
    """A tab in which models and indexes have come."""
    with browser.page(url) as page:
        page.until("document.getElementById('writer').options.length && document.querySelector('.empty')")
        yield page
