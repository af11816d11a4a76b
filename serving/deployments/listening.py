"""An ingress that takes HTTP itself: no proxy of Ray Serve, one process more, is on the way of a request then."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-request-id"
KEEP_ALIVE_S = 90
"""As long as Ray Serve's proxy keeps a connection that is not used."""


@dataclass(frozen=True)
class Listen:
    """Where."""

    host: str
    port: int


class Listener:
    """A server in the loop that is running: from `start` to `stop`."""

    def __init__(self, app: ASGIApp, where: Listen) -> None:
        self._where = where
        self._server = _Server(
            uvicorn.Config(
                _numbered(app), lifespan="off", ws="none", access_log=False, log_config=None,
                timeout_keep_alive=KEEP_ALIVE_S,
            )
        )  # fmt: skip
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take requests. Raises `OSError` where the port cannot be had."""
        self._task = asyncio.create_task(self._server.serve(sockets=[_bound(self._where)]))
        while not self._server.started and not self._task.done():
            await asyncio.sleep(0.01)
        if self._task.done():
            await self._task  # raises what ended it
            raise OSError("the listener ended before it took requests")

    async def stop(self) -> None:
        """Take no more; returns when those under way are answered."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task

    @property
    def healthy(self) -> bool:
        """Whether it takes requests, or has not begun to."""
        return self._task is None or not self._task.done()


class _Server(uvicorn.Server):
    """Signals are Ray's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bound(where: Listen) -> socket.socket:
    """A port that several ingress processes of one machine may share, also an old one that ends and a new one."""
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of one that died linger for a minute
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        found.bind((where.host, where.port))
    except OSError:
        found.close()
        raise
    return found


def _numbered(app: ASGIApp) -> ASGIApp:
    """Each answer carries the id of its request, the client's own or a new one, as Ray Serve's proxy has it."""

    async def numbered(scope: Scope, receive: Receive, send: Send) -> None:
        headers = MutableHeaders(scope=scope)
        number = headers.get(HEADER)
        if number is None:
            number = uuid.uuid4().hex
            headers.append(HEADER, number)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = number
            await send(message)

        await app(scope, receive, told)

    return numbered
