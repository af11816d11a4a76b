"""A progress bar in the driver, fed by the curve that rank 0 writes on the shared storage.

Ray can forward the workers' own output, but with it come a hundred lines of other processes' log.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from common.progress import progress


@contextlib.contextmanager
def progress_bar(curve: Path, steps: int, interval: float = 1.0) -> Iterator[None]:
    """Show how far the curve in the file `curve` has come, until the block ends."""
    done = threading.Event()
    with progress(steps, "training", "step", delay=0) as bar:

        def follow() -> None:
            while not done.wait(interval):
                _update(bar, curve)

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            _update(bar, curve)


def last_step(curve: Path) -> dict[str, float]:
    """The latest value of everything that the curve holds; empty where there is none yet."""
    if not curve.exists():
        return {}
    last: dict[str, float] = {}
    for line in curve.read_text("utf-8").splitlines():
        with contextlib.suppress(ValueError):  # the last line may be half written
            last |= json.loads(line)
    return last


def _update(bar: tqdm, curve: Path) -> None:
    """Bring the bar to the last step of the curve."""
    if last := last_step(curve):
        shown = {name: f"{last[name]:.3f}" for name in ("loss", "dev_mrr") if name in last}
        bar.set_postfix(shown, refresh=False)
        bar.update(last.get("step", 0) - bar.n)
