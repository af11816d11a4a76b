"""System calls by number: what is not on the list does not get through, however it is asked for."""

import platform

import pytest

from jobs.execution.inside import seccomp
from jobs.execution.sandbox.spec import Limits
from tests.security.attack import NUMBERS, SECCOMP, Attack, cases, has_won, strike

# Calls that are allowed in some form, or that the tests of a topic look at.
ELSEWHERE = {"fork", "vfork", "clone", "clone3", "tgkill", "tkill"}
REFUSED = sorted(NUMBERS.keys() - ELSEWHERE)

ATTACKS = [
    Attack("io_uring", "ring = ctypes.create_string_buffer(256)\nif syscall('io_uring_setup', 1, ring) >= 0: won()",
           (SECCOMP,), (SECCOMP,)),
    Attack("userfaultfd", "if syscall('userfaultfd', 1) >= 0: won()", (SECCOMP,), (SECCOMP,)),
    Attack("inotify", "if syscall('inotify_init1', 0) >= 0: won()", (SECCOMP,), (SECCOMP,)),
    Attack("timer", "if syscall('timerfd_create', 1, 0) >= 0: won()", (SECCOMP,), (SECCOMP,)),
    Attack("lock-memory", "if libc.mlock(ctypes.create_string_buffer(4096), 4096) == 0: won()", (SECCOMP,), (SECCOMP,)),
    Attack("personality", "if syscall('personality', 0x0040000) >= 0: won()", (SECCOMP,), (SECCOMP,)),
    Attack("key", "if syscall('add_key', b'user', b'name', b'x', 1, -2) > 0: won()", (SECCOMP,), (SECCOMP,)),
]  # fmt: skip


@pytest.mark.parametrize(("level", "attack", "kept"), cases(ATTACKS))
def test_calls_that_would_work(siege, level, attack, kept):
    siege(level, attack, kept)


@pytest.mark.parametrize("name", REFUSED)
def test_named_calls_are_refused(walls, level, name):
    """With arguments that are wrong: the filter answers before the kernel looks at them."""
    code = f"ctypes.set_errno(0)\nprint(syscall({name!r}, -1, -1, -1, -1, -1, -1), ctypes.get_errno())"
    pair = NUMBERS[name]
    if pair[0 if platform.machine() == "x86_64" else 1] is None:
        pytest.skip("not on this machine")
    assert strike(walls(level), code).stdout == b"-1 1\n"


def test_every_other_number_is_refused(walls, level):
    """0 to 1023 less the list, so that a call of tomorrow's kernel is refused today."""
    conditional = {pair[0 if platform.machine() == "x86_64" else 1] for pair in seccomp._CONDITIONAL.values()}
    exempt = (
        {335, 336} if platform.machine() == "x86_64" else set()
    )  # uretprobe and uprobe: no filter sees them, SIGILL
    known = {*seccomp.allowed_numbers(), *conditional, *exempt}
    code = f"""
for n in range(1024):
    if n not in {known}:
        ctypes.set_errno(0)
        if libc.syscall(ctypes.c_long(n), *[ctypes.c_long(-1)] * 6) != -1 or ctypes.get_errno() != 1: won(n)
print('looked')
"""
    assert strike(walls(level), code).stdout == b"looked\n"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other entrances to the kernel exist on x86-64 only")
def test_other_entrances_to_the_kernel(walls, level):
    """x32 numbers, and int 0x80 with the numbers of 32-bit programs, where 1 is exit and 20 getpid."""
    x32 = "ctypes.set_errno(0)\nprint(libc.syscall(ctypes.c_long(0x40000000 | 39)), ctypes.get_errno())"
    assert strike(walls(level), x32).stdout in (b"-1 1\n", b"-1 38\n")
    old = """
import mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))  # mov eax, 20; int 0x80; ret
run = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
if run() > 0: won()
"""
    run = strike(walls(level), old)
    assert (run.ended, run.status) in (("signal", 31), ("signal", 11)), (
        run
    )  # SIGSYS, or no such entrance in this kernel
    if run.status == 31:
        assert has_won(strike(walls(level, "seccomp", "processes"), old))


def test_the_filter_stays_over_a_new_program(walls, level):
    """execve of something among the shared libraries' folders: the dynamic loader lists what it would load."""
    code = """
import glob
loader = (glob.glob('/lib64/ld-linux*') + glob.glob('/lib/ld-linux*'))[0]
os.execv(loader, [loader, '--list', loader]) if tried(os.access, loader, os.X_OK) else None
"""
    run = strike(walls(level), code)
    assert run.ended in ("exit", "signal")
    assert not has_won(run)


def test_a_filter_can_only_be_made_stricter(walls, level):
    """A filter of one's own that allows everything changes nothing."""
    code = """
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]
allow = (6).to_bytes(2, 'little') + bytes(2) + (0x7FFF0000).to_bytes(4, 'little')
program = Program(1, allow)
print(libc.prctl(22, 2, ctypes.byref(program)))
if syscall('socket', 1, 1, 0) >= 0: won()
"""
    assert strike(walls(level), code).stdout == b"0\n"


@pytest.mark.parametrize("call", ["mount", "umount2", "chroot", "sethostname", "setns", "unshare", "pivot_root"])
def test_capabilities_stop_what_the_filter_would(walls, at_full, call):
    """Without the filter a candidate still has no capability in the namespaces that it is in."""
    arguments = {"mount": "b'x', b'/tmp', b'tmpfs', 0, 0", "umount2": "b'/tmp', 2", "chroot": "b'/tmp'",
                 "sethostname": "b'mine', 4", "setns": "0, 0", "unshare": "0x08000000",
                 "pivot_root": "b'.', b'.'"}[call]  # fmt: skip
    code = f"if syscall({call!r}, {arguments}) == 0: won()"
    assert not has_won(strike(walls(at_full, "seccomp", "landlock"), code))
    if call in ("mount", "umount2", "chroot", "sethostname", "unshare"):
        assert has_won(
            strike(walls(at_full, "seccomp", "landlock", "uid", "capabilities", scratch_bytes=3 << 20), code)
        )


def test_user_namespaces_of_ones_own_give_nothing(walls, level):
    """Without the filter an ordinary user may make one; what lies below Landlock and limits stays below."""
    code = "libc.unshare(0x10000000)\nopen('/etc/passwd').read()\nwon()"
    assert not has_won(strike(walls(level, "seccomp"), code, Limits(cpu_seconds=3)))
