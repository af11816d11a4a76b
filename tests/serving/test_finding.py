"""Which vectors of an index a query is searched in."""

import asyncio

import pytest

from common.retrieval.space import Origin
from common.retrieval.vector_rules import VectorSettings
from jobs.indexing.pipeline import index_units
from jobs.ray_session import ClusterConfig
from serving.catalogue import Catalogue
from serving.deployments.directory import Directory
from serving.deployments.facts import EncoderFacts, GeneratorFacts, IndexFacts, IndexSpace
from serving.deployments.finding import index_named, labels, target
from serving.deployments.search import SearchReplica
from serving.names import parse_model
from serving.records import ServingError
from tests.common.retrieval.test_searcher import TEXTS, files
from tests.hashed import DIMENSIONS, HashEmbedder, space
from tests.serving.some_adapters import some_adapter
from tests.serving.test_catalogue import Said

BASE = space("hashed")
OTHER = space("other")
WRITES = "w" * 64


def trained(language, name=None, **more):
    """An adapter as the catalogue has it."""
    known = {"language": language, "base_digest": BASE.base_digest}
    return some_adapter(name or f"for-{language}", **(known | more))


def its_space(adapter, of=BASE, **more):
    """Of the vectors that an index has by it."""
    told = {"adapter": adapter.name, "adapter_digest": adapter.digest, **more}
    return IndexSpace(of.model_copy(update=told), adapter.language)


GO, PYTHON, ALL = trained("go"), trained("python"), trained("all")
BARE = IndexSpace(BASE, "all")


def directory(*adapters, encoders=(("tiny", BASE),)):
    facts = [EncoderFacts(name, own, (16, DIMENSIONS)) for name, own in encoders]
    bases = {name: own.base_digest for name, own in encoders} | {"writer": WRITES}
    catalogue = Catalogue([Said(*adapters)], bases)
    catalogue.refresh()
    return Directory(catalogue, facts, [GeneratorFacts("writer", WRITES, 512)])


def index(*spaces):
    return IndexFacts("code", spaces, ("go", "python"), 5)


def found(spaces, made, query="read a file", model=None, adapter=None, languages=()):
    """Name of the adapter that the query goes to, and the target."""
    told = target(
        index(*spaces), made, query, model=parse_model(model) if model else None, adapter=adapter, languages=languages
    )
    where, digest = told.space.space, told.adapter.digest if told.adapter else None
    assert where.adapter_digest == digest, "the query is encoded by whom the vectors are of"
    assert told.encoder.space.base_digest == where.base_digest and told.chosen.base == told.encoder.name
    assert told.chosen.adapter == (told.adapter.told() if told.adapter else None)
    return told.adapter.name if told.adapter else None, told


def refused(spaces, made, **more):
    with pytest.raises(ServingError) as caught:
        found(spaces, made, **more)
    return caught.value


def test_an_index_is_meant_by_its_name_or_by_being_the_only_one():
    code, docs = index(BARE), IndexFacts("docs", (BARE,), (), 0)
    assert index_named({"code": code}, None) is code
    assert index_named({"code": code, "docs": docs}, "docs") is docs


@pytest.mark.parametrize(("names", "asked", "status"), [
    ((), None, 404), ((), "code", 404), (("code",), "cod", 404), (("code", "docs"), None, 400),
])  # fmt: skip
def test_an_index_that_is_not_clear_is_refused_with_those_that_there_are(names, asked, status):
    with pytest.raises(ServingError) as caught:
        index_named({name: index() for name in names}, asked)
    error = caught.value
    assert (error.status, error.code, error.param) == (status, "index_not_found", "index")
    assert ", ".join(names) in error.message


def test_auto_goes_by_the_filter_then_the_query_then_the_combined_adapter():
    spaces, made = (its_space(GO), its_space(PYTHON), its_space(ALL), BARE), directory(GO, PYTHON, ALL)
    name, told = found(spaces, made, "close a channel in golang", languages=("python",))
    assert name == "for-python" and told.chosen.why == "the filter asks for python"
    name, told = found(spaces, made, "close a channel in golang")
    assert name == "for-go" and "golang" in told.chosen.why.lower()
    assert found(spaces, made)[0] == "for-all"
    assert found(spaces, made, languages=("go", "python"))[0] == "for-all", "two languages name none"
    assert found(spaces, made, languages=("ruby",))[0] == "for-all"


