"""Processes: too many of them, those that stay, and what one may do to the server and to the host."""

import ctypes
import os
import signal
import uuid

import pytest

from jobs.execution.sandbox.spec import Limits
from tests.security.attack import (
    CAPABILITIES,
    DUMPABLE,
    LANDLOCK,
    LANDLOCK_SCOPE,
    OWN_USER,
    PROCESSES,
    RLIMITS,
    SECCOMP,
    Attack,
    cases,
    has_won,
    number,
    strike,
)  # fmt: skip

SEVERAL = Limits(cpu_seconds=3, wall_seconds=20, processes=8)
CHILD = "\nif pid == 0: os._exit(0)\nif pid > 0: won()"
SECRET = ctypes.create_string_buffer(uuid.uuid4().hex.encode())  # in this process' memory

THREAD_BOMB = """
import _thread
gate = _thread.allocate_lock(); gate.acquire()
_thread.stack_size(32768)
started = 0
try:
    for _ in range(100):
        _thread.start_new_thread(gate.acquire, ()); started += 1
except RuntimeError: pass
if started > 70: won(started)
os._exit(0)
"""
FORK_BOMB = """
import signal
made = []
try:
    for _ in range(100):
        pid = os.fork()
        if pid == 0:
            time.sleep(8); os._exit(0)
        made.append(pid)
except OSError: pass
if len(made) > 72: won(len(made))
for pid in made: os.kill(pid, signal.SIGKILL)
"""
READ_HOST = f"""
class Piece(ctypes.Structure):
    _fields_ = [("at", ctypes.c_void_p), ("size", ctypes.c_size_t)]
mine = ctypes.create_string_buffer(32)
here, there = Piece(ctypes.addressof(mine), 32), Piece({ctypes.addressof(SECRET)}, 32)
if syscall("process_vm_readv", {os.getpid()}, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == 32: won(mine.value)
"""
SIGNALS = "os.kill(os.getppid(), signal.{})\ntime.sleep(0.2)\nprint('sent')"

ATTACKS = [
    Attack("fork", f"pid = os.fork(){CHILD}", (PROCESSES,), (PROCESSES,)),
    Attack("vfork", "if syscall('vfork') >= 0:\n    os.write(1, b'WON')\n    os._exit(0)", (PROCESSES,), (PROCESSES,)),
    Attack("clone", f"pid = syscall('clone', 17, 0, 0, 0, 0){CHILD}", (PROCESSES,), (PROCESSES,)),
    # CLONE_VM without CLONE_THREAD: a process that shares memory
    Attack("clone-memory", "stack = ctypes.create_string_buffer(1 << 16)\n"
           "made = libc.clone(libc._exit, ctypes.c_void_p(ctypes.addressof(stack) + 65520), 0x100 | 17, None)\n"
           "if made > 0: won()", (PROCESSES,), (PROCESSES,)),
    Attack("setsid", "os.setsid()\nwon()", (PROCESSES,), (PROCESSES,)),
    Attack("threads", THREAD_BOMB, (RLIMITS,), (RLIMITS,)),
    Attack("fork-bomb", FORK_BOMB, (RLIMITS,), (), SEVERAL),
    Attack("trace-parent", "if syscall('ptrace', 0x4206, os.getppid(), 0, 0) == 0: "
                           "won()", (SECCOMP, DUMPABLE, OWN_USER),
           (SECCOMP, DUMPABLE, OWN_USER)),  # changing the user makes a process untraceable
    Attack("read-memory-of-the-host", READ_HOST, (), (SECCOMP, LANDLOCK, CAPABILITIES)),
    Attack("signal-to-the-host", f"os.kill({os.getpid()}, 0)\nwon()", (), (PROCESSES, LANDLOCK_SCOPE)),
    Attack("kill-the-server", f"import signal\n{SIGNALS.format('SIGKILL')}", (), (PROCESSES,)),
    Attack("nice", "os.nice(1)\nwon()", (SECCOMP,), (SECCOMP,)),
    Attack("affinity", "os.sched_setaffinity(0, os.sched_getaffinity(0))\nwon()", (SECCOMP,), (SECCOMP,)),
    Attack("priority", "os.setpriority(os.PRIO_PROCESS, 0, 19)\nwon()", (SECCOMP,), (SECCOMP,)),
    Attack("batch", "os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))\nwon()", (SECCOMP,), (SECCOMP,)),
    Attack("own-limits", "import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))\nwon()",
           (RLIMITS,), (RLIMITS,)),
    Attack("files", "kept = [os.dup(0) for _ in range(500)]\nwon()", (RLIMITS,), (RLIMITS,)),
]  # fmt: skip


@pytest.mark.parametrize(("level", "attack", "kept"), cases(ATTACKS))
def test_processes(siege, level, attack, kept):
    siege(level, attack, kept)


@pytest.mark.parametrize("code", [THREAD_BOMB, FORK_BOMB], ids=["threads", "fork-bomb"])
def test_root_is_bound_by_no_limit_so_candidates_are_not_root(walls, level, code):
    if os.geteuid():
        pytest.skip("the host's user is not root")
    if code == FORK_BOMB and level == "reduced":
        pytest.skip("no processes at level reduced")
    limits = SEVERAL if code == FORK_BOMB else Limits(cpu_seconds=3)
    assert has_won(strike(walls(level, "uid"), code, limits))


