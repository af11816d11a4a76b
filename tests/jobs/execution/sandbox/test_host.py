"""What a run says of a program that means no harm."""

import json

import pytest

from common.errors import UserError
from jobs.execution.inside import wire
from jobs.execution.sandbox import environment
from jobs.execution.sandbox.host import Program, Sandbox
from jobs.execution.sandbox.spec import Jail, Limits

ENDS = [
    ("print('x')", "exit", 0), ("raise SystemExit", "exit", 0), ("exit(3)", "exit", 3),
    ("import sys\nsys.exit('no')", "exit", 1),
    ("1/0", "exit", 1), ("import os\nos._exit(7)", "exit", 7), ("import os, signal\n"
                                                                "os.kill(os.getpid(), 9)", "signal", 9),
    ("import os\nos.abort()", "signal", 6), ("x = (", "refused", wire.NO_CODE), ("x = '\0'", "refused", wire.NO_CODE),
    ("return 5", "refused", wire.NO_CODE), ("while True: pass", "cpu", 9), ("import time\ntime.sleep(99)", "wall", 9),
]  # fmt: skip


@pytest.mark.parametrize(("code", "ended", "status"), ENDS, ids=[code for code, _, _ in ENDS])
def test_how_programs_end(sandbox, run, code, ended, status):
    outcome = run(sandbox, code, cpu_seconds=0.3, wall_seconds=1 if ended == "wall" else 60)
    assert (outcome.ended, outcome.status) == (ended, status)


def test_pipes_are_real(sandbox, run):
    code = (
        "import os, sys\nprint(sys.stdin.buffer.read()[-3:], os.isatty(0), file=sys.stderr)\n"
        "sys.stdout.buffer.write(b'\\xff')"
    )
    outcome = run(sandbox, code, b"x" * (1 << 20) + b"\xfe\r\n")
    assert (outcome.stdout, outcome.stderr) == (b"\xff", b"b'\\xfe\\r\\n' False\n")


def test_a_program_is_main(sandbox, run):
    code = (
        "import sys\n"
        "if __name__ == '__main__': print(sys.argv, __file__, sys.modules['__main__'].__dict__ is globals())"
    )
    assert run(sandbox, code).stdout == b"['solution.py'] solution.py True\n"


def test_a_traceback_shows_the_program_and_nothing_of_ours(sandbox, run):
    text = run(sandbox, "def f():\n    {}['x']\nf()").stderr.decode()
    assert text.splitlines()[-1] == "KeyError: 'x'"
    assert text.count("File") == 2 == text.count('File "solution.py"')


@pytest.mark.parametrize("code", ["sys.stderr = io.StringIO()", "sys.stderr.close()", "sys.excepthook = print"])
def test_a_traceback_is_there_whatever_a_program_does_to_its_streams(sandbox, run, code):
    error = run(sandbox, f"import io, sys\n{code}\n{{}}['x']").stderr.decode()
    assert error.startswith("Traceback") and error.endswith("KeyError: 'x'\n")


def test_a_plain_sandbox_has_loaded_little(sandbox, run):
    """Each module's pages are copied and given back in every test."""
    large = {"ctypes", "dataclasses", "inspect", "pathlib", "platform", "socket", "traceback", "typing", "urllib.parse"}
    names = run(sandbox, "import sys\nprint(*sys.modules)").stdout.decode().split()
    assert "re" in names and not large & set(names)


def test_only_the_end_of_a_long_complaint_is_kept(sandbox, run):
    error = run(sandbox, "import sys\nsys.stderr.write('x' * 100_000 + 'end')").stderr
    assert len(error) == 8192
    assert error.endswith(b"xend")


def test_what_is_printed_comes_whole_and_in_order(sandbox, run):
    outcome = run(sandbox, "for n in range(200_000): print(n)")
    assert outcome.stdout == b"".join(b"%d\n" % n for n in range(200_000))


def test_functions_and_scripts(sandbox, run):
    assert json.loads(run(sandbox, "def f(a, b): return [a, b]", b"", "call", "f", b"[1, [2]]").result) == [1, [2]]
    both = "class Solution:\n    def f(self, a): return self.g(a)\n    def g(self, a): return {1: a}"
    assert json.loads(run(sandbox, both, b"", "call", "f", b"[null]").result) == {"1": None}
    assert "no function 'g'" in run(sandbox, "def f(a): pass", b"", "call", "g", b"[1]").stderr.decode()
    assert run(sandbox, "def f(): return 1", b"", "script", "f", b"assert f() == 1").result
    assert not run(sandbox, "def f(): return 1", b"", "script", "f", b"assert f() == 2").result


