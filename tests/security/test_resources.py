"""Memory, time and output: more than a test may have, asked for in every way."""

import resource

import pytest

from jobs.execution.sandbox.host import TAIL
from jobs.execution.sandbox.spec import Limits
from tests.security.attack import RLIMITS, Attack, cases, has_won, strike

SMALL = Limits(cpu_seconds=3, wall_seconds=20, memory_mb=160)
SECOND = Limits(cpu_seconds=0.5)
# What each takes with nothing to stop it stays at 300 MB, so that it can be shown.
MAP = (
    "import mmap\nkept = []\nfor _ in range(30):\n"
    "    piece = mmap.mmap(-1, 10 << 20); piece[::4096] = bytes(2560); kept.append(piece)\nwon()"
)
ATTACKS = [
    Attack("bytes", "x = bytearray(300 << 20)\nwon()", (RLIMITS,), (RLIMITS,), SMALL),
    Attack("list", "x = [0] * (36 << 20)\nwon()", (RLIMITS,), (RLIMITS,), SMALL),
    Attack("many-objects", "x = []\nfor n in range(290): x.append('x' * (1 << 20))\n"
                           "won()", (RLIMITS,), (RLIMITS,), SMALL),
    Attack("shared-pages", MAP, (RLIMITS,), (RLIMITS,), SMALL),
    Attack("c-heap", "libc.malloc.restype = ctypes.c_void_p\n"
           "if all(libc.malloc(ctypes.c_size_t(10 << 20)) for _ in range(30)): won()", (RLIMITS,), (RLIMITS,), SMALL),
]  # fmt: skip


@pytest.mark.parametrize(("level", "attack", "kept"), cases(ATTACKS))
def test_memory(siege, level, attack, kept):
    siege(level, attack, kept)


@pytest.mark.parametrize(
    "code", ["bytearray(10 << 30)", "[0] * 10**9", "'x' * 10**11", "list(range(10**9))", "1 << 10**11"]
)
def test_gigabytes(walls, level, code):
    run = strike(walls(level), f"x = {code}\nwon()", Limits(cpu_seconds=10))
    assert not has_won(run)
    assert (run.ended, run.status) == ("exit", 1)
    assert run.stderr.strip().endswith((b"MemoryError", b"OverflowError: too many digits in integer"))
    assert run.peak_bytes < 1100 << 20


LOOPS = {
    "power": "10**10**8", "python": "exec('while True: pass')", "c": "sum(iter(int, 1))",
    "regex": "__import__('re').match('(a*)*b', 'a' * "
             "64)", "sort": "sorted(range(10**6), key=lambda n: [0] * 1000 < [1])",
    "digits": "str(1 << (1 << 24))", "contains": "-1 in __import__('itertools').count()",
    "swallowed": "exec('while True:\\n try:\\n  while True: pass\\n except BaseException: pass')",
}  # fmt: skip


@pytest.mark.parametrize("code", LOOPS.values(), ids=LOOPS)
def test_endless_loops(walls, level, code):
    run = strike(walls(level), f"{code}\nwon()", SECOND)
    assert run.ended == "cpu", run
    assert 0.5 <= run.cpu_seconds < 1.5


DEEP = {
    "python": "sys.setrecursionlimit(10**9)\ndef f(n): return f(n + 1) + 1\nf(0)",
    "repr": "sys.setrecursionlimit(10**9)\nx = []\nfor _ in range(10**6): x = [x]\nrepr(x)",
    "attribute": "sys.setrecursionlimit(10**9)\nclass A:\n"
                 "    def __getattr__(self, name): return getattr(self, name + 'x')\nA().x",
    "free": "x = None\nfor _ in range(10**7): x = (x,)\ndel x",
    "c": "def f(): pass\nlibc.qsort.argtypes = None\nkind = ctypes.CFUNCTYPE(None)\ndef f(): call()\ncall = kind(f)\n"
         "sys.setrecursionlimit(10**9)\ncall()",
    "source": "eval('(' * 5000 + ')' * 5000)", "compiled": "compile('-' * 10**6 + '1', 'x', 'eval')",
}  # fmt: skip


@pytest.mark.parametrize("code", DEEP.values(), ids=DEEP)
def test_bottomless_recursion(walls, level, code):
    """However it ends, it is the test that ends and not the sandbox."""
    run = strike(walls(level), code, Limits(cpu_seconds=1))
    assert run.ended in ("exit", "signal", "cpu")
    assert strike(walls(level), "print('next')").stdout == b"next\n"


def test_deep_recursion_is_no_crime(walls, level):
    code = "sys.setrecursionlimit(10**6)\ndef f(n): return 0 if n == 0 else f(n - 1) + 1\nprint(f(100_000))"
    assert strike(walls(level), code).stdout == b"100000\n"


SOURCES = {
    "deep": "x = " + "(" * 100_000 + ")" * 100_000, "minus": "x = " + "-" * 3_000_000 + "1",
    "finally": "".join(f"{'    ' * n}try: pass\n{'    ' * n}finally:\n" for n in range(19)) + "    " * 19 + "x = 1.5\n",
    "long": "x = 1\n" * 3_000_000, "null": "x = 1\0", "surrogate": "x = '\ud800'", "not-python": "\x7fELF\x01",
    "warnings": "x = 1\n" + "x is 1\n" * 5_000 + "print('ran')",
}  # fmt: skip