def test_without_a_combined_adapter_auto_is_the_base_and_without_that_refused():
    made = directory(GO, PYTHON, ALL)
    assert found((its_space(GO), BARE), made)[0] is None
    assert found((its_space(GO), BARE), made, languages=("ruby",))[0] is None
    error = refused((its_space(GO), its_space(PYTHON)), made, languages=("ruby",))
    assert error.status == 400 and "no adapter of the index code is for this query" in error.message
    assert "ruby" in error.message


def test_the_only_vectors_of_an_index_serve_every_query():
    name, told = found((its_space(GO),), directory(GO), "anything", languages=("python",))
    assert name == "for-go" and told.chosen.why == "the only one of the index"
    assert found((BARE,), directory(GO))[0] is None


@pytest.mark.parametrize("asked", [{"model": "tiny:auto"}, {"adapter": "auto"}, {}])
def test_auto_can_be_asked_for_in_three_ways(asked):
    spaces = (its_space(GO), its_space(PYTHON), BARE)
    assert found(spaces, directory(GO, PYTHON), "close a channel in golang", **asked)[0] == "for-go"


def test_a_language_that_there_is_not_is_the_filters_fault():
    error = refused((its_space(GO), BARE), directory(GO), languages=("pyton",))
    assert (error.status, error.param) == (400, "language") and "did you mean 'python'" in error.message


@pytest.mark.parametrize("asked", [
    {"model": "tiny:for-go"}, {"model": "tiny:for-go@1"}, {"adapter": "for-go"}, {"adapter": "for-go@1"},
])  # fmt: skip
def test_an_adapter_can_be_named(asked):
    name, told = found((its_space(PYTHON), its_space(GO), BARE), directory(GO, PYTHON), **asked)
    assert name == "for-go" and told.chosen.why == "as asked"


@pytest.mark.parametrize("asked", [{"model": "tiny"}, {"adapter": "base"}])
def test_the_bare_base_can_be_named(asked):
    assert found((its_space(GO), BARE), directory(GO), "close a channel in golang", **asked)[0] is None


def test_an_adapter_is_known_by_its_weights_whatever_it_was_called():
    registered = trained("go", "renamed", digest=GO.digest, version="4")
    name, told = found((its_space(GO), BARE), directory(registered), model="tiny:renamed")
    assert name == "renamed" and told.space.space.adapter == "for-go"
    assert refused((its_space(GO), BARE), directory(registered), model="tiny:for-go").status == 404


def test_a_version_that_was_not_indexed_is_refused_with_what_is():
    new = trained("go", version="2")
    spaces, made = (its_space(GO), BARE), directory(GO, new)
    error = refused(spaces, made, model="tiny:for-go")
    assert (error.status, error.code) == (400, "not_indexed")
    assert new.digest[:12] in error.message and error.message.endswith("it has those of tiny:for-go@1, tiny")
    assert found(spaces, made, model="tiny:for-go@1")[0] == "for-go"
    assert labels(index(*spaces), made) == ("tiny:for-go@1", "tiny")


def test_an_adapter_of_an_index_that_is_gone_is_unavailable_and_never_another():
    spaces, made = (its_space(GO), its_space(ALL), BARE), directory(ALL)
    error = refused(spaces, made, query="close a channel in golang")
    assert (error.status, error.code) == (503, "adapter_unavailable") and "hashed:for-go" in error.message
    assert refused((its_space(GO),), made).status == 503
    assert refused(spaces, made, model="tiny:for-go").status == 404
    assert found(spaces, made)[0] == "for-all"


@pytest.mark.parametrize("name", ["absent", "absent:auto", "absent:for-go", "tiny:absent", "tiny:for-go@9"])
def test_a_model_that_there_is_not_is_404(name):
    error = refused((its_space(GO), BARE), directory(GO), model=name)
    assert (error.status, error.code, error.param) == (404, "model_not_found", "model")


@pytest.mark.parametrize("name", ["writer", "writer:auto"])
def test_a_base_that_writes_searches_nothing(name):
    error = refused((its_space(GO), BARE), directory(GO), model=name)
    assert error.status == 400 and "writer makes no vectors" in error.message


