"""The frame around a job: what is printed where, and the exit status."""

import json

import pytest

from common.cli import Job, run
from common.config import JobConfig
from common.errors import DataError


class Counting(JobConfig):
    """A job."""

    upto: int = 3
    """Last number."""


def job(main=lambda config: {"numbers": list(range(config.upto))}):
    return Job("jobs.count", "Counts.", Counting, main, plan=lambda config: f"would count to {config.upto}")


def test_result_goes_to_stdout_as_json(capsys):
    assert run(job(), ["--upto", "2"]) == 0
    assert json.loads(capsys.readouterr().out) == {"numbers": [0, 1]}


def test_own_show_is_used(capsys):
    shown = Job("jobs.count", "", Counting, lambda _: {"n": 1}, lambda _: "", show=lambda result: f"n is {result['n']}")
    assert run(shown, []) == 0
    assert capsys.readouterr().out == "n is 1\n"


def test_dry_run_plans_and_does_nothing(capsys):
    def main(config):
        raise AssertionError("must not run")

    assert run(job(main), ["--upto", "9", "--dry-run"]) == 0
    assert capsys.readouterr().out == "would count to 9\n"


@pytest.mark.parametrize("argv", [["--uptoo", "1"], ["--upto", "x"], ["--config", "none.yaml"]])
def test_mistake_of_the_user_is_status_2_and_no_traceback(capsys, argv):
    assert run(job(), argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert "upto" in err or "none.yaml" in err
    assert "Traceback" not in err


def test_error_of_the_work_is_told_with_its_remedy(capsys):
    def main(config):
        raise DataError("pairs.jsonl", 3, "query", "is empty", "drop the line")

    assert run(job(main), []) == 2
    assert capsys.readouterr().err == "error: pairs.jsonl:3: field 'query': is empty\n  → drop the line\n"


def test_interrupt_is_status_130(capsys):
    def main(config):
        raise KeyboardInterrupt

    assert run(job(main), []) == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_our_own_mistakes_keep_their_traceback():
    def main(config):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(job(main), [])


def test_help_is_status_0(capsys):
    with pytest.raises(SystemExit) as left:
        run(job(), ["--help"])
    assert left.value.code == 0
    assert "Last number. (default: 3)" in capsys.readouterr().out


def test_arguments_default_to_the_command_line(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["count", "--upto", "1"])
    assert run(job()) == 0
    assert json.loads(capsys.readouterr().out) == {"numbers": [0]}
