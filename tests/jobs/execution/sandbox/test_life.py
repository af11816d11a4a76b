"""A sandbox's life: it survives what befalls its processes, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from jobs.execution.inside import jail, kernel
from jobs.execution.sandbox import cgroups, environment, host
from jobs.execution.sandbox.host import Program, Sandbox, SandboxError
from jobs.execution.sandbox.spec import Jail, Limits
from tests.jobs.execution.sandbox.processes import below, descriptors, gone, parents, resident, until

ROOT = Path(__file__).parents[4]
HELLO = "print('hello')"


def family(sandbox):
    """Launcher (full only), zygote, server."""
    pids = [sandbox._process.pid, *below(sandbox._process.pid)]
    assert len(pids) == (3 if sandbox.jail.level == "full" else 2)
    return pids


@pytest.mark.parametrize("victim", ["server", "zygote", "first"])
def test_it_goes_on_when_one_of_its_processes_is_killed(sandbox, run, victim):
    pids = family(sandbox)
    os.kill({"server": pids[-1], "zygote": pids[-2], "first": pids[0]}[victim], signal.SIGKILL)
    assert until(lambda: pids[-1] not in parents())
    assert run(sandbox, HELLO).stdout == b"hello\n"
    assert gone([pid for pid in pids if pid not in family(sandbox)])


@pytest.mark.parametrize("victim", [-1, -2, 0])
def test_a_test_that_was_under_way_is_run_again(sandbox, tmp_path, victim):
    """Killed once from outside, it gets its verdict all the same."""
    pids = family(sandbox)
    script = f"import os, time\ntime.sleep(1)\nos.kill({pids[victim]}, 9)"
    with (
        subprocess.Popen([sys.executable, "-c", script]),
        Program("import time\ntime.sleep(2)\nprint('done')", "stdin") as program,
    ):
        outcome = sandbox.run(program, Limits(wall_seconds=30))
    assert outcome.stdout == b"done\n"


def test_a_sandbox_that_always_dies_is_a_verdict(sandbox, run, monkeypatch):
    def die(*_):
        os.kill(sandbox._process.pid, signal.SIGKILL)
        raise host._Lost

    monkeypatch.setattr(sandbox, "_run", die)
    assert run(sandbox, HELLO).ended == "lost"


def test_closing_ends_everything(level):
    before = descriptors()
    sandbox = Sandbox(Jail(level, memory_bytes=1 << 30))
    pids, group = family(sandbox), sandbox._group
    sandbox.close()
    assert gone(pids)
    assert descriptors() == before
    assert group is None or not group.folder.exists()


OWNER = """
import sys, time
from jobs.execution.sandbox.host import Program, Sandbox
from jobs.execution.sandbox.spec import Jail, Limits
sandbox = Sandbox(Jail(sys.argv[1]))
print(sandbox._process.pid, flush=True)
with Program("import time\\nwhile True: time.sleep(0.1)", "stdin") as program:
    sandbox.run(program, Limits(wall_seconds=300)) if sys.argv[2] == "busy" else time.sleep(300)