def test_an_adapter_that_writes_searches_nothing():
    gen = trained("all", "gen", task="generation")
    error = refused((its_space(GO), BARE), directory(GO, gen), adapter="gen")
    assert error.status == 400 and "trained for generation" in error.message


@pytest.mark.parametrize("name", ["second", "second:auto"])
def test_a_base_that_the_index_has_no_vectors_of_is_told_with_those_it_has(name):
    made = directory(GO, encoders=(("tiny", BASE), ("second", OTHER)))
    error = refused((its_space(GO), BARE), made, model=name)
    assert (error.status, error.code) == (400, "not_indexed")
    assert f"no vectors of {name}; it has those of tiny:for-go, tiny" in error.message


def test_with_vectors_of_two_bases_one_must_be_named():
    made = directory(GO, encoders=(("tiny", BASE), ("second", OTHER)))
    spaces = (its_space(GO), BARE, IndexSpace(OTHER, "all"))
    for asked in ({}, {"adapter": "for-go"}, {"adapter": "base"}):
        error = refused(spaces, made, **asked)
        assert error.status == 400 and "name one as `model`: tiny, second" in error.message
    assert found(spaces, made, "close a channel in golang", model="tiny:auto")[0] == "for-go"
    _, told = found(spaces, made, "close a channel in golang", model="second:auto")
    assert told.encoder.name == "second"


def test_of_two_bases_one_of_which_is_served_that_is_meant():
    spaces = (IndexSpace(OTHER, "all"), its_space(GO), BARE)
    assert found(spaces, directory(GO), "close a channel in golang")[0] == "for-go"
    assert labels(index(*spaces), directory(GO)) == ("tiny:for-go", "tiny")


@pytest.mark.parametrize("change", [
    {"base_digest": "x" * 64}, {"pooling": "cls"}, {"query_prompt": "query: "}, {"max_length": 32}, {"dimensions": 24},
])  # fmt: skip
def test_vectors_that_no_served_base_makes_are_refused_with_whose_they_are(change):
    spaces = (IndexSpace(BASE.model_copy(update=change), "all"),)
    error = refused(spaces, directory(GO))
    assert (error.status, error.param) == (400, "index") and "hashed (" in error.message
    assert labels(index(*spaces), directory(GO)) == ()


def test_a_base_that_is_served_under_another_name_is_the_same_base():
    made = directory(GO, encoders=(("tiny", BASE.model_copy(update={"base": "as/called-here"})),))
    assert found((its_space(GO), BARE), made, adapter="for-go")[0] == "for-go"


def test_vectors_that_were_cut_are_searched_by_queries_that_are():
    cut = its_space(GO, dimensions=16)
    _, told = found((cut, BARE), directory(GO), model="tiny:for-go")
    assert told.space.space.dimensions == 16 and told.encoder.space.dimensions == DIMENSIONS


def test_labels_are_names_that_requests_find():
    registered = trained("go", "renamed", digest=GO.digest, version="4")
    spaces, made = (its_space(GO), its_space(ALL), BARE), directory(registered, ALL)
    names = labels(index(*spaces), made)
    assert names == ("tiny:renamed", "tiny:for-all", "tiny")
    for name, each in zip(names, spaces, strict=True):
        assert found(spaces, made, model=name)[1].space == each


def test_what_a_search_replica_says_of_an_index_leads_to_its_vectors(tmp_path):
    embedders = [
        HashEmbedder(its_space(GO).space, Origin(model="hashed", language="go")),
        HashEmbedder(BASE, Origin(model="hashed")),
    ]
    index_units(tmp_path, files(TEXTS), embedders, VectorSettings(), ClusterConfig())
    facts = asyncio.run(SearchReplica({"code": tmp_path}).facts())["code"]
    assert (facts.name, facts.languages, facts.units) == ("code", ("go", "python"), len(TEXTS))
    assert set(labels(facts, directory(GO))) == {"tiny:for-go", "tiny"}
    assert found(facts.spaces, directory(GO), "close a channel in golang")[0] == "for-go"
    assert found(facts.spaces, directory(GO))[0] is None
