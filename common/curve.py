"""A training curve that outlives MLflow's absence: a JSONL file, and a thread that sends what is in it."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from common.errors import UserError
from common.runs import write_text
from common.tracking import BATCH, PATIENCE, client, is_away, metric_name, pauses

log = logging.getLogger(__name__)

Point = tuple[str, float, int, int]
"""Name, value, time in ms and step: MLflow keeps one of several that agree in all four, so a batch may be resent."""


class Curve:
    """A training curve: appended to a JSONL file, which is the truth, and sent to MLflow, which may be away.

    `log`, `flush` and `close` belong to one thread, the one that trains; none but `close` waits for MLflow.
    """

    def __init__(self, file: Path, uri: str | None, run_id: str | None) -> None:
        self.file = file
        self._uri, self._run_id = uri, run_id
        self._logged: list[Point] = []
        self._resumed = -1.0
        self._known: dict[str, set[int]] = {}
        self._unsent: list[Point] = []  # with the three below shared with the thread, under `_changed`
        self._changed = threading.Condition()
        self._closing = False
        self._refused = False
        self._thread: threading.Thread | None = None

    def log(self, step: int, **values: float) -> None:
        """Record values at a step; `flush` has them sent."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        self._note(step, values)

    def rewind(self, step: int) -> None:
        """Forget what was recorded after `step`: a resumed run records it again.

        What was recorded until then is sent where MLflow lacks it: it was away, and then the process ended.
        """
        if self.file.exists():
            kept = [line for line in self.file.read_text("utf-8").splitlines() if _step_of(line) <= step]
            write_text(self.file, "".join(line + "\n" for line in kept))
            self._resumed = step
            for line in map(json.loads, kept):
                self._note(line.pop("step"), line)

    def flush(self) -> None:
        """Have all that was logged sent, and how busy the machine is; does not wait for it."""
        if not self._logged:
            return
        self._note(self._logged[-1][-1], system_metrics())
        with self._changed:
            if not self._refused:
                self._unsent += self._logged
            self._changed.notify()
        self._logged = []
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_all, name="curve", daemon=True)
            self._thread.start()

    def close(self, patience: float = PATIENCE) -> str | None:
        """Send the rest, for at most `patience` seconds; returns, and logs, a warning where MLflow lacks some."""
        self.flush()
        if self._thread is None:
            return None
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(patience)
        with self._changed:
            lacking = len(self._unsent)
            self._unsent.clear()  # so that the thread ends with the attempt it is at
        if not (lacking or self._refused):
            return None
        warning = f"MLflow at {self._uri} lacks the end of the curve; {self.file} holds everything"
        log.warning(warning)
        return warning

    def _note(self, step: int, values: dict[str, float]) -> None:
        if self._uri and self._run_id:
            now = int(time.time() * 1000)
            self._logged += [(metric_name(key), float(value), now, step) for key, value in values.items()]

    def _send_all(self) -> None:
        """What the thread does: send until the curve is closed and all is sent, or MLflow refuses."""
        assert self._uri
        store, told, waits = None, False, pauses()
        while batch := self._next():
            try:
                store = store or client(self._uri)
                self._send(store, batch)
            except Exception as error:  # tracking must not stop training
                if refused := _is_refusal(self._uri, error):
                    log.warning("MLflow refuses the curve (%s); it is kept in %s", error, self.file)
                elif not told:
                    log.warning("MLflow does not answer (%s); the curve is kept in %s", error, self.file)
                    told = True
                with self._changed:
                    if refused:
                        self._refused = True
                        self._unsent.clear()
                        return
                    self._changed.wait_for(lambda: self._closing, next(waits))
                time.sleep(_BREATH)
            else:
                waits = pauses()
                with self._changed:
                    del self._unsent[: len(batch)]

    def _next(self) -> list[Point]:
        """The next points to send; waits for them, and is empty when the curve is closed and all is sent."""
        with self._changed:
            self._changed.wait_for(lambda: self._unsent or self._closing)
            return self._unsent[:BATCH]

    def _send(self, store: Any, batch: list[Point]) -> None:
        from mlflow.entities import Metric

        for name in {name for name, *_, step in batch if step <= self._resumed} - self._known.keys():
            self._known[name] = {point.step for point in store.get_metric_history(self._run_id, name)}
        lacking = [p for p in batch if p[-1] > self._resumed or p[-1] not in self._known[p[0]]]
        store.log_batch(self._run_id, metrics=[Metric(*point) for point in lacking])


_BREATH = 0.5  # seconds between two attempts at the least, when a closing curve no longer waits longer


def system_metrics() -> dict[str, float]:
    """How busy the machine and this process are, under the names and in the units of MLflow's own system metrics."""
    values = {
        "system/cpu_utilization_percentage": psutil.cpu_percent(),  # since the last call
        "system/system_memory_usage_megabytes": psutil.virtual_memory().used / 1e6,
        "system/process_memory_megabytes": psutil.Process().memory_info().rss / 1e6,
    }
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_initialized():  # asking for memory would otherwise claim some of a GPU not in use
        free, total = torch.cuda.mem_get_info()
        values["system/gpu_0_memory_usage_megabytes"] = (total - free) / 1e6
    return values


def _is_refusal(uri: str, error: Exception) -> bool:
    """Whether trying again is in vain; what is neither a refusal nor an absence is tried again, too."""
    from mlflow.exceptions import MlflowException

    return isinstance(error, (UserError, MlflowException)) and not is_away(uri, error)


def _step_of(line: str) -> float:
    """The step of a line of the curve; a line cut off by a crash counts as never recorded."""
    try:
        return json.loads(line)["step"]
    except ValueError:
        return float("inf")
