"""Leave to go on: what watches a run decides after each evaluation whether it is worth more steps.

GATE/STEP.json   the verdict on the evaluation at that step
GATE/reserved    the placement group that the run's workers live in

The worker waits for the verdict instead of being killed by it. Ray Tune ends a trial by ending its process, and what a
Ray Train run inside had reserved stays reserved (ray-project/ray#54305); a loop that returns gives everything back.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Literal

from common.runs import write_json, write_text

Verdict = Literal["go", "stop", "pause"]
"""stop: end here, with the best adapter so far. pause: end here, to go on from the checkpoint later."""
_POLL = 0.05
_RESERVED = "reserved"


class Gate:
    """The verdicts on one run, in a folder that its workers and its watcher share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def answer(self, step: int, verdict: Verdict) -> None:
        """Say what follows the evaluation at `step`; a later answer replaces an earlier one."""
        write_json(self._file(step), {"verdict": verdict})

    def verdict(self, step: int) -> Verdict | None:
        """What was said, None where nothing was."""
        try:
            return json.loads(self._file(step).read_text("utf-8"))["verdict"]
        except FileNotFoundError:
            return None

    def wait(self, step: int) -> Verdict:
        """Block until there is a verdict. Whoever watches outlives the workers: Ray ends them with its process."""
        while (found := self.verdict(step)) is None:
            time.sleep(_POLL)
        return found

    def note_reserved(self) -> None:
        """Called by a worker: write down what its run has reserved."""
        from ray.util import get_current_placement_group

        if group := get_current_placement_group():
            write_text(self._folder / _RESERVED, group.id.hex())

    def reset(self) -> None:
        """Forget all verdicts, and `release`."""
        for file in self._folder.glob("*.json"):
            file.unlink()
        self.release()

    def release(self) -> None:
        """Give back what a run that was killed here has left, its workers included; nothing where nothing is left.

        A placement group outlives the actor that made it, for as long as the job's driver lives.
        """
        from ray.util import remove_placement_group
        from ray.util.placement_group import PlacementGroup, PlacementGroupID

        file = self._folder / _RESERVED
        if file.exists():
            remove_placement_group(PlacementGroup(PlacementGroupID(bytes.fromhex(file.read_text("utf-8")))))
            file.unlink(missing_ok=True)

    def _file(self, step: int) -> Path:
        return self._folder / f"{step}.json"
