"""Which points a submission tries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from common.runs import write_json
from tests.tuning.setups import setup
from tuning.config import SweepConfig
from tuning.drive import _Drive, _far_enough
from tuning.outcome import Trial
from tuning.plan import earlier
from tuning.setup import OUTCOME
from tuning.space import Axis, Space
from tuning.stopping import UNTIL


@pytest.mark.parametrize(
    ("trained", "config", "enough"),
    [(10, {UNTIL: 1 / 9}, True), (10, {UNTIL: 1 / 3}, False), (30, {UNTIL: 1 / 3}, True), (10, {}, True)],
)
def test_the_outcome_of_an_earlier_round_is_none_of_this_one(trained, config, enough):
    stopped = Trial(id="a", config={}, status="stopped", trained_steps=trained, steps=90)
    assert _far_enough(stopped, config) is enough


POINT = {"training.learning_rate": 1e-3}


@pytest.mark.parametrize(("status", "again"), [("failed", True), ("finished", False), ("stopped", False)])
def test_a_resubmission_tries_again_what_failed_and_nothing_that_ended(tmp_path, status, again):
    config = SweepConfig(space={"training.learning_rate": Axis(values=(1e-3, 1e-2))})
    made = replace(setup(), folder=tmp_path, swept=tuple(config.space))
    name = made.identify(POINT)
    made.begin(made.place(name) / "run", POINT)
    write_json(made.place(name) / OUTCOME, Trial(id=name, config=POINT, status=status).model_dump(mode="json"))
    drive = _Drive(config, made, Space(config.space), earlier(config, made))
    assert drive._allowed(POINT) is again
    assert drive._unfinished() == ([POINT] if again else [])