"""


@pytest.mark.parametrize("state", ["busy", "idle"])
def test_nothing_outlives_a_host_that_is_killed(level, state, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, level, state], stdout=subprocess.PIPE, env=environment
    ) as owner:
        first = int(owner.stdout.readline())
        wanted = (3 if level == "full" else 2) + (state == "busy")
        assert until(lambda: len(below(first)) + 1 == wanted)
        pids = [first, *below(first)]
        owner.kill()
    assert gone(pids)
    assert list(tmp_path.iterdir()) == []


DIES = """
import os, signal, sys
from jobs.execution.inside import wire
from jobs.execution.sandbox.host import Sandbox
from jobs.execution.sandbox.spec import Jail
sandbox = Sandbox(Jail(sys.argv[1]))
print(sandbox._process.pid, flush=True)
sys.stdin.readline()
sandbox._send(wire.END)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nothing_outlives_a_host_that_dies_while_its_server_is_renewed(level, tmp_path):
    """The next server finds nobody to greet, and no other may follow it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", DIES, level]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as owner:
        first = int(owner.stdout.readline())
        assert until(lambda: len(below(first)) + 1 == (3 if level == "full" else 2))
        pids = [first, *below(first)]
        owner.communicate(b"\n")
    assert owner.returncode == -signal.SIGKILL
    assert gone(pids)


@pytest.mark.slow
def test_two_thousand_executions_leave_nothing(level, run):
    """Good ones and bad: every fortieth runs into a limit, and every tenth uses the scratch folder."""
    kinds = [HELLO] * 36 + ["open('x', 'w')" if level == "full" else HELLO] * 3
    limited = ["while True: pass", "print('x' * (2 << 20))", "x = bytearray(1 << 31)", "import os\nos.abort()", "x = ("]
    before, groups, files = descriptors(), cgroup_folders(), set(Path(tempfile.gettempdir()).iterdir())
    with Sandbox(Jail(level, memory_bytes=1 << 30)) as sandbox:
        for number in range(2000):
            code = kinds[number % 40] if number % 40 < 39 else limited[number // 40 % 5]
            outcome = run(sandbox, code, cpu_seconds=0.05, output_mb=1)
            assert outcome.ended != "lost"
            if number == 99:
                pids, opened, memory = family(sandbox), descriptors(), resident(family(sandbox)[-2:])
        assert len(family(sandbox)) == len(pids)
        assert family(sandbox)[:-1] == pids[:-1], "the same zygote all the way"
        assert descriptors() == opened
        grown = resident(family(sandbox)[-2:]) / memory
        assert grown < 1.05, f"memory of zygote and server x {grown:.3f}"
    assert gone(pids)
    assert descriptors() == before
    assert cgroup_folders() <= groups
    assert not [path for path in set(Path(tempfile.gettempdir()).iterdir()) - files if "sandbox" in path.name]


def cgroup_folders():
    return {folder for _, place, _ in cgroups._places() for folder in place.glob(f"*-{os.getpid()}-*")}


def test_a_killed_owner_s_group_is_removed_by_the_next(level):
    if (group := cgroups.make(1 << 30)) is None:
        pytest.skip("this host lets us make no cgroup")
    group.remove()
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    ).stdout
    left = group.folder.with_name(f"codeadapters-{dead.strip()}-0")
    left.mkdir()
    group = cgroups.make(1 << 30)
    try:
        assert not left.exists()
        assert group.folder.exists()
    finally:
        group.remove()


def test_a_host_that_forbids_namespaces_is_told_what_to_do(full, monkeypatch):
    """As a container without the right to unshare does it: by a filter over the launcher."""
    forbidden = "import sys; sys.path.insert(0, sys.argv[2])\n" \
                "from jobs.execution.inside import kernel\n" \
                "def unshare(flags): raise PermissionError(1, 'unshare: Operation not permitted')\n" \
                "kernel.unshare = unshare\n" \
                "from jobs.execution.inside.zygote import main; main()"  # fmt: skip
    monkeypatch.setattr(host, "_LAUNCH", forbidden)
    before = descriptors()
    with pytest.raises(SandboxError) as raised:
        Sandbox(Jail("full"))
    assert "level full" in raised.value.message
    assert "unshare: Operation not permitted" in raised.value.message
    assert "cluster.doctor" in raised.value.remedy
    assert "reduced" in raised.value.remedy
    assert descriptors() == before
    Sandbox(Jail("reduced")).close()


@pytest.mark.parametrize("fault", ["import nonesuch", "import os; os._exit(3)", "import os; os.abort()"])
def test_a_launcher_that_does_not_come_up(level, monkeypatch, fault):
    monkeypatch.setattr(host, "_LAUNCH", fault)
    before = descriptors()
    with pytest.raises(SandboxError, match="nonesuch" if "nonesuch" in fault else "level"):
        Sandbox(Jail(level))
    assert descriptors() == before


def test_a_user_that_cannot_be_mapped(full, monkeypatch):
    """Root of a container that may not map a second user."""
    if environment.candidate_uid() is None:
        pytest.skip("candidates have no user of their own here")
    monkeypatch.setattr(environment, "candidate_uid", lambda: (1 << 32) - 1)
    with pytest.raises(SandboxError, match="uid_map"):
        Sandbox(Jail("full"))


def test_reduced_without_landlock_is_no_sandbox(level, monkeypatch):
    if level == "full":
        pytest.skip("full does without")
    monkeypatch.setattr(host, "_LAUNCH", host._LAUNCH.replace(
        "from jobs", "from jobs.execution.inside import landlock; landlock.version = lambda: 0; from "
                     "jobs", 1))  # fmt: skip
    with pytest.raises(SandboxError, match="needs Landlock"):
        Sandbox(Jail("reduced"))


def test_kernel_errors_name_the_call():
    with pytest.raises(OSError, match="setns"):
        kernel.setns(-1, 0)
    with pytest.raises(OSError, match="umount /nonesuch"):
        kernel.umount("/nonesuch")
    assert jail.NOWHERE in jail.DEVICES
