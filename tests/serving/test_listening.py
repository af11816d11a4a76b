"""An ingress' own listener: over a small application, in a loop of the test's own."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
from starlette.responses import JSONResponse

from common.errors import UserError
from serving import start
from serving.deployments.listening import HEADER, Listen, Listener
from tests.serving.running import free_port


class App:
    """Tells the id that a request came with, once it may."""

    def __init__(self) -> None:
        self.asked, self.may = asyncio.Event(), asyncio.Event()
        self.may.set()

    async def __call__(self, scope, receive, send):
        self.asked.set()
        await self.may.wait()
        number = dict(scope["headers"])[HEADER.encode()].decode()
        await JSONResponse({"number": number})(scope, receive, send)


async def get(port, *headers):
    """Status line, headers and JSON of an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = ["GET / HTTP/1.1", "host: here", "connection: close", *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    status, *told = head.split("\r\n")
    return status, [line.partition(": ")[::2] for line in told], json.loads(body)


def served(what):
    """Run `what(app, listener, port)` over a listener that has started."""

    async def run():
        app, port = App(), free_port()
        listener = Listener(app, Listen("127.0.0.1", port))
        assert listener.healthy
        await listener.start()
        try:
            return await what(app, listener, port)
        finally:
            app.may.set()
            await listener.stop()
            assert not listener.healthy

    return asyncio.run(run())


@pytest.mark.parametrize("own", [None, "mine-1"])
def test_each_request_has_an_id_that_its_answer_tells_once(own):
    async def ask(_app, _listener, port):
        return await get(port, *([f"{HEADER}: {own}"] if own else []))

    status, headers, body = served(ask)
    assert status.startswith("HTTP/1.1 200")
    assert [value for name, value in headers if name.lower() == HEADER] == [body["number"]]
    assert body["number"] == own if own else len(body["number"]) == 32


def test_what_is_under_way_is_answered_before_it_stops():
    async def stop(app, listener, port):
        app.may.clear()
        asked = asyncio.create_task(get(port))
        await app.asked.wait()
        stopping = asyncio.create_task(listener.stop())
        await asyncio.sleep(0.3)
        assert not stopping.done() and not asked.done()
        with pytest.raises(OSError):
            await get(port)  # nothing new
        app.may.set()
        await stopping
        return await asked

    assert served(stop)[0].startswith("HTTP/1.1 200")


def test_a_second_one_may_have_the_port_while_the_first_ends_and_a_stranger_may_not():
    async def share(_app, first, port):
        with pytest.raises(UserError, match="cannot be had"):
            start._check_port(start.StartConfig(port=port))
        second = Listener(App(), Listen("127.0.0.1", port))
        await second.start()
        await first.stop()
        answer = await get(port)
        await second.stop()
        return answer

    assert served(share)[0].startswith("HTTP/1.1 200")


def test_a_port_that_a_stranger_has_is_an_error():
    async def refused():
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.listen()
            await Listener(App(), Listen("127.0.0.1", stranger.getsockname()[1])).start()

    with pytest.raises(OSError):
        asyncio.run(refused())
