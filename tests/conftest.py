"""What all tests share: no network, no deadlines, and small models that are built once."""

import functools
import os
from collections.abc import Callable
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports the Hub's client
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # small models gain nothing by a second thread, and wait for it when busy

import pytest
from hypothesis import settings

from tests.jobs.ray.fixtures import finished, ray_cluster, tiny  # noqa: F401 - one of each for all folders
from tests.serving.fixtures import server  # noqa: F401

settings.register_profile("house", deadline=None)  # a busy machine is no mistake of the code
settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that share a server come last: it takes a tenth of the processor for as long as it runs."""
    items.sort(key=lambda item: "server" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def zoo(tmp_path_factory) -> Callable[[str], Path]:
    """The folder of the small random model of an architecture; shared, so only for reading."""
    from tests.models_zoo import build

    folder = tmp_path_factory.mktemp("zoo")
    return functools.cache(lambda architecture: build(folder / architecture, architecture))


@pytest.fixture(scope="session")
def small_base(zoo):
    """The small BERT as a base: mean pooling, 128 tokens."""
    from tests.models_zoo import base

    return base(zoo("bert"))


@pytest.fixture(scope="session")
def small_adapter(small_base, tmp_path_factory) -> Path:
    """A random adapter for `small_base`; shared, so only for reading."""
    from tests.models_zoo import adapter

    return adapter(tmp_path_factory.mktemp("zoo-adapter") / "adapter", small_base)


@pytest.fixture
def one_thread():
    """Tiny matrices gain nothing by a second thread; waiting for it on a busy machine costs far more than they do."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
