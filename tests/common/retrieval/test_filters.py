"""Which units the filters let through."""

from __future__ import annotations

from contextlib import closing

import pytest

from common.errors import UserError
from common.retrieval.filters import Filters, Places
from common.retrieval.store import Store
from tests.common.retrieval.test_store import build, file, unit

FILES = [
    (file("src/a.py"), [unit("f", "one"), unit("C", "two", 9, "class")]),
    (file("src/api/b.go", language="go"), [unit("g", "three")]),
    (file("tests/test_a.py", test=True), [unit("test_f", "four")]),
]


@pytest.fixture
def places(tmp_path):
    with closing(Store.create(tmp_path)) as store:
        build(store, FILES)
        return Places.read(store)


@pytest.mark.parametrize(
    ("filters", "paths"),
    [
        (Filters(), {"src/a.py", "src/api/b.go"}),
        (Filters(tests=True), {"src/a.py", "src/api/b.go", "tests/test_a.py"}),
        (Filters(languages=("go",)), {"src/api/b.go"}),
        (Filters(languages=("go", "python")), {"src/a.py", "src/api/b.go"}),
        (Filters(paths=("src/*",)), {"src/a.py", "src/api/b.go"}),
        (Filters(paths=("*/api/*", "tests/*")), {"src/api/b.go"}),
        (Filters(paths=("*.py",), tests=True), {"src/a.py", "tests/test_a.py"}),
        (Filters(kinds=("class",)), {"src/a.py"}),
        (Filters(kinds=("method",)), set()),
    ],
)
def test_each_filter_lets_through_what_it_says(places, filters, paths):
    assert {places.paths[number] for number in places.path[places.allowed(filters)]} == paths


def test_an_unknown_language_is_named_with_the_nearest_one(places):
    with pytest.raises(UserError, match="no language 'pyton'") as caught:
        places.allowed(Filters(languages=("pyton",)))
    assert "did you mean python?" in caught.value.remedy
    with pytest.raises(UserError, match="no language 'x'") as caught:
        places.allowed(Filters(languages=("x",)))
    assert "go, python" in caught.value.remedy


def test_an_unknown_kind_is_named(places):
    with pytest.raises(UserError, match="no kind 'functoin'"):
        places.allowed(Filters(kinds=("functoin",)))


def test_an_index_without_units_has_none(tmp_path):
    with closing(Store.create(tmp_path)) as store:
        assert not len(Places.read(store).allowed(Filters()))
