"""What one test leaves for the next: in files, in modules, in attributes of processes and folders."""

import pytest

from jobs.execution.sandbox.spec import Limits
from tests.security.attack import has_won, strike

LEAVE = {  # what the first test does, how the second finds it
    "file": ("open('/tmp/x', 'w').write('x')", "os.path.exists('/tmp/x')"),
    "folder": ("os.mkdir('/tmp/a')", "os.listdir('/tmp')"),
    "link": ("os.symlink('/', '/tmp/x')", "os.listdir('/tmp')"),
    "mode": ("os.chmod('/tmp', 0o1700)", "os.stat('/tmp').st_mode & 0o777 != 0o777"),
    "time": ("os.utime('/tmp', (5, 5))", "os.stat('/tmp').st_mtime == 5"),
    "access-time": ("os.utime('/tmp', (5, 7))", "os.stat('/tmp').st_atime == 5"),
    "made-and-removed": ("before = os.stat('/tmp')\nopen('/tmp/x', 'w').close()\nos.unlink('/tmp/x')\n"
                         "os.utime('/tmp', ns=(before.st_atime_ns, 10**18))", "os.stat('/tmp').st_mtime_ns == 10**18"),
    "file-with-old-times": ("before = os.stat('/tmp')\nopen('/tmp/x', 'w').close()\n"
                            "os.utime('/tmp', ns=(before.st_atime_ns, before.st_mtime_ns))", "os.listdir('/tmp')"),
}  # fmt: skip


@pytest.mark.parametrize("how", LEAVE)
def test_the_scratch_folder_is_new_for_every_test_that_follows_a_use(walls, at_full, how):
    """Without a user of its own a candidate owns the folder, so it can do more to it."""
    leave, find = LEAVE[how]
    for without, stays in (("uid",), False), (("uid", "fresh"), True):
        sandbox = walls(at_full, *without, scratch_bytes=(5 + list(LEAVE).index(how)) << 20)
        assert not strike(sandbox, leave).stderr
        assert has_won(strike(sandbox, f"if {find}: won()")) == stays


def test_a_scratch_folder_that_is_not_used_is_not_made_again(walls, at_full):
    """By its device number, which a new file system gets."""
    sandbox = walls(at_full)
    ask = "print(os.stat('/tmp').st_dev, os.listdir('/tmp'))"
    strike(sandbox, "open('/tmp/x', 'w')")
    first, second = strike(sandbox, ask).stdout, strike(sandbox, ask).stdout
    assert first == second
    strike(sandbox, "open('/tmp/x', 'w')")
    assert strike(sandbox, ask).stdout.endswith(b"[]\n")


def test_looking_into_the_scratch_folder_leaves_no_trace(walls, at_full):
    sandbox = walls(at_full)
    look = "os.listdir('/tmp')\nprint(os.stat('/tmp').st_atime_ns)"
    assert len({strike(sandbox, look).stdout for _ in range(3)}) == 1


PROCESS = {
    "module": ("import math\nmath.pi = 3", "__import__('math').pi == 3"),
    "builtins": ("__builtins__.leak = 1", "hasattr(__builtins__, 'leak')"),
    "modules": ("sys.modules['leak'] = sys", "'leak' in sys.modules"),
    "path": ("sys.path.insert(0, '/leak')", "'/leak' in sys.path"),
    "environment": ("os.environ['LEAK'] = '1'", "'LEAK' in os.environ"),
    "folder": ("os.chdir('/usr/lib')", "os.getcwd() == '/usr/lib'"),
    "umask": ("os.umask(0o123)", "os.umask(0) == 0o123"),
    "handler": ("import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)",
                "__import__('signal').getsignal(10) == __import__('signal').SIG_IGN"),
    "mask": ("import signal\nsignal.pthread_sigmask(0, {10})", "__import__('signal').pthread_sigmask(0, set())"),
    "recursion": ("sys.setrecursionlimit(77)", "sys.getrecursionlimit() == 77"),
    "timer": ("import signal\nsignal.setitimer(signal.ITIMER_REAL, 90)", "__import__('signal').getitimer(0)[0]"),
    "limits": ("import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))",
               "__import__('resource').getrlimit(7)[0] == 9"),
    "group": ("tried(os.setpgid, 0, 0)", "os.getpgid(0) == os.getpid()"),
    "name": ("libc.prctl(15, b'leak')", "(lambda b: libc.prctl(16, b) == 0 and b.value == "
                                        "b'leak')(ctypes.create_string_buffer(16))"),
    "memory": ("libc.environ = 0\n"
               "ctypes.memset(id(sys.intern('time')) + 40, 65, "
               "1)", "sys.intern('time') not in sys.modules and 'Aime' in dir()"),
    "pipe": ("import fcntl\nfcntl.fcntl(1, 1031, 4096)", "__import__('fcntl').fcntl(1, 1032) == 4096"),
    "not-blocking": ("os.set_blocking(1, False)", "not os.get_blocking(1)"),
}  # fmt: skip


@pytest.mark.parametrize("how", PROCESS)
def test_every_test_has_a_process_of_its_own(walls, level, how):
    """Found in the very process that left it, and not in the next."""
    leave, find = PROCESS[how]
    if how in ("group", "memory"):
        assert not has_won(strike(walls(level), leave)), "nothing to find it by within one process"
    else:
        assert has_won(strike(walls(level), f"{leave}\nif {find}: won()"))
    assert not has_won(run := strike(walls(level), f"if {find}: won()")), run
    assert not run.stderr


def test_at_level_reduced_there_is_nowhere_to_leave_a_file(walls, offered):
    if offered["reduced"]:
        pytest.skip(offered["reduced"])
    code = "for folder in ('.', '/', '/tmp', '/var/tmp', '/dev/shm', '/run', os.path.expanduser('~')):\n" \
           "    for call in (os.mkdir, os.mkfifo, lambda p: os.symlink('/', p), lambda p: open(p, 'w')):\n" \
           "        if tried(lambda: call(folder + '/leak-of-a-test') or True): won(folder)"  # fmt: skip
    assert not has_won(strike(walls("reduced"), code, Limits(cpu_seconds=3)))
