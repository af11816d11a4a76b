"""What an attack is: a program that prints WON where it gets what it must not have.

Each is run three times over: against the sandbox as it is, where it must fail; against every single layer that is to
stop it with all its other layers switched off, where it must fail, too; and with all of them switched off, where it
must succeed. So a test that passes because the attack never worked goes red in the third.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from string import Template
from typing import Any

import pytest

from jobs.execution.sandbox.host import Execution, Mode, Program, Sandbox
from jobs.execution.sandbox.spec import Limits

WON = "WON"
QUICK = Limits(cpu_seconds=3, wall_seconds=20)

# x86-64 and AArch64; None where there is no such call.
NUMBERS: Mapping[str, tuple[int | None, int | None]] = {
    "fork": (57, None), "vfork": (58, None), "clone": (56, 220), "clone3": (435, 435), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "kcmp": (312, 272), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428), "fsopen": (430, 430),
    "move_mount": (429, 429), "io_uring_setup": (425, 425), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "socket": (41, 198), "connect": (42, 203),
    "bind": (49, 200), "listen": (50, 201), "accept4": (288, 242), "shmget": (29, 194), "shmat": (30, 196),
    "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180), "setuid": (105, 146), "setresuid": (117, 147),
    "setgroups": (116, 159), "capset": (126, 91), "setpriority": (141, 140), "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122), "timer_create": (222, 107), "clock_settime": (227, 112),
    "settimeofday": (164, 170), "adjtimex": (159, 171), "reboot": (169, 142), "init_module": (175, 105),
    "finit_module": (313, 273), "kexec_load": (246, 104), "swapon": (167, 224), "syslog": (103, 116),
    "sethostname": (170, 161), "mknodat": (259, 33), "setxattr": (188, 5), "fanotify_init": (300, 262),
    "inotify_init1": (294, 26), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "vmsplice": (278, 75), "mlock": (149, 228), "mlockall": (151, 230), "remap_file_pages": (216, 234),
    "personality": (135, 92), "quotactl": (179, 60), "acct": (163, 89), "ioperm": (173, None), "iopl": (172, None),
    "modify_ldt": (154, None), "signalfd4": (289, 74), "timerfd_create": (283, 85), "process_madvise": (440, 440),
    "landlock_restrict_self": (446, 446), "seccomp": (317, 277), "tgkill": (234, 131), "tkill": (200, 130),
}  # fmt: skip


def number(name: str) -> int:
    """The number of a system call here; skips the test where there is none."""
    at = {"x86_64": 0, "aarch64": 1}.get(platform.machine())
    found = None if at is None else NUMBERS[name][at]
    if found is None:
        pytest.skip(f"{platform.machine()} has no {name}")
    return found


PRELUDE = f"""
import os, sys, time
def won(*what):
    print({WON!r}, *what, flush=True)
def tried(call, *arguments):
    try: return call(*arguments)
    except Exception: return None
"""
BELOW = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {{name: pair[{0 if platform.machine() == "x86_64" else 1}] for name, pair in {dict(NUMBERS)!r}.items()}}
def syscall(name, *arguments):
    if NUMBERS[name] is None: return -1
    given = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return libc.syscall(ctypes.c_long(NUMBERS[name]), *given)
"""


@dataclass(frozen=True)
class Layer:
    """Something that stops an attack by itself; all of `off` must be switched off to be rid of it."""

    off: tuple[str, ...]
    landlock: int = 0
    """Interface version that it needs."""
    own_user: bool = False
    """Only there where candidates have a user of their own, so for hosts that are root."""

    @property
    def name(self) -> str:
        """For people."""
        return "+".join(self.off)

    def is_here(self, sandbox: Sandbox, *, root: bool) -> bool:
        """Whether this host has it."""
        return sandbox.isolation.landlock >= self.landlock and (root or not self.own_user)


SECCOMP, NET, IPC, ROOT = Layer(("seccomp",)), Layer(("net",)), Layer(("ipc",)), Layer(("root",))
LANDLOCK, LANDLOCK_TCP, LANDLOCK_SCOPE = (Layer(("landlock",), landlock=least) for least in (1, 4, 6))
OWN_USER = Layer(("uid",), own_user=True)
DUMPABLE, PROCESSES, RLIMITS = Layer(("dumpable",)), Layer(("processes",)), Layer(("rlimits",))
CAPABILITIES = Layer(("capabilities",), own_user=True)


@dataclass(frozen=True)
class Attack:
    """A program, and what stops it at each level."""

    name: str
    code: str
    full: tuple[Layer, ...] = ()
    reduced: tuple[Layer, ...] = ()
    limits: Limits = QUICK
    jail: Mapping[str, Any] = field(default_factory=dict)

    def layers(self, level: str) -> tuple[Layer, ...]:
        """Those of a level."""
        return self.full if level == "full" else self.reduced

    def at(self, values: Mapping[str, Any]) -> Attack:
        """The attack with `$name` in its code replaced."""
        return replace(self, code=Template(self.code).substitute(values))


def strike(sandbox: Sandbox, code: str, limits: Limits = QUICK, mode: Mode = "stdin", *, fn_name: str | None = None,
           stdin: bytes = b"", runner_input: bytes = b"") -> Execution:  # fmt: skip
    """Run an attack once, below the functions that it uses."""
    # A root of the host's may keep the standard library from the candidate's user, so ctypes only where it is needed.
    below = BELOW if any(word in code for word in ("libc", "syscall(", "ctypes")) else ""
    with Program(PRELUDE + below + code, mode, fn_name) as program:
        return sandbox.run(program, limits, stdin, runner_input)


def has_won(run: Execution) -> bool:
    """Whether it got what it wanted. A sandbox that died of it has lost, too."""
    return run.ended == "lost" or WON.encode() in run.stdout


def cases(attacks: Iterable[Attack]) -> list[Any]:
    """Parameters (level, attack, layers switched off, whether it is to win) for all of the above."""
    found = []
    for attack in attacks:
        for level in ("full", "reduced"):
            layers = attack.layers(level)
            found.append(pytest.param(level, attack, None, id=f"{attack.name}-{level}"))
            if len(layers) > 1:
                found += [pytest.param(level, attack, kept, id=f"{attack.name}-{level}-only-{kept.name}")
                          for kept in layers]  # fmt: skip
            if layers:
                found.append(pytest.param(level, attack, (), id=f"{attack.name}-{level}-open"))
    return found
