"""Which adapter a query gets, and the terminal's search."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from common.cli import run
from common.errors import UserError
from common.retrieval.filters import Filters
from common.retrieval.space import Origin
from common.retrieval.vector_rules import VectorSettings
from common.search import querying
from common.search.querying import AUTO, Queries
from jobs.indexing.pipeline import index_units
from jobs.ray_session import ClusterConfig
from jobs.search_code import JOB
from tests.common.retrieval.test_searcher import TEXTS, files
from tests.hashed import HashEmbedder, hashed, space


def adapter(language, name=None):
    digest = f"digest-{name or language}"
    made = space(name or language, adapter=name or f"search-{language}", adapter_digest=digest)
    return HashEmbedder(made, Origin(model="hashed", language=language))


@pytest.fixture
def index(tmp_path, monkeypatch):
    """Makes an index of some spaces; their queries are encoded without models."""

    def make(*embedders):
        index_units(tmp_path, files(TEXTS), embedders, VectorSettings(), ClusterConfig())
        by_space = {one.space.digest(): one for one in embedders}
        monkeypatch.setattr(querying, "of_space", lambda space, origin, folder: by_space[space.digest()])
        return tmp_path

    return make


def picked(folder, query, wanted=AUTO, filters=None, file=None):
    with closing(Queries(folder)) as queries:
        searcher, why = queries.searcher(query, wanted, filters or Filters(), file)
        assert queries.vector(searcher, query).shape == (searcher.space.dimensions,)
        return searcher.space.adapter, why


def test_auto_goes_by_filter_then_file_then_query_then_the_combined_one(index):
    folder = index(adapter("go"), adapter("python"), adapter("all", "combined"), hashed())
    assert picked(folder, "read a file", filters=Filters(languages=("go",)))[0] == "search-go"
    assert picked(folder, "read a file", file="src/a.py")[0] == "search-python"
    name, why = picked(folder, "close a channel in golang")
    assert name == "search-go" and why.startswith("go:search-go (digest-g") and "golang" in why.lower()
    assert picked(folder, "read a file")[0] == "combined"


def test_without_a_combined_adapter_auto_takes_the_base(index):
    folder = index(adapter("go"), hashed())
    assert picked(folder, "read a file")[0] is None


def test_where_no_adapter_is_for_a_query_and_the_base_is_not_there_it_says_so(index):
    folder = index(adapter("go"), adapter("python"))
    with pytest.raises(UserError, match="no adapter of the index is for this query: nothing names a language"):
        picked(folder, "read a file", filters=Filters(languages=("python", "go")))


def test_an_adapter_can_be_named(index):
    folder = index(adapter("go"), adapter("python"), hashed())
    assert picked(folder, "read", "search-python")[0] == "search-python"
    assert picked(folder, "read", "base")[0] is None
    with pytest.raises(UserError, match="'search-ruby' is not there"):
        picked(folder, "read", "search-ruby")


def search(folder, *argv):
    return run(JOB, [*argv, "--index", str(folder)])


def test_json_is_a_list_of_hits_and_with_several_queries_a_list_for_each(index, capsys):
    folder = index(hashed())
    assert search(folder, "parse http header", "--json", "--top", "2") == 0
    hits = json.loads(capsys.readouterr().out)
    assert len(hits) == 2 and hits[0]["path"] == "net/http.py"
    assert {"path", "start_line", "end_line", "symbol", "language", "score", "scores", "snippet"} <= hits[0].keys()
    assert hits[0]["scores"].keys() == {"bm25", "dense"}
    assert search(folder, "socket", "csv rows", "--json") == 0
    assert [one[0]["path"] for one in json.loads(capsys.readouterr().out)] == ["net/socket.py", "io/csv.py"]


def test_the_table_shows_place_scores_and_what_was_picked(index, capsys):
    folder = index(hashed())
    assert search(folder, "parse http header") == 0
    out = capsys.readouterr().out
    assert "1. net/http.py:3  http  bm25" in out and "the only one of the index" in out
    assert f"{len(TEXTS)} units searched" in out


def test_filters_and_legs_come_from_the_command_line(index, capsys):
    folder = index(hashed())
    assert search(folder, "read rows of a file", "--json", "--path", "*csv*", "--tests", "--legs", "bm25") == 0
    hits = json.loads(capsys.readouterr().out)
    assert {hit["path"] for hit in hits} == {"io/csv.py", "tests/test_csv.py"}
    assert all(hit["scores"].keys() == {"bm25"} for hit in hits)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ([], "at least one query"),
        ([" "], "at least one query"),
        (["read", "--language", "pyton"], "did you mean python?"),
        (["read", "--kind", "functoin"], "functoin"),
        (["read", "--adapter", "nope"], "'nope' is not there"),
    ],
)
def test_bad_input_is_one_sentence(index, argv, told, capsys):
    assert search(index(hashed()), *argv) == 2
    assert told in capsys.readouterr().err


def test_a_folder_without_an_index_is_named(tmp_path, capsys):
    assert search(tmp_path, "read") == 2
    assert f"{tmp_path} holds no index" in capsys.readouterr().err
