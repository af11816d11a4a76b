"""Which bases are served where a configuration names none: those of adapters in folders and of indexes."""

import hashlib
import logging
from types import SimpleNamespace

import pytest

from common.adapters.folder import WEIGHTS, adapter_digest
from common.adapters.manifest import BaseReference, Manifest, write_manifest
from common.errors import ConfigError, ModelError
from common.models import generator, loading
from common.models.catalogue import CATALOGUE
from common.retrieval.space import Origin
from common.retrieval.vector_rules import VectorSettings
from jobs.indexing.pipeline import index_units
from jobs.ray_session import ClusterConfig
from serving.config import EmbeddingConfig, GenerationConfig, SearchConfig, ServingConfig
from serving.discovery import complete
from tests.common.retrieval.test_searcher import TEXTS, files
from tests.hashed import HashEmbedder, space

READ = {"pooling": "mean", "max_length": 64}


def digest(base):
    """Of a base's weights; `tests.hashed.space` has the same for its name."""
    return base * 8


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Bases that this machine has → the digest of their weights; what was asked for, and how it was to be read."""
    bases = {name: digest(name) for name in ("base", "second", "coder")}
    asked = []

    def resolve(name, options=None):
        asked.append((name, options))
        if name not in bases:
            raise ModelError(f"{name} cannot be had", "get it")
        return SimpleNamespace(digest=bases[name])

    monkeypatch.setattr(loading, "resolve", resolve)
    monkeypatch.setattr(generator, "resolve_generator", resolve)
    return SimpleNamespace(bases=bases, asked=asked)


@pytest.fixture
def adapter(tmp_path):
    """Puts an adapter whose weights nobody loads into the watched folder, or elsewhere."""

    def make(name, base="base", task="search", into="watched", base_digest=None):
        folder = tmp_path / into / name
        folder.mkdir(parents=True)
        (folder / WEIGHTS).write_bytes(name.encode())
        write_manifest(folder, Manifest(
            name=name, task=task, language="all", base=BaseReference(
                id=base, revision=None, digest=base_digest or digest(base)
            ), peft={"method": "lora"}, prompts={}, pooling=None, max_length=None, data={}, scores={},
            digest=adapter_digest(folder),
        ))  # fmt: skip
        return folder

    return make


@pytest.fixture
def index(tmp_path):
    """An index with vectors of the adapter in each folder, None for the bare base."""

    def make(*folders, base="base", model=None, name="index"):
        embedders = []
        for folder in folders:
            told = {"adapter": folder.name, "adapter_digest": adapter_digest(folder)} if folder else {}
            origin = Origin(model=model or base, encoder=READ, adapter=folder)
            embedders.append(HashEmbedder(space(base, **told), origin))
        index_units(tmp_path / name, files(TEXTS), embedders, VectorSettings(), ClusterConfig())
        return tmp_path / name

    return make


@pytest.fixture
def watching(tmp_path):
    """A configuration with the watched folder."""

    def make(*indexes, **told):
        (tmp_path / "watched").mkdir(exist_ok=True)
        search = SearchConfig(indexes={folder.name: folder for folder in indexes})
        return ServingConfig(**{"folders": (tmp_path / "watched",), "search": search} | told)

    return make


def served(config):
    """Names of the bases for vectors, and of those that write."""
    found = complete(config)
    return [one.model for one in found.embedding], [one.model for one in found.generation]


def test_with_nothing_at_all_it_is_the_packaged_base():
    assert complete(ServingConfig()) == ServingConfig(embedding=(EmbeddingConfig(),))


def test_bases_are_those_of_the_adapters_each_for_its_task(adapter, watching):
    adapter("one")
    adapter("two")
    adapter("three", "second")
    adapter("gen", "coder", "generation")
    embedding, generation = served(watching())
    assert sorted(embedding) == ["base", "second"] and generation == ["coder"]


def test_where_there_are_only_adapters_that_write_no_base_for_vectors_is_added(adapter, watching):
    adapter("gen", "coder", "generation")
    assert served(watching()) == ([], ["coder"])


def test_what_is_named_stays_alone_for_its_task(adapter, watching):
    adapter("one")
    adapter("gen", "coder", "generation")
    named = EmbeddingConfig(model="hub/mine")
    assert served(watching(embedding=(named,))) == (["hub/mine"], ["coder"])
    assert served(watching(generation=(GenerationConfig(),))) == (["base"], ["stand-in"])


def test_the_base_of_an_index_is_read_as_when_it_was_built(index, watching, here):
    (base,) = complete(watching(index(None))).embedding
    assert base.model == "base" and base.encoder.model_dump(exclude_none=True, exclude_defaults=True) == READ
    assert here.asked == [("base", base.encoder)]


def test_an_index_says_how_a_base_is_read_before_adapters_and_a_base_is_served_once(adapter, index, watching):
    (base,) = complete(watching(index(None, adapter("one")))).embedding
    assert base.encoder.pooling == "mean"


def test_a_base_that_an_index_calls_otherwise_is_one(adapter, index, watching, here):
    adapter("one")
    here.bases["models/copy"] = digest("base")
    assert served(watching(index(None, model="models/copy"))) == (["models/copy"], [])


def test_a_known_base_is_called_by_its_short_name(adapter, watching, here):
    spec = next(one for one in CATALOGUE if one.alias != one.id)
    here.bases[spec.id] = digest("known")
    adapter("one", spec.id, base_digest=digest("known"))
    assert served(watching()) == ([spec.alias], [])


def test_adapters_of_an_index_that_nobody_has_are_watched_where_they_lie(adapter, index, watching, tmp_path):
    known, more = adapter("known"), adapter("more", into="elsewhere")
    found = complete(watching(index(None, known, more)))
    assert found.folders == (tmp_path / "watched", more)


def test_an_adapter_of_an_index_that_was_registered_meanwhile_is_known_by_its_weights(adapter, index, watching):
    copied, elsewhere = adapter("one"), adapter("one", into="elsewhere")
    assert adapter_digest(copied) == adapter_digest(elsewhere)
    assert elsewhere not in complete(watching(index(elsewhere))).folders


def test_an_adapter_of_an_index_whose_folder_is_gone_is_not_watched(adapter, index, watching, tmp_path):
    folder = adapter("lost", into="elsewhere")
    built = index(None, folder)
    folder.rename(tmp_path / "moved")
    assert complete(watching(built)).folders == (tmp_path / "watched",)


def test_a_base_that_is_not_here_is_told_and_the_others_are_served(adapter, watching, caplog):
    adapter("one", "absent")
    adapter("two")
    adapter("gen", "absent", "generation")
    with caplog.at_level(logging.WARNING):
        assert served(watching()) == (["base"], [])
    assert caplog.text.count("adapters and indexes of absent are not served: absent cannot be had") == 2


def test_a_base_with_other_weights_is_told_with_both_digests(adapter, index, watching, here, caplog):
    here.bases["base"] = hashlib.sha256(b"others").hexdigest()
    with caplog.at_level(logging.WARNING):
        assert served(watching(index(None))) == (["minilm"], [])
    assert here.bases["base"][:12] in caplog.text and digest("base")[:12] in caplog.text


def test_of_a_base_in_two_states_the_one_that_is_here_is_served(adapter, watching):
    adapter("a-old", base_digest="o" * 64)
    adapter("b-new")
    adapter("c-old", base_digest="p" * 64)
    assert served(watching()) == (["base"], [])


def test_two_bases_that_would_have_one_name_are_refused(adapter, watching, here, tmp_path):
    for place in ("a", "b"):
        folder = tmp_path / place / "tiny"
        folder.mkdir(parents=True)
        here.bases[str(folder)] = digest(place)
        adapter(f"of-{place}", str(folder), base_digest=digest(place))
    with pytest.raises(ConfigError, match="two bases are called tiny"):
        complete(watching())


def test_a_registry_or_a_folder_that_cannot_be_read_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be read from sqlite:///.*none\.db: there is no file"):
        complete(ServingConfig(registry=f"sqlite:///{tmp_path}/none.db"))
    with pytest.raises(ConfigError, match=f"cannot be read from {tmp_path}/absent"):
        complete(ServingConfig(folders=(tmp_path / "absent",)))


def test_an_index_that_cannot_be_opened_is_refused_by_its_folder(watching, tmp_path):
    with pytest.raises(ConfigError, match=f"the index in {tmp_path}/absent cannot be opened"):
        complete(watching(tmp_path / "absent"))
