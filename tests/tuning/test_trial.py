import json
import threading

import pytest

from common.errors import DataError, UserError
from tests.tuning.setups import setup
from tuning.setup import outcome_of
from tuning.trial import Training, best_of, close, evaluations

POINT = {"peft.rank": 8, "other": 1}
LINES = [{"step": 1, "loss": 2.0}, {"step": 0, "dev_mrr": 0.1}, {"step": 5, "dev_mrr": 0.4, "dev_loss": 3.0},
         {"step": 9, "dev_mrr": 0.3}, {"step": 9, "loss": 1.0}]  # fmt: skip


@pytest.fixture
def curve(tmp_path):
    def write(lines, torn=""):
        file = tmp_path / "metrics.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines) + torn)
        return file

    return write


def test_the_evaluations_of_a_curve_are_in_order_without_other_lines(curve):
    file = curve(LINES)
    assert evaluations(file, "mrr") == [(0, 0.1), (5, 0.4), (9, 0.3)]
    assert evaluations(file, "loss") == [(5, 3.0)]
    assert evaluations(file, "em@1") == []


@pytest.mark.parametrize("cut", range(1, len('{"step": 12, "dev_mrr": 0.45}')))
def test_a_line_that_is_half_written_comes_later(curve, cut):
    last = '{"step": 12, "dev_mrr": 0.45}'
    assert evaluations(curve(LINES, last[:cut]), "mrr") == [(0, 0.1), (5, 0.4), (9, 0.3)]
    assert evaluations(curve(LINES, last), "mrr")[-1] == (12, 0.45)


def test_a_run_without_a_curve_has_no_evaluations(tmp_path):
    assert evaluations(tmp_path / "metrics.jsonl", "mrr") == []


def test_the_best_of_a_curve_is_by_its_direction():
    points = [(1, 0.3), (2, 0.5), (3, 0.1)]
    assert best_of(points, "max") == 0.5
    assert best_of(points, "min") == 0.1
    assert best_of([], "max") is None


def running(train):
    training = Training(train, "config", "trial")
    while training.running(0.01):
        pass
    return training


def test_training_runs_beside_and_gives_its_result():
    free = threading.Event()
    training = Training(lambda config, trial: {"got": (config, trial), "waited": free.wait(60)}, "config", "trial")
    assert training.running(0.01)
    assert training.result is None
    free.set()
    while training.running(0.01):
        pass
    assert training.result == {"got": ("config", "trial"), "waited": True}
    assert training.error is None


def test_what_the_user_can_mend_is_kept_and_what_not_is_raised():
    def fail(error):
        def train(config, trial):
            raise error

        return train

    error = DataError("pairs.jsonl", 1, None, "is bad")
    assert running(fail(error)).error is error
    with pytest.raises(ZeroDivisionError):
        running(fail(ZeroDivisionError()))


RESULT = {"ended": "end", "step": 9, "trainable_parameters": 100, "peak_memory": {"bytes": [5, 7]}, "seconds": 2.5}


def closed(folder, result=None, error=None, earlier=(), lines=LINES):
    one = setup(folder)
    run_dir = one.place("a1") / "run"
    run_dir.mkdir(parents=True)
    (run_dir / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def train(config, trial):
        if error:
            raise error
        return result

    close(one, "a1", POINT, one.config(POINT, run_dir), running(train), 10, earlier)
    return outcome_of(one.place("a1"))


def test_a_finished_trial_s_outcome(tmp_path):
    found = closed(tmp_path, RESULT)
    assert (found.id, found.status, found.metric, found.trained_steps, found.steps) == ("a1", "finished", 0.4, 9, 10)
    assert found.config == {"peft.rank": 8}, "the swept keys"
    assert found.curve == ((0, 0.1), (5, 0.4), (9, 0.3))
    assert (found.trainable_parameters, found.peak_bytes, found.seconds) == (100, 7, 2.5)
    assert found.adapter == str(tmp_path / "trials" / "a1" / "run" / "adapter")
    assert (found.reason, found.tracking_run) == (None, None)


def test_a_stopped_trial_s_outcome(tmp_path):
    assert closed(tmp_path, {**RESULT, "ended": "stop"}).status == "stopped"


def test_a_failed_trial_s_outcome_has_the_reason_and_how_far_it_came(tmp_path):
    found = closed(tmp_path, error=UserError("the loss is not finite", "lower the rate"))
    assert (found.status, found.reason, found.trained_steps) == ("failed", "the loss is not finite", 9)
    assert found.metric == 0.4
    assert found.adapter is None


def test_a_trial_that_fails_at_once_has_no_metric(tmp_path):
    found = closed(tmp_path, error=UserError("no such base"), lines=[])
    assert (found.status, found.metric, found.curve, found.trained_steps) == ("failed", None, (), 0)


def test_a_curve_that_goes_on_counts_the_earlier_part_once(tmp_path):
    found = closed(tmp_path, RESULT, earlier=[(2, 0.9), (5, 0.4)])
    assert sorted(found.curve) == [(0, 0.1), (2, 0.9), (5, 0.4), (9, 0.3)]
    assert found.metric == 0.9