def test_a_fork_bomb_leaves_nothing_and_the_next_test_can_fork(walls, at_full):
    """A real one: every process forks as often as it may."""
    limits = Limits(cpu_seconds=2, wall_seconds=4, processes=8)
    bomb = "while True:\n    try: os.fork()\n    except OSError: pass"
    sandbox = walls(at_full)
    assert strike(sandbox, bomb, limits).ended in ("cpu", "wall")
    count = (
        "print([p for p in range(1, 3000) if tried(os.kill, p, 0) is None and not tried(lambda: os.kill(p, 0) or "
        "True)].__len__())"
    )
    assert strike(sandbox, count).stdout == b"2997\n", "this process and init are left"
    assert strike(sandbox, f"pid = os.fork(){CHILD}", limits).stdout == b"WON\n"


ORPHAN = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for d in range(3): os.close(d)
        import signal
        for s in range(1, 64): tried(signal.signal, s, signal.SIG_IGN)
        time.sleep(20)
    os._exit(0)
time.sleep(0.2)
print('left')
"""
SEARCH = "for p in range(2, 400):\n    if p != os.getpid() and tried(lambda: os.kill(p, 0) or True): won(p)"


def test_orphans_end_with_their_test(walls, at_full):
    limits = Limits(cpu_seconds=3, wall_seconds=20, processes=3)
    for without, stays in ((), False), (("leftovers",), True):
        sandbox = walls(at_full, *without)
        run = strike(sandbox, ORPHAN, limits)
        assert (run.ended, run.stdout) == ("exit", b"left\n")
        assert has_won(strike(sandbox, SEARCH)) == stays


def test_a_child_that_keeps_stdout_open_ends_with_its_test(walls, at_full):
    limits = Limits(cpu_seconds=3, wall_seconds=20, processes=3)
    run = strike(walls(at_full), "if os.fork() == 0: time.sleep(60)\nprint('done')", limits)
    assert (run.ended, run.stdout) == ("exit", b"done\n")
    assert run.wall_seconds < 15


def test_signals_to_the_server(walls, at_full):
    """It is the init of a pid namespace, which gets no signal from within that it does not ask for."""
    sandbox = walls(at_full)
    for name in sorted(signal.Signals, key=lambda one: one.value):
        run = strike(sandbox, f"import signal\n{SIGNALS.format(name.name)}".replace("0.2", "0.02"))
        assert (run.ended, run.stdout) == ("exit", b"sent\n"), name
    everybody = "import signal\nfor s in range(1, 65): tried(os.kill, -1, s)\nprint('sent')"
    assert strike(sandbox, everybody).stdout == b"sent\n"


def test_nobody_else_gets_a_signal(walls, level):
    """Signal 0 asks only whether it would arrive: a failure here must not end all processes of this machine."""
    code = "import signal\nfor p in (-1, 0, 1, os.getppid(), os.getpid() - 1, os.getpid() + 1):\n" \
           "    if tried(lambda: os.kill(p, 0) or True): print(p)"  # fmt: skip
    found = [int(line) for line in strike(walls(level), code).stdout.split()]
    if level == "full":
        assert set(found) <= {0, 1}, "its own group, and init, to which nothing arrives"
    else:
        assert found == []


def test_a_queued_or_owned_signal_is_no_way_round(walls, level):
    code = f"""
import fcntl, signal
parent = os.getppid()
for command, value in ((8, parent), (10, 9)):  # F_SETOWN, F_SETSIG
    if tried(lambda: fcntl.fcntl(0, command, value) or True): won('fcntl')
if tried(lambda: signal.pidfd_send_signal(os.pidfd_open(parent), 9) or True): won('pidfd')
if {level == "reduced"} and syscall('tkill', parent, 0) == 0: won('tkill')
if syscall('timer_create', 0, 0, ctypes.byref(ctypes.c_int())) == 0: won('timer')
if libc.prctl(1, 0) == 0: won('the signal at its parent\\'s death')
if libc.prctl(4, 1) == 0: won('dumpable')
if libc.prctl(36, 1) == 0: won('subreaper')
"""
    assert not has_won(run := strike(walls(level), code)), run
    assert not run.stderr


@pytest.mark.parametrize(
    "how",
    [
        "signal.signal(s, signal.SIG_IGN)",
        "signal.signal(s, lambda *_: None)",
        "signal.pthread_sigmask(signal.SIG_BLOCK, {s})",
    ],
)
def test_ignored_signals(walls, level, how):
    code = f"import signal\nfor s in range(1, 65): tried(lambda: {how})\nwhile True: pass"
    run = strike(walls(level), code, Limits(cpu_seconds=0.3))
    assert run.ended == "cpu"
    assert 0.3 <= run.cpu_seconds < 1


def test_a_process_that_stops_itself(walls, level):
    run = strike(walls(level), "import signal\nos.kill(os.getpid(), signal.SIGSTOP)", Limits(wall_seconds=0.5))
    assert run.ended == "wall"
    assert strike(walls(level), "print('next')").stdout == b"next\n"


def test_interrupts_reach_programs_as_ever(walls, level):
    code = (
        "import signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(9)\n"
        "except KeyboardInterrupt: print('caught')"
    )
    assert strike(walls(level), code).stdout == b"caught\n"


def test_clone_into_new_namespaces(walls, level):
    """By flags of clone, which need no right; clone3, whose flags a filter cannot see, is not there at all."""
    flags = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x80]
    code = f"""
for flag in {flags}:
    pid = syscall('clone', flag | 17, 0, 0, 0, 0)
    if pid == 0: os._exit(0)
    if pid > 0: won(hex(flag))
    if flag != 0x80 and syscall('unshare', flag) == 0: won('unshare', hex(flag))
ctypes.set_errno(0)
syscall('clone3', 0, 0)
print(ctypes.get_errno())
"""
    whole = strike(walls(level), code, Limits(processes=8) if level == "full" else Limits())
    assert whole.stdout == b"38\n", whole
    number("clone3")
    assert has_won(strike(walls(level, "seccomp", "processes"), code, Limits(processes=8)))
