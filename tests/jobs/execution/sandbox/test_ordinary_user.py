"""The sandbox of a user who is not root: a process of its own, started as such where the tests run as root."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
NOBODY = 65_533  # nobody's files, and not the user that services share
USE = """
import json, os, sys
from jobs.execution.sandbox.host import Program, Sandbox, SandboxError
from jobs.execution.sandbox.spec import Jail, Limits
told = {"uid": os.getuid(), "levels": {}}
PROGRAMS = {
    "who": ("import os\\nprint(os.getuid(), os.geteuid(), input())", 0),
    "scratch": ("open('/tmp/x', 'w').write('x')\\nprint(open('/tmp/x').read())", 0),
    "fresh": ("import os\\nprint(os.listdir('/tmp'))", 0),
    "passwd": ("open('/etc/passwd')", 0),
    "mine": (f"open({sys.argv[1]!r})", 0),
    "signal": (f"import os\\nos.kill({os.getpid()}, 0)", 0),
    "bomb": ("import os, time\\nn = 0\\ntry:\\n while n < 100:\\n  if os.fork() == 0: time.sleep(9); os._exit(0)\\n"
             "  n += 1\\nexcept OSError: pass\\nprint(n)", 8),
    "threads": ("import os, _thread, time\\n_thread.stack_size(32768)\\nn = 0\\ntry:\\n"
                " while n < 300: _thread.start_new_thread(time.sleep, (9,)); n += 1\\n"
                "except RuntimeError: pass\\nprint(n, flush=True)\\nos._exit(0)", 0),
    "numpy": ("import numpy\\nprint(numpy.ones(3).sum())", 0),
    "server": ("import os, signal\\nos.kill(os.getppid(), signal.SIGKILL)\\nprint('next')", 0),
}
for level in ("full", "reduced"):
    try:
        sandbox = Sandbox(Jail(level, packages=("numpy",)))
    except SandboxError as error:
        told["levels"][level] = error.message
        continue
    with sandbox:
        runs = {"own_user": sandbox.isolation.own_user}
        for name, (code, processes) in PROGRAMS.items():
            with Program(code, "stdin") as program:
                run = sandbox.run(program, Limits(cpu_seconds=3, processes=processes), b"hello")
            runs[name] = [run.ended, run.stdout.decode(), run.stderr.decode()[-200:]]
        told["levels"][level] = runs
print(json.dumps(told))
"""


def as_user(arguments, **more):
    """A process of somebody who is not root, with an interpreter and packages that they may read."""
    identity = {} if os.geteuid() else {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    path = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])
    versions = "import sys, numpy, pydantic; print(sys.version_info[:2])"
    for interpreter in (sys.executable, "/usr/bin/python3"):
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": path}
        try:
            told = subprocess.run(
                [interpreter, "-c", versions], env=environment, capture_output=True, text=True, cwd="/", **identity
            )
        except OSError:
            continue
        if told.stdout.strip() == str(sys.version_info[:2]):
            return subprocess.run([interpreter, *arguments], env=environment, cwd="/", check=True, **identity, **more)
    pytest.skip("no interpreter with our packages that an ordinary user may start")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What an ordinary user's sandboxes say of the programs above."""
    file = Path(f"/var/tmp/secret-of-{os.getpid()}")
    file.write_text("secret")
    if not os.geteuid():
        os.chown(file, NOBODY, NOBODY)
    file.chmod(0o600)
    try:
        return json.loads(as_user(["-c", USE, str(file)], capture_output=True, text=True).stdout)
    finally:
        file.unlink()


@pytest.fixture(params=["full", "reduced"])
def runs(request, told):
    """Those of one level."""
    assert told["uid"] != 0
    found = told["levels"][request.param]
    if isinstance(found, str):
        pytest.skip(found)
    return request.param, found


def test_who_a_candidate_is(runs):
    level, found = runs
    user = os.geteuid() or NOBODY
    assert found["who"] == ["exit", "1000 1000 hello\n" if level == "full" else f"{user} {user} hello\n", ""]
    assert not found["own_user"], "only root can give candidates a user of their own"


def test_files(runs):
    level, found = runs
    assert "Error" in found["passwd"][2]
    assert "Error" in found["mine"][2], "the very user's own file"
    if level == "full":
        assert found["scratch"] == ["exit", "x\n", ""]
        assert found["fresh"] == ["exit", "[]\n", ""]
    else:
        assert "Error" in found["scratch"][2]


def test_processes(runs):
    level, found = runs
    assert ("ProcessLookupError" if level == "full" else "PermissionError") in found["signal"][2]
    assert found["server"][:2] == (["exit", "next\n"] if level == "full" else ["exit", ""])
    if level == "full":
        assert 8 <= int(found["bomb"][1]) <= 72
    assert int(found["threads"][1]) <= 64


def test_numpy(runs):
    assert runs[1]["numpy"] == ["exit", "3.0\n", ""]
