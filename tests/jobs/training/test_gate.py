import threading

import pytest

from jobs.training.gate import Gate


def test_nothing_was_said(tmp_path):
    assert Gate(tmp_path / "gate").verdict(3) is None


@pytest.mark.parametrize("verdict", ["go", "stop", "pause"])
def test_what_is_answered_is_the_verdict_on_that_step_for_all(tmp_path, verdict):
    Gate(tmp_path / "gate").answer(3, verdict)
    assert Gate(tmp_path / "gate").verdict(3) == verdict
    assert Gate(tmp_path / "gate").wait(3) == verdict
    assert Gate(tmp_path / "gate").verdict(4) is None


def test_a_later_answer_replaces_an_earlier_one(tmp_path):
    gate = Gate(tmp_path)
    gate.answer(3, "go")
    gate.answer(3, "pause")
    assert gate.verdict(3) == "pause"


def test_waiting_lasts_until_another_thread_answers(tmp_path):
    found = []
    waiting = threading.Thread(target=lambda: found.append(Gate(tmp_path).wait(7)), daemon=True)
    waiting.start()
    Gate(tmp_path).answer(6, "go")
    waiting.join(0.2)
    assert waiting.is_alive(), "another step's verdict is none"
    Gate(tmp_path).answer(7, "stop")
    waiting.join(60)
    assert found == ["stop"]
