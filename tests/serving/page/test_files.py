"""The page's files, without a browser."""

import re
from html.parser import HTMLParser

import pytest

from serving.http.app import PAGE
from tests.serving.fake_backend import FakeBackend
from tests.serving.http_client import client_of

FILES = sorted(PAGE.iterdir())
SCRIPTS = [file for file in FILES if file.suffix == ".js"]


class Parsed(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.elements, self.inline, self._in = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._in = tag if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self._in = None

    def handle_data(self, data):
        if self._in and data.strip():
            self.inline.append(data)


@pytest.fixture(scope="module")
def html():
    return Parsed((PAGE / "index.html").read_text())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_comes_from_elsewhere_and_no_text_is_read_as_html(file):
    text = file.read_text()
    assert not re.search(r"https?://|\bimport\(|@import|url\(", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(", text)


def test_scripts_and_styles_are_files_as_the_policy_wants(html):
    assert html.inline == []
    attributes = [name for _, found in html.elements for name in found]
    assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_every_file_is_sent_with_its_type_and_is_asked_for(html):
    client = client_of(FakeBackend())
    types = {".js": "text/javascript", ".css": "text/css"}
    for file in FILES:
        if file.suffix in types:
            answer = client.get(f"/{file.name}")
            assert answer.headers["content-type"].startswith(types[file.suffix]), file.name
            assert answer.content == file.read_bytes()
    assert client.get("/").headers["content-type"] == "text/html; charset=utf-8"
    named = {found[name] for _, found in html.elements for name in ("src", "href") if name in found}
    for file in SCRIPTS:
        named |= set(re.findall(r'from "\./([\w.]+)"', file.read_text()))
    assert named - {"data:,"} == {file.name for file in FILES} - {"index.html"}


def test_scripts_look_for_elements_that_exist_and_every_field_has_a_label(html):
    ids = [found["id"] for _, found in html.elements if "id" in found]
    assert len(ids) == len(set(ids))
    for file in SCRIPTS:
        assert set(re.findall(r'byId\("([\w-]+)"\)', file.read_text())) <= set(ids), file.name
    for _, found in html.elements:
        for name in ("for", "aria-labelledby", "aria-controls"):
            assert name not in found or found[name] in ids


def test_the_languages_are_those_that_an_index_can_hold():
    from common.corpora.mining.languages import LANGUAGES

    records = (PAGE / "languages.js").read_text().split("export const LANGUAGES")[1]
    assert sorted(re.findall(r"^  (\w+): \{", records, re.MULTILINE)) == sorted(LANGUAGES)