@pytest.mark.parametrize("code", SOURCES.values(), ids=SOURCES)
def test_sources_that_are_made_against_the_compiler(walls, level, code):
    from jobs.execution.sandbox.host import Program

    with Program(code, "stdin") as program:
        run = walls(level).run(program, Limits(cpu_seconds=1))
    assert run.ended in ("exit", "signal", "cpu", "refused")
    assert run.peak_bytes < 1100 << 20
    assert strike(walls(level), "print('next')").stdout == b"next\n"


@pytest.mark.parametrize("descriptor", [1, 2])
def test_floods(walls, level, descriptor):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    flood = f"data = b'x' * (1 << 20)\nwhile True: os.write({descriptor}, data)"
    run = strike(walls(level), flood, Limits(output_mb=2))
    assert run.ended == "output"
    assert len(run.stdout) <= 2 << 20
    assert len(run.stderr) <= TAIL
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + (64 << 10), "what is too much is not kept"
    assert strike(walls(level), "print('next')").stdout == b"next\n"
    much = f"for _ in range(3): os.write({descriptor}, b'x' * (1 << 20))"
    assert strike(walls(level), much, Limits(output_mb=2)).ended == "output"
    assert strike(walls(level), much, Limits(output_mb=4)).ended == "exit"


def test_a_flood_of_results(walls, level):
    run = strike(walls(level), "def f():\n    while True: os.write(3, b'1' * (1 << 20))", Limits(output_mb=1), "call",
                 fn_name="f", runner_input=b"[]")  # fmt: skip
    assert run.ended == "output"
    assert len(run.result) <= 1 << 20
    big = strike(
        walls(level), "def f(): return 'x' * (3 << 20)", Limits(output_mb=1), "call", fn_name="f", runner_input=b"[]"
    )
    assert big.ended == "output"


def test_input_that_nobody_reads(walls, level):
    run = strike(walls(level), "print('done')", stdin=b"x" * (10 << 20))
    assert (run.ended, run.stdout) == ("exit", b"done\n")


GAMES = {
    "timers": "import signal\nsignal.setitimer(signal.ITIMER_PROF, 0)\nsignal.setitimer(signal.ITIMER_VIRTUAL, 9e5)\n"
              "while True: pass",
    "alarms": "import signal\nsignal.signal(signal.SIGALRM, lambda *_: None)\n"
              "signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)\nwhile True: pass",
    "threads": "import _thread\ndef spin():\n    while True: pass\n"
               "for _ in range(8): _thread.start_new_thread(spin, ())\nspin()",
    "main-thread-gone": "import _thread\ndef spin():\n    while True: pass\n_thread.start_new_thread(spin, ())\n"
                        "libc.pthread_exit(None)",
    "short-sleeps": "while True:\n    for _ in range(20_000): pass\n    time.sleep(1e-6)",
    "yields": "while True:\n    for _ in range(20_000): pass\n    os.sched_yield()",
    "limit": "import resource\ntried(resource.setrlimit, resource.RLIMIT_CPU, (1 << 30, 1 << 30))\nwhile True: pass",
}  # fmt: skip


@pytest.mark.parametrize("code", GAMES.values(), ids=GAMES)
def test_games_with_cpu_time(walls, level, code):
    run = strike(walls(level), code, SECOND)
    assert run.ended == "cpu", run
    assert 0.5 <= run.cpu_seconds < 1.5


def test_waiting_meets_the_wall_limit(walls, level):
    for code in (
        "time.sleep(100)",
        "import _thread\n_thread.allocate_lock().acquire()\ntime.sleep(100)",
        "os.read(0, 1)\ntime.sleep(99)",
    ):
        run = strike(walls(level), code, Limits(wall_seconds=0.5))
        assert run.ended == "wall"
        assert run.cpu_seconds < 0.3


def test_time_of_children_counts(walls, at_full):
    """The parent waits while they work."""
    busy = "end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    work = busy.replace("\n", "\n    ")
    code = f"for _ in range(3):\n  if os.fork() == 0:\n    {work}\n    os._exit(0)\nfor _ in range(3): os.wait()"
    run = strike(walls(at_full), code, Limits(cpu_seconds=1, processes=4))
    assert run.ended == "cpu", run
    assert run.cpu_seconds >= 1.5


def test_hidden_children_end_with_the_wall_limit(walls, at_full):
    """Time of children whose end nobody waits for is lost to the kernel's accounts; the clock on the wall is not."""
    code = (
        "import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nif os.fork() == 0:\n    while True: pass\n"
        "time.sleep(60)"
    )
    run = strike(walls(at_full), code, Limits(cpu_seconds=0.5, wall_seconds=1, processes=2))
    assert run.ended == "wall"
    assert strike(walls(at_full), "print('next')").stdout == b"next\n"
