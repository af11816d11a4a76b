"""Which models there are, and which of them a request means."""

import pytest

from serving.catalogue import Catalogue
from serving.config import ServingConfig
from serving.deployments.directory import Directory, catalogue_of
from serving.deployments.facts import EncoderFacts, GeneratorFacts
from serving.names import parse_model
from serving.records import ServingError
from serving.sources import Folder, Registry
from tests.hashed import DIMENSIONS, space
from tests.serving.some_adapters import some_adapter
from tests.serving.test_catalogue import Said

TINY, CODER, BOTH = "t" * 64, "c" * 64, "q" * 64
ENCODERS = (
    EncoderFacts("tiny", space(base_digest=TINY), (16, DIMENSIONS)),
    EncoderFacts("both", space(base_digest=BOTH, max_length=256), (DIMENSIONS,)),
)
GENERATORS = (GeneratorFacts("hub/coder", CODER, 512), GeneratorFacts("both", BOTH, None))


def searching(name, language="all", version="1", **more):
    return some_adapter(name, version, **({"language": language, "base_digest": TINY} | more))


def writing(name, language="all", **more):
    return some_adapter(name, task="generation", language=language, **({"base_digest": CODER} | more))


def directory(*adapters):
    bases = {"tiny": TINY, "hub/coder": CODER, "both": BOTH}
    catalogue = Catalogue([Said(*adapters)], bases)
    catalogue.refresh()
    return Directory(catalogue, ENCODERS, GENERATORS)


def chosen(made, name, task="search", text="", **more):
    adapter, told = made.choose(parse_model(name), task, text, **more)
    assert told.base == parse_model(name).base
    assert told.adapter == (adapter.told() if adapter else None)
    return str(adapter) if adapter else None, told.why


def refused(work, *args, **more):
    with pytest.raises(ServingError) as caught:
        work(*args, **more)
    return caught.value


def test_cards_are_each_base_with_its_adapters_in_their_default_versions():
    made = directory(
        searching("docsearch", version="1", aliases=("production",)), searching("docsearch", version="2"),
        writing("gen"), searching("elsewhere", base_digest="e" * 64),
    )  # fmt: skip
    cards = {card.id: card for card in made.cards()}
    assert list(cards) == ["tiny", "tiny:docsearch", "both", "hub/coder", "hub/coder:gen"]
    assert cards["tiny:docsearch"].adapter.version == "1"
    assert cards["hub/coder:gen"].base_digest == CODER


def test_a_card_says_what_a_model_does_and_how_much_it_reads():
    made = directory(searching("docsearch", mtime=77.0), writing("gen"))
    facts = {
        name: (card.tasks, card.dimensions, card.max_tokens)
        for name in ("tiny", "hub/coder", "both", "tiny:docsearch@1", "hub/coder:gen")
        for card in [made.card(parse_model(name))]
    }
    assert facts == {
        "tiny": (("search",), DIMENSIONS, 64),
        "hub/coder": (("generation",), None, 512),
        "both": (("search", "generation"), DIMENSIONS, 256),
        "tiny:docsearch@1": (("search",), DIMENSIONS, 64),
        "hub/coder:gen": (("generation",), None, 512),
    }
    card = made.card(parse_model("tiny:docsearch@1"))
    assert (card.id, card.created, card.adapter.name) == ("tiny:docsearch@1", 77.0, "docsearch")
    assert made.card(parse_model("tiny")).created > 1.6e9


@pytest.mark.parametrize("name", ["absent", "absent:docsearch", "tiny:absent", "tiny:docsearch@9", "tiny:auto"])
def test_what_has_no_card_is_404(name):
    error = refused(directory(searching("docsearch")).card, parse_model(name))
    assert (error.status, error.code, error.param) == (404, "model_not_found", "model")


def test_a_slip_in_a_bases_name_is_told_with_the_name_near_it():
    assert "near it: tiny" in refused(directory().choose, parse_model("tinny"), "search", "").message


def test_a_name_is_what_it_says():
    made = directory(searching("docsearch", version="1"), searching("docsearch", version="2"))
    assert chosen(made, "tiny") == (None, "as asked")
    assert chosen(made, "tiny:docsearch") == ("docsearch@2", "as asked")
    assert chosen(made, "tiny:docsearch@1") == ("docsearch@1", "as asked")


@pytest.mark.parametrize("name", ["hub/coder", "hub/coder:gen", "hub/coder:auto"])
def test_a_base_that_writes_makes_no_vectors(name):
    error = refused(directory(writing("gen")).choose, parse_model(name), "search", "text")
    assert error.status == 400 and "hub/coder makes no vectors; those that do: tiny, both" in error.message


