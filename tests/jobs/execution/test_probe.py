"""What the probe says of this host, and of hosts that give less."""

import json

import pytest

from jobs.execution import probe
from jobs.execution.sandbox import host
from jobs.execution.sandbox.host import Execution, Sandbox, SandboxError


def test_it_says_the_same_in_lines_and_in_json(capsys):
    status = probe.main([])
    lines = capsys.readouterr().out.splitlines()
    assert probe.main(["--json"]) == status
    found = json.loads(capsys.readouterr().out)
    assert [one["level"] for one in found] == ["full", "reduced"]
    for one, line in zip(found, lines[1:], strict=True):
        assert line.startswith(f"{one['level']}: {'yes' if one['isolation'] else 'no'}")
        assert bool(one["error"]) == (one["isolation"] is None)
    assert status == (0 if any(one["isolation"] for one in found) else 1)


def test_a_host_without_any(monkeypatch, capsys):
    def refuse(self, jail):
        raise SandboxError(f"no sandbox of level {jail.level}", "none")

    monkeypatch.setattr(Sandbox, "__init__", refuse)
    assert probe.main([]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        "full: no. no sandbox of level full",
        "reduced: no. no sandbox of level reduced",
    ]


def test_a_machine_whose_calls_nobody_knows(monkeypatch):
    """The launcher says so itself."""
    elsewhere = "import os, types; os.uname = lambda: types.SimpleNamespace(machine='riscv64'); "
    monkeypatch.setattr(host, "_LAUNCH", elsewhere + host._LAUNCH)
    assert "no sandbox on riscv64" in probe.probe("reduced").error


def test_a_sandbox_in_which_nothing_runs_is_none(monkeypatch):
    if probe.probe("full").isolation is None:
        pytest.skip("no level full here")
    monkeypatch.setattr(Sandbox, "run", lambda *_: Execution("signal", 31, b"", b"oh", b"", 0, 0, 0))
    found = probe.probe("full")
    assert found.isolation is None
    assert "ended with signal 31: oh" in found.error


def test_a_wrong_flag_is_status_2(capsys):
    assert probe.main(["--jason"]) == 2
    assert "--json" in capsys.readouterr().err