def test_the_next_run_of_a_program_does_not_compile_it_again(sandbox):
    with Program("print(input())", "stdin") as program:
        assert not program.is_compiled
        for text in (b"a", b"b"):
            assert sandbox.run(program, Limits(), text).stdout == text + b"\n"
            assert program.is_compiled


def test_a_program_goes_from_one_sandbox_to_another(level):
    with Program("print(1)", "stdin") as program:
        for _ in range(2):
            with Sandbox(Jail(level)) as sandbox:
                assert sandbox.run(program, Limits()).stdout == b"1\n"


def test_what_was_used_is_measured(sandbox, run):
    busy = run(sandbox, "import time\nx = bytearray(200 << 20)\nwhile time.process_time() < 0.3: pass")
    idle = run(sandbox, "import time\ntime.sleep(0.3)")
    assert busy.peak_bytes > 200 << 20 > 100 << 20 > idle.peak_bytes
    assert busy.cpu_seconds >= 0.25 > 0.1 > idle.cpu_seconds
    assert idle.wall_seconds >= 0.3


def test_numpy_is_there_by_choice(level, run):
    ask = "import numpy\nprint(numpy.arange(3).sum())"
    with Sandbox(Jail(level, packages=("numpy",))) as sandbox:
        assert run(sandbox, ask).stdout == b"3\n"
        assert list(sandbox.isolation.packages) == ["numpy"]
    with Sandbox(Jail(level)) as sandbox:
        assert "No module named 'numpy'" in run(sandbox, ask).stderr.decode()
        assert sandbox.isolation.packages == {}


def test_a_package_that_is_not_installed_is_an_error_of_the_user():
    with pytest.raises(UserError, match="nonesuch is not installed"):
        environment.site(["nonesuch"])


def test_the_record_says_what_there_is(sandbox, level):
    assert sandbox.isolation.level == level
    assert sandbox.isolation.own_user == (level == "full" and environment.candidate_uid() is not None)


@pytest.mark.parametrize("code", [
    "import asyncio\nasync def f(): await asyncio.sleep(0.01)\nasyncio.run(f())\nprint('fine')",
    "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as pool: list(pool.map(abs, [1]))\n"
    "print('fine')",
    "import threading\nthreading.stack_size(128 << 20)\nt = threading.Thread(target=print, args=('fine',))\n"
    "t.start()\nt.join()",
    "import io, sys\ninput = io.BytesIO(sys.stdin.buffer.read()).readline\nprint('fine')",
    "import sys\nsys.stdin = open(0)\nprint(sys.stdin.read() + 'fine')",
    "import atexit\natexit.register(print, 'fine')",
    "import sys\nsys.setrecursionlimit(10**6)\nf = lambda n: n and f(n - 1)\nf(50_000)\nprint('fine')",
    "import decimal, fractions, statistics, datetime, random, hashlib, uuid, secrets, zlib, sqlite3\nprint('fine')",
    "import sys, os\nsys.stderr = open(os.devnull, 'w')\nprint('fine')",
    "import signal\nsignal.signal(signal.SIGALRM, lambda *_: print('fine'))\n"
    "signal.setitimer(signal.ITIMER_REAL, 0.01)\nsignal.pause()",
    "import mmap\nmmap.mmap(-1, 4096).write(b'x')\nprint('fine')",
])  # fmt: skip
def test_what_honest_programs_do(sandbox, run, code):
    assert run(sandbox, code).stdout == b"fine\n"


def test_files_of_its_own(full, run):
    with Sandbox(Jail("full")) as sandbox:
        code = (
            "import tempfile\nwith tempfile.TemporaryFile() as file: file.write(b'x')\nopen('x', 'w').write('y')\n"
            "print(open('/tmp/x').read())"
        )
        assert run(sandbox, code).stdout == b"y\n"


def test_processes_where_the_limits_allow_them(full, run):
    with Sandbox(Jail("full")) as sandbox:
        code = (
            "import os\npid = os.fork()\nif not pid: print('child', flush=True); os._exit(0)\nos.wait()\n"
            "print('parent')"
        )
        assert run(sandbox, code, processes=1).stdout == b"child\nparent\n"
        assert "not permitted" in run(sandbox, code).stderr.decode()
