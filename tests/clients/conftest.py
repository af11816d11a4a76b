"""A server on a port of this machine, over a backend without models."""

from dataclasses import dataclass

import pytest

from tests.serving.fake_backend import FakeBackend
from tests.serving.page.page_backend import serving


@dataclass(frozen=True)
class Served:
    backend: FakeBackend
    url: str


@pytest.fixture
def served():
    """Takes requests when the test begins; gone when it ends."""
    backend = FakeBackend()
    with serving(backend) as url:
        yield Served(backend, url)