def test_a_base_for_vectors_does_not_write():
    error = refused(directory().choose, parse_model("tiny"), "generation", "text")
    assert error.status == 400 and "does not write; those that do: hub/coder, both" in error.message


def test_an_adapter_of_the_other_task_is_refused_on_a_base_that_does_both():
    made = directory(searching("find", base_digest=BOTH), writing("gen", base_digest=BOTH))
    assert chosen(made, "both:find") == ("find@1", "as asked")
    assert chosen(made, "both:gen", "generation") == ("gen@1", "as asked")
    error = refused(made.choose, parse_model("both:gen"), "search", "text")
    assert (error.status, error.param) == (400, "model")
    assert "both:gen was trained for generation, not for search" in error.message


def test_auto_goes_by_the_text_then_the_combined_adapter():
    made = directory(searching("for-go", "go"), searching("for-all"), searching("for-python", "python"))
    name, why = chosen(made, "tiny:auto", text="close a channel in golang")
    assert name == "for-go@1" and "golang" in why.lower()
    assert chosen(made, "tiny:auto", text="copy a file") == ("for-all@1", "nothing names a language")
    assert chosen(made, "tiny:auto", text=None)[0] == "for-all@1"


def test_a_language_that_is_asked_for_goes_before_the_text():
    made = directory(searching("for-go", "go"), searching("for-python", "python"))
    name, why = chosen(made, "tiny:auto", text="close a channel in golang", language="python")
    assert name == "for-python@1" and "the filter asks for python" in why


def test_auto_is_the_base_where_no_adapter_is_for_the_text_and_says_so():
    made = directory(searching("for-go", "go"))
    assert chosen(made, "tiny:auto", text="copy a file") == (None, "nothing names a language")
    name, why = chosen(made, "tiny:auto", language="ruby")
    assert name is None and "no adapter: the base serves" in why


def test_auto_takes_no_adapter_of_the_other_task_or_another_base():
    made = directory(searching("find", base_digest=BOTH), writing("gen", base_digest=BOTH), searching("other"))
    assert chosen(made, "both:auto")[0] == "find@1"
    assert chosen(made, "both:auto", "generation")[0] == "gen@1"


def test_a_language_that_there_is_not_is_the_requests_fault():
    error = refused(directory(searching("a")).choose, parse_model("tiny:auto"), "search", "", language="pyton")
    assert (error.status, error.param) == (400, "language")
    assert "'pyton'" in error.message and "did you mean 'python'" in error.message


def test_weights_are_found_in_any_version_and_on_their_own_base_alone():
    old = searching("docsearch", version="1", aliases=())
    made = directory(old, searching("docsearch", version="2", aliases=("production",)))
    assert made.of_digest(TINY, old.digest) == old
    assert made.of_digest(CODER, old.digest) is None
    assert made.of_digest("n" * 64, old.digest) is None
    assert made.of_digest(TINY, "absent") is None


def test_weights_are_found_whatever_their_base_is_called():
    adapter = searching("docsearch", base="hub/some-other-name")
    assert directory(adapter).of_digest(TINY, adapter.digest) == adapter


def test_the_latest_are_default_versions_of_the_task_by_time():
    made = directory(
        searching("old", base_digest=BOTH, mtime=1.0), searching("new", base_digest=BOTH, mtime=3.0),
        searching("mid", base_digest=BOTH, version="1", aliases=("production",), mtime=2.0),
        searching("mid", base_digest=BOTH, version="2", mtime=9.0), writing("gen", base_digest=BOTH, mtime=8.0),
    )  # fmt: skip
    assert [str(one) for one in made.latest("both", "search", 16)] == ["new@1", "mid@1", "old@1"]
    assert [str(one) for one in made.latest("both", "search", 2)] == ["new@1", "mid@1"]
    assert [str(one) for one in made.latest("both", "generation", 2)] == ["gen@1"]


def test_the_catalogue_reads_registry_and_folders_and_keeps_what_one_lacks(tmp_path):
    config = ServingConfig(registry=f"sqlite:///{tmp_path}/none.db", folders=(tmp_path,), cache=tmp_path / "cache")
    made = catalogue_of(config, {"tiny": TINY})
    made.refresh()
    assert set(made.away) == {Registry(config.registry, config.cache).name}
    assert made.adapters("tiny") == ()
    without = catalogue_of(ServingConfig(folders=(tmp_path / "absent",)), {"tiny": TINY})
    without.refresh()
    assert set(without.away) == {Folder(tmp_path / "absent").name}
