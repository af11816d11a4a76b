"""Around each request: its key, its rate, its size, its time; the client that leaves; and counting.

It stands before FastAPI, so that a body is read only where its sender may ask at all.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.admission import Admission
from serving.http.backend import Backend
from serving.http.errors import error_response, internal_error
from serving.http.events import too_late
from serving.http.exchange import STATE, Exchange
from serving.http.keys import KeyRing
from serving.http.metrics import Meters
from serving.http.settings import HttpSettings
from serving.records import ServingError

log = logging.getLogger(__name__)
GONE = 499
"""Status under which a request is counted whose client left before the answer."""


@dataclass
class _Outgoing:
    """What has been sent of an answer."""

    to: Send
    status: int | None = None
    finished: bool = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.finished = not message.get("more_body", False)
        await self.to(message)


@dataclass
class _Incoming:
    """A body that has been read, and afterwards whether its client is still there."""

    body: bytes
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    _told: bool = False

    async def receive(self) -> Message:
        if not self._told:
            self._told = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone.set()


class _ClientGone(Exception):
    """It left while its body was read."""


class Envelope:
    """ASGI middleware that does all this."""

    def __init__(self, app: ASGIApp, backend: Backend, settings: HttpSettings, ring: KeyRing, meters: Meters) -> None:
        self._app, self._backend, self._settings, self._ring, self._meters = app, backend, settings, ring, meters
        self._admission = Admission(settings, time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        out, start = _Outgoing(send), asyncio.get_running_loop().time()
        exchange = self._exchange(start)
        with self._meters.in_flight.track_inprogress():
            try:
                status = await self._answer(scope, receive, out, exchange)
            except ServingError as error:
                status = error.status
                await error_response(error)(scope, receive, out.send)
            except _ClientGone:
                status = GONE
        endpoint = getattr(scope.get("route"), "path", "other")
        await self._meters.count(endpoint, exchange, status, asyncio.get_running_loop().time() - start)

    def _exchange(self, start: float) -> Exchange:
        async def exposition() -> bytes:
            return self._meters.exposition(await self._backend.gauges())

        deadline = start + self._settings.time_limit_s
        return Exchange(self._backend, self._settings, exposition, None, start, deadline)

    async def _answer(self, scope: Scope, receive: Receive, out: _Outgoing, exchange: Exchange) -> int:
        """Its status, `GONE` included. Raises `ServingError` only where nothing has been sent."""
        headers = Headers(scope=scope)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path.startswith("/v1/") or path == "/metrics":
            exchange.key = self._ring.admit(headers.get("authorization"))
        if not path.startswith("/v1/"):
            return await self._within(scope, receive, await self._body(headers, receive), out, exchange)
        with self._admission.counted():
            body = await self._body(headers, receive)
            with self._admission.paced(path, len(body)) as entry:
                status = await self._within(scope, receive, body, out, exchange)
                entry.answered = status == 200
                return status

    async def _within(self, scope: Scope, receive: Receive, body: bytes, out: _Outgoing, exchange: Exchange) -> int:
        """The status of a request that is let in."""
        incoming = _Incoming(body)
        scope.setdefault("state", {})[STATE] = exchange
        work = asyncio.create_task(self._work(scope, incoming, out, exchange))
        watch = asyncio.create_task(incoming.watch(receive))
        loop = asyncio.get_running_loop()
        try:
            left: float | None = exchange.deadline - loop.time()
            done, _ = await asyncio.wait({work, watch}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not done and out.status is not None:  # a stream says by itself that its time is over
                done, _ = await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            if work in done or out.finished:
                await work
                return exchange.failed or out.status or GONE
            if watch in done:
                return GONE
            work.cancel()
            await asyncio.wait({work})
            raise too_late()
        finally:
            for task in (work, watch):
                task.cancel()
            await asyncio.gather(work, watch, return_exceptions=True)

    async def _work(self, scope: Scope, incoming: _Incoming, out: _Outgoing, exchange: Exchange) -> None:
        try:
            async with exchange.stack:
                await self._app(scope, incoming.receive, out.send)
        except Exception as error:
            # without the message: it may quote a prompt
            place = "".join(traceback.format_tb(error.__traceback__))
            number = Headers(scope=scope).get("x-request-id", "")[:64]
            log.error("%s %s %s: %s\n%s", number, scope["method"], scope["path"], type(error).__name__, place)
            exchange.failed = 500
            if out.status is None:
                raise internal_error() from None

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        limit = self._settings.max_body_bytes
        too_long = ServingError(413, f"the body is longer than {limit:,} bytes", code="body_too_large")
        if (told := headers.get("content-length", "")).isdigit() and int(told) > limit:
            raise too_long
        parts, length, more = [], 0, True
        try:
            async with asyncio.timeout(self._settings.body_time_limit_s):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _ClientGone
                    parts.append(message.get("body", b""))
                    length += len(parts[-1])
                    if length > limit:
                        raise too_long
                    more = message.get("more_body", False)
        except TimeoutError:
            wait = self._settings.body_time_limit_s
            raise ServingError(408, f"the body was not there after {wait:g} s", code="body_timeout") from None
        return b"".join(parts)
