"""A server on a port of this machine, over a backend without models."""

import asyncio
import threading
from dataclasses import dataclass

import pytest

from serving.http.app import create_app
from serving.http.settings import HttpSettings
from tests.serving.fake_backend import FakeBackend


@dataclass(frozen=True)
class Served:
    backend: FakeBackend
    url: str


@pytest.fixture
def served():
    """Takes requests when the test begins; gone when it ends."""
    import uvicorn

    backend = FakeBackend()
    server = uvicorn.Server(uvicorn.Config(create_app(backend, HttpSettings()), port=0, log_level="warning"))
    listening = threading.Event()

    async def serve():
        await_started = asyncio.create_task(started())
        await server.serve()
        await await_started

    async def started():
        while not server.started and not server.should_exit:
            await asyncio.sleep(0.005)
        listening.set()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    listening.wait()
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(backend, f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join()
