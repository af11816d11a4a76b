"""Which adapters are loaded before somebody asks."""

import asyncio
from types import SimpleNamespace

import pytest

from common.config import validate
from serving.catalogue import Catalogue, Changes, Moved
from serving.config import ServingConfig
from serving.deployments import preloading
from serving.deployments.preloading import Handles, follow, preload
from serving.names import ModelName
from serving.records import ServingError
from tests.serving.some_adapters import some_adapter
from tests.serving.test_catalogue import Said

OLD = some_adapter("docsearch", "1", mtime=1.0)
NEW = some_adapter("docsearch", "2", mtime=2.0, aliases=("production",))
OTHER = some_adapter("other", "1", mtime=3.0)
WRITER = some_adapter("writer", "1", task="generation", mtime=4.0)


class Directory:
    """The catalogue, as far as this asks a directory."""

    def __init__(self):
        self.catalogue = Catalogue([Said(OLD, NEW, OTHER, WRITER, name="registry")], {"tiny": OLD.base_digest})
        self.catalogue.refresh()

    def latest(self, base, task, count):
        named = [self.catalogue.resolve(ModelName(base, name)) for name in ("docsearch", "other", "writer")]
        return sorted((one for one in named if one.task == task), key=lambda one: -one.mtime)[:count]


class Deployment:
    """Remembers what it was told to load."""

    def __init__(self):
        self.loaded = []

    def broadcast(self, method, adapters):
        assert method == "preload"
        self.loaded += adapters

        async def results():
            return [[]]

        return SimpleNamespace(results_async=results)


def run(call, told, *more):
    config = validate(ServingConfig, {"embedding": [{"model": "minilm", "name": "tiny", **told}]})
    deployment = Deployment()
    asyncio.run(call(config, Handles({"tiny": deployment}, {}, None), Directory(), *more))
    return deployment.loaded


def test_the_latest_ones_are_loaded_where_nothing_is_said(monkeypatch):
    assert run(preload, {}) == [OTHER, NEW]
    monkeypatch.setattr(preloading, "LATEST", 1)
    assert run(preload, {}) == [OTHER]


def test_what_is_named_is_loaded_in_that_order():
    assert run(preload, {"preload": ["docsearch@1", "other"]}) == [OLD, OTHER]
    assert run(preload, {"preload": []}) == []


def test_a_name_that_is_not_there_is_an_error():
    with pytest.raises(ServingError, match="absent"):
        run(preload, {"preload": ["absent"]})


def test_what_an_alias_moves_to_is_loaded_and_a_writer_not_by_a_base_for_vectors():
    moved = (Moved("docsearch", "production", "1", "2"), Moved("writer", "production", None, "1"))
    assert run(follow, {}, Changes(moved=moved)) == [NEW]
    assert run(follow, {}, Changes(moved=(Moved("docsearch", "gone", "1", None),))) == []
