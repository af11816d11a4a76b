"""Headless Chromium over its DevTools protocol: a page is opened, keys are pressed, and what it shows is read."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BINARY = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_HANGS_S = 120
"""Seconds after which a page that does not do what it should is taken to hang."""
_KEYS = {
    "Enter": (13, "\r"), "Escape": (27, None), "ArrowDown": (40, None), "ArrowUp": (38, None), "ArrowLeft": (37, None),
    "ArrowRight": (39, None), "Tab": (9, None),
}  # fmt: skip


class Page:
    """A tab."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._ids = socket, itertools.count(1)
        self.requested: list[str] = []
        """Addresses that it asked for."""
        self.said: list[str] = []
        """Its console and its exceptions."""
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Call the browser; raises `RuntimeError` with its message."""
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (message := json.loads(self._socket.recv(timeout=_HANGS_S))).get("id") != number:
            self._note(message)
        if "error" in message:
            raise RuntimeError(message["error"]["message"])
        return message["result"]

    def _note(self, message: dict[str, Any]) -> None:
        told = message.get("params", {})
        match message["method"]:
            case "Network.requestWillBeSent":
                self.requested.append(told["request"]["url"])
            case "Runtime.exceptionThrown":
                self.said.append(told["exceptionDetails"].get("exception", {}).get("description", "?"))
            case "Runtime.consoleAPICalled" | "Log.entryAdded":
                self.said.append(json.dumps(told))

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression, or of the promise that it is."""
        told = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"]["exception"].get("description", expression))
        return told["result"].get("value")

    def until(self, expression: str) -> Any:
        """Wait until an expression is true, and give its value; of an element, True."""
        script = f"((it) => it instanceof Node || it)({expression})"
        end = time.monotonic() + _HANGS_S
        while not (value := self.value(script)):
            if time.monotonic() > end:
                raise AssertionError(f"never true: {expression}\n{self.value('document.body.innerText')}\n{self.said}")
            time.sleep(0.02)
        return value

    def texts(self, selector: str) -> list[str]:
        """What is read in all elements that are shown."""
        shown = f"[...document.querySelectorAll({json.dumps(selector)})].filter((one) => one.checkVisibility())"
        return self.value(f"{shown}.map((one) => one.innerText)")

    def press(self, *keys: str, ctrl: bool = False) -> None:
        """Press keys: a character, or a name such as `Enter`."""
        for key in keys:
            code, text = _KEYS.get(key, (ord(key.upper()) if len(key) == 1 else 0, key))
            event = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 2 if ctrl else 0}
            down = {"type": "keyDown", "text": text} if text and not ctrl else {"type": "rawKeyDown"}
            self.send("Input.dispatchKeyEvent", **event, **down)
            self.send("Input.dispatchKeyEvent", **event, type="keyUp")

    def type(self, text: str) -> None:
        """Write into what has the focus."""
        self.send("Input.insertText", text=text)

    def choose(self, field: str, value: str) -> None:
        """Set a select or a field by its id, as a user does."""
        script = f"{{ const it = document.getElementById({json.dumps(field)}); it.value = {json.dumps(value)};"
        self.value(f"{script} it.dispatchEvent(new Event('change', {{ bubbles: true }})); }}")

    def size(self, width: int, height: int, scheme: str = "light") -> None:
        """The window's size, and the colours that its user prefers."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, file: Path) -> None:
        """Write a PNG of what is seen."""
        file.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))


class Chromium:
    """A running browser."""

    def __init__(self, port: int) -> None:
        self._port = port

    @contextlib.contextmanager
    def page(self, url: str) -> Iterator[Page]:
        """A new tab at an address, closed afterwards."""
        from websockets.sync.client import connect

        request = urllib.request.Request(f"http://127.0.0.1:{self._port}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request) as answer:
            target = json.load(answer)
        with connect(target["webSocketDebuggerUrl"], max_size=None) as socket:
            page = Page(socket)
            page.send("Page.navigate", url=url)
            page.until("document.readyState === 'complete' && location.href !== 'about:blank'")
            yield page
            page.send("Page.close")


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[Chromium]:
    """A browser whose profile is in `folder`."""
    assert BINARY
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    quiet = ["--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0"]
    command = [BINARY, *flags, *quiet, f"--user-data-dir={folder}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            told = folder / "DevToolsActivePort"
            while not (told.is_file() and "\n" in told.read_text()):
                assert process.poll() is None, f"{BINARY} ended with {process.returncode}"
                time.sleep(0.05)
            yield Chromium(int(told.read_text().split("\n")[0]))
        finally:
            process.terminate()
            process.wait()
