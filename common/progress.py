"""Progress bars: a moving one in a terminal, a line now and then in a log file."""

from __future__ import annotations

import sys

from tqdm import tqdm


def progress(total: int, label: str, unit: str, *, delay: float = 2.0) -> tqdm:
    """A bar on standard error that shows itself after `delay` seconds; without a label there is none."""
    calm = {"mininterval": 0.5} if sys.stderr.isatty() else {"mininterval": 20.0, "maxinterval": 60.0}
    return tqdm(total=total, desc=label, unit=unit, delay=delay, disable=not label, leave=not delay, **calm)
