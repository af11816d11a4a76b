"""A sweep while it runs: a live table in a terminal, a line for each trial that ends in a log."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from ray.tune import Callback
from rich.console import Console
from rich.live import Live

from tuning.outcome import Trial
from tuning.report.terminal import trials_table
from tuning.setup import Setup, outcome_of, told


class Progress(Callback):
    """What Tune tells of its trials, shown on standard error."""

    def __init__(self, setup: Setup, ended: Sequence[Trial], total: int) -> None:
        """`total`: trials that are to run beside those that have `ended`."""
        self._setup, self._ended, self._total = setup, list(ended), len(ended) + total
        self._running: dict[str, Trial] = {}
        self._live: Live | None = None
        if sys.stderr.isatty():
            self._live = Live(console=Console(stderr=True), refresh_per_second=2, transient=True)

    def setup(self, **info: Any) -> None:
        """The run begins."""
        if self._live:
            self._live.start()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial begins, or goes on."""
        self._running.setdefault(trial.trial_id, self._record(trial, {}))
        self._show()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """An evaluation."""
        self._running[trial.trial_id] = self._record(trial, result)
        self._show()

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial has ended by itself."""
        last = self._running.pop(trial.trial_id, None)
        name = str((trial.last_result or {}).get("id", ""))
        found = (outcome_of(self._setup.place(name)) if name else None) or last
        if found:
            self._ended = [trial for trial in self._ended if trial.id != found.id]  # of an earlier round of halving
            self._ended.append(found)
            self._say(found)
        self._show()

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial's process has failed for good."""
        last = self._running.pop(trial.trial_id, None)
        if last:
            self._ended.append(last.model_copy(update={"status": "failed"}))
            self._say(self._ended[-1])
        self._show()

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        """All have ended."""
        if self._live:
            self._live.stop()

    def _record(self, trial: Any, result: dict[str, Any]) -> Trial:
        point = {key: value for key, value in trial.config.items() if key in self._setup.swept}
        return Trial(
            id=str(result.get("id", trial.trial_id)), config=point, status="finished", metric=result.get("metric"),
            trained_steps=int(result.get("step", 0)), steps=int(result.get("steps", 0)),
        )  # fmt: skip

    def _show(self) -> None:
        if self._live:
            running = list(self._running.values())
            table = trials_table(self._ended, self._setup.metric, self._setup.direction, running=running)
            table.title = f"{len(self._ended)} of {self._total} trials have ended, {len(running)} run"
            self._live.update(table)

    def _say(self, trial: Trial) -> None:
        """A line where nobody looks at a terminal."""
        if self._live:
            return
        score = f"{self._setup.metric} {trial.metric:.4f}" if trial.metric is not None else f"no {self._setup.metric}"
        print(
            f"{len(self._ended)}/{self._total} {trial.status:8} {score} after {trial.trained_steps} of {trial.steps} "
            f"steps  {told(trial.config)}{f'  ({trial.reason})' if trial.reason else ''}",
            file=sys.stderr,
        )
