"""Hot reload: a thread that looks at the sources again and again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from serving.catalogue import Catalogue, Changes

log = logging.getLogger(__name__)


class Refresher:
    """Refreshes a catalogue each `interval_s` seconds, and calls `on_change` in its thread where something changed.

    The times are fixed at the start: a refresh that takes long does not move the following ones, and those that fell
    into it are left out. A refresh or a callback that fails is logged, and the next one comes at its time.
    """

    def __init__(self, catalogue: Catalogue, interval_s: float, on_change: Callable[[Changes], None]) -> None:
        self._catalogue, self._interval, self._on_change = catalogue, interval_s, on_change
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="catalogue", daemon=True)

    def start(self) -> None:
        """The first refresh is one interval from now."""
        self._thread.start()

    def stop(self) -> None:
        """Returns when no callback will come any more, which a refresh that is under way may delay."""
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        start = time.monotonic()
        while True:
            since = time.monotonic() - start
            if self._stopping.wait(self._interval - since % self._interval):
                return
            try:
                if changes := self._catalogue.refresh():
                    self._on_change(changes)
            except Exception:  # the server goes on with what it has
                log.exception("the catalogue could not be refreshed")
