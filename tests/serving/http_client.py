"""An application over the fake backend, and a client in its process."""

from starlette.testclient import TestClient

from serving.http.app import create_app
from serving.http.settings import HttpSettings
from tests.serving.fake_backend import FakeBackend


def client_of(backend: FakeBackend, page=None, **settings) -> TestClient:
    """Exceptions become the answers that a client would see."""
    extra = {} if page is None else {"page": page}
    return TestClient(create_app(backend, HttpSettings(**settings), **extra), raise_server_exceptions=False)
