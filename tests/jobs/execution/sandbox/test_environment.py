"""What of this machine a sandbox shows, and what this machine lets it have."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from common.errors import UserError
from jobs.execution.sandbox import cgroups, environment
from jobs.execution.sandbox.host import Program, Sandbox
from jobs.execution.sandbox.spec import Jail, Limits

ROOT = Path(__file__).parents[4]


def test_shown_are_libraries_and_no_homes():
    shown = environment.binds()
    assert sysconfig.get_path("stdlib") in shown
    assert not {
        "/",
        "/etc",
        "/home",
        "/root",
        "/usr",
        "/usr/local",
        "/proc",
        "/sys",
        "/dev",
        "/tmp",
        str(Path.home()),
    } & set(shown)


def test_the_interpreter_is_the_one_below_the_virtual_environment():
    assert Path(environment.interpreter()).resolve() == Path(sys.executable).resolve()


def test_a_package_comes_with_its_shared_libraries():
    assert set(environment.site(["numpy"])) >= {"numpy"}
    folder = Path(environment.site(["numpy"])["numpy"])
    assert (folder.with_name("numpy.libs").is_dir()) == ("numpy.libs" in environment.site(["numpy"]))


@pytest.mark.parametrize(("user", "lines", "own"), [
    (0, "0 0 4294967295\n", True), (0, "0 100000 65536\n", True), (0, "0 1000 1\n", False), (1000,
    "0 0 4294967295\n", False),
    (0, "0 0 1\n 61184 0 9999\n", True),
])  # fmt: skip
def test_a_user_for_candidates_is_one_that_this_process_may_map(monkeypatch, tmp_path, user, lines, own):
    (tmp_path / "uid_map").write_text(lines)
    monkeypatch.setattr(environment.os, "geteuid", lambda: user)
    monkeypatch.setattr(environment, "Path", lambda path: tmp_path / Path(path).name)
    found = environment.candidate_uid()
    assert (found is not None) == own
    assert found is None or 61_184 <= found < 65_520


LOWER = """
import resource, sys
from common.errors import UserError
from jobs.execution.sandbox.host import Program, Sandbox
from jobs.execution.sandbox.spec import Jail, Limits
kind, value = getattr(resource, sys.argv[2]), int(sys.argv[3])
resource.setrlimit(kind, (value, value))
with Sandbox(Jail(sys.argv[1])) as sandbox, Program("print('ran')", "stdin") as program:
    try: print(sandbox.run(program, Limits()).stdout)
    except UserError as error: print(error.message, "|", error.remedy)
"""


@pytest.mark.parametrize(
    ("name", "value"), [("RLIMIT_STACK", 8 << 20), ("RLIMIT_AS", 512 << 20), ("RLIMIT_NOFILE", 100)]
)
def test_limits_that_this_process_has_no_right_to_give(level, name, value):
    """An error that says so, and not a wrong verdict on every candidate."""
    done = subprocess.run([sys.executable, "-c",
    LOWER, level, name, str(value)], capture_output=True, text=True, check=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    assert f"tests want {name} =" in done.stdout, done
    assert f"{value} at most" in done.stdout
    assert "ulimit -H" in done.stdout


def test_a_group_bounds_the_sum_of_the_memory(full):
    """Several processes, each below its own limit; without a group they may have it all together."""
    code = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        x = bytearray(b'x') * (100 << 20)
        time.sleep(3)  # all of them have it at once
        os._exit(0)
ended = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(4)]
print(ended.count(-9))
"""
    if (group := cgroups.make(1 << 30)) is None:
        pytest.skip("this host lets us make no cgroup")
    group.remove()
    limits = Limits(memory_mb=512, processes=8, wall_seconds=60)
    for memory, kills in ((250 << 20, True), (1 << 30, False)):
        with Sandbox(Jail("full", memory_bytes=memory)) as sandbox, Program(code, "stdin") as program:
            assert sandbox.isolation.cgroup in (1, 2)
            run = sandbox.run(program, limits)
            assert run.ended in ("exit", "signal")
            assert (run.stdout != b"0\n") == kills
            assert sandbox.run(program, limits).ended != "lost"


def test_nothing_of_the_virtual_environment_is_shown():
    assert not [path for path in environment.binds() if path.startswith(sys.prefix) and sys.prefix != sys.base_prefix]


def test_an_interpreter_below_tmp_is_refused(monkeypatch):
    monkeypatch.setattr(environment.sysconfig, "get_path", lambda _: "/tmp/python/lib/python3.11")
    with pytest.raises(UserError, match="scratch folder"):
        environment.binds()
