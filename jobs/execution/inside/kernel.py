"""System calls that Python has no function for, on x86-64 and AArch64; each raises `OSError` with its name."""

from __future__ import annotations

import ctypes
import os

TYPE_CHECKING = False  # `typing` is not loaded: its pages would be in every fork
if TYPE_CHECKING:
    from typing import Any

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
CLONE_THREAD = 0x00010000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_NOATIME, MS_REC, MS_PRIVATE = 1024, 16384, 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
SECCOMP_MODE_FILTER = 2

_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_NUMBERS = {  # of calls that glibc has no wrapper for
    "x86_64": {"pivot_root": 155, "capset": 126},
    "aarch64": {"pivot_root": 41, "capset": 91},
}
_COMMON = {"mount_setattr": 442, "landlock_create_ruleset": 444, "landlock_add_rule": 445,
           "landlock_restrict_self": 446}  # fmt: skip

_libc = ctypes.CDLL(None, use_errno=True)


def machine() -> str:
    """The architecture, as `platform.machine` says it; that module is large."""
    return os.uname().machine


def number(name: str) -> int:
    """The number of a system call on this machine."""
    if machine() not in _NUMBERS:
        raise OSError(f"no sandbox on {machine()}: system calls are known for x86_64 and aarch64")
    return {**_COMMON, **_NUMBERS[machine()]}[name]


def checked(name: str, outcome: int) -> int:
    """The outcome of a call, or its error."""
    if outcome < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return outcome


def syscall(name: str, *arguments: Any) -> int:
    """A call by number; integers go as 64 bits."""
    given = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return checked(name, _libc.syscall(ctypes.c_long(number(name)), *given))


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` name."""
    checked("unshare", _libc.unshare(flags))


def setns(descriptor: int, kind: int) -> None:
    """Enter a namespace."""
    checked("setns", _libc.setns(descriptor, kind))


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2)."""
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    checked(f"mount {target}", _libc.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]))


def umount(target: str) -> None:
    """Detach a mount, at once, whoever uses it."""
    checked(f"umount {target}", _libc.umount2(os.fsencode(target), MNT_DETACH))


def make_read_only(target: str) -> None:
    """Make a bind mount and everything below read-only, without set-uid programs."""

    class Attributes(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]

    wanted = Attributes(set=MS_RDONLY | MS_NOSUID)  # the first MOUNT_ATTR_* have the values of MS_*
    try:
        syscall("mount_setattr", _AT_FDCWD, os.fsencode(target), _AT_RECURSIVE, ctypes.byref(wanted), 32)
    except OSError as error:
        if error.errno != 38:  # ENOSYS: before Linux 5.12
            raise
        kept = os.statvfs(target).f_flag & (MS_NODEV | MS_NOEXEC | 1024 | 2048)  # what a user may not take away
        mount("none", target, None, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | kept)


def pivot_root(folder: str) -> None:
    """Make `folder` the root and forget the old one."""
    os.chdir(folder)
    syscall("pivot_root", b".", b".")
    umount(".")
    os.chdir("/")


def prctl(option: int, value: int, pointer: Any = None) -> None:
    """prctl(2)."""
    zero = ctypes.c_ulong(0)
    checked(f"prctl {option}", _libc.prctl(option, ctypes.c_ulong(value), pointer or zero, zero, zero))


def own_prctl() -> Any:
    """prctl(2) as a function of its own that takes plain integers; returns -1 for an error."""
    function = _libc["prctl"]
    function.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    return function


def drop_capabilities() -> None:
    """Give up every capability, for good together with no_new_privs."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    syscall("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
