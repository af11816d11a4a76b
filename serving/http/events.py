"""Server-sent events, and time limits on what comes piece by piece."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serving.records import ServingError

DONE = b"data: [DONE]\n\n"
T = TypeVar("T")


def event(data: Mapping[str, Any], name: str | None = None) -> bytes:
    """One event with JSON as its data."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


async def until(deadline: float, items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The items; raises `ServingError` (504) when the next one is not there at `deadline` (the loop's clock)."""
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                item = await anext(items)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise too_late() from None
        yield item


def too_late() -> ServingError:
    """The time limit of a request has passed."""
    return ServingError(504, "the answer was not ready within the server's time limit", code="timeout")


class EventStream(Response):
    """An answer that is sent event by event. A client that does not read is given up at the deadline."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], deadline: float, headers: Mapping[str, str]) -> None:
        self.status_code, self.background = 200, None
        self._events, self._deadline = events, deadline
        # a proxy that collects the answer first would undo the streaming
        self.init_headers({**headers, "cache-control": "no-store", "x-accel-buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        loop = asyncio.get_running_loop()
        async for data in self._events:
            try:  # what comes after the deadline is the event that says so
                async with asyncio.timeout_at(max(self._deadline, loop.time() + 1)):
                    await send({"type": "http.response.body", "body": data, "more_body": True})
            except TimeoutError:
                return  # without an end, so that the connection is closed
        await send({"type": "http.response.body", "body": b"", "more_body": False})
