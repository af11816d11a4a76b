"""The seccomp filter: which system calls a candidate may make. Pure but for `Filter.install`.

An allow list, so that a call of a later kernel is refused until somebody has thought about it. What is not on it fails
with EPERM; programs see an error, not a kill. Not on it, and why it matters: socket, bind, connect (network, abstract
sockets), ptrace, process_vm_*, pidfd_getfd (other processes), shm*, sem*, msg*, mq_* (state that outlives a test),
mount, setns, unshare (namespaces), keyctl, bpf, io_uring, perf, userfaultfd (kernel surface), memfd_create (memory that
no limit counts), setpriority, sched_set* (of other processes).
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Mapping, Sequence

from jobs.execution.inside import kernel

# Name, number on x86-64, number on AArch64; "-" where the architecture has no such call.
ALLOWED = """
read 0 63; write 1 64; readv 19 65; writev 20 66; pread64 17 67; pwrite64 18 68; preadv 295 69; pwritev 296 70
preadv2 327 286; pwritev2 328 287; open 2 -; openat 257 56; openat2 437 437; close 3 57; close_range 436 436
stat 4 -; fstat 5 80; lstat 6 -; newfstatat 262 79; statx 332 291; lseek 8 62; access 21 -; faccessat 269 48
faccessat2 439 439; readlink 89 -; readlinkat 267 78; getcwd 79 17; chdir 80 49; fchdir 81 50; getdents 78 -
getdents64 217 61; dup 32 23; dup2 33 -; dup3 292 24; flock 73 32; fsync 74 82; fdatasync 75 83
truncate 76 45; ftruncate 77 46; rename 82 -; renameat 264 38; renameat2 316 276; mkdir 83 -; mkdirat 258 34
rmdir 84 -; unlink 87 -; unlinkat 263 35; link 86 -; linkat 265 37; symlink 88 -; symlinkat 266 36; chmod 90 -
fchmod 91 52; fchmodat 268 53; umask 95 166; utimensat 280 88; sendfile 40 71; splice 275 76; tee 276 77
copy_file_range 326 285; fallocate 285 47; fadvise64 221 223; statfs 137 43; fstatfs 138 44
mmap 9 222; munmap 11 215; mremap 25 216; mprotect 10 226; madvise 28 233; brk 12 214; membarrier 324 283
rseq 334 293
getpid 39 172; getppid 110 173; gettid 186 178; getuid 102 174; geteuid 107 175; getgid 104 176; getegid 108 177
getresuid 118 148; getresgid 120 150; getgroups 115 158; getpgrp 111 -; getpgid 121 155; getsid 124 156
setsid 112 157; setpgid 109 154; exit 60 93; exit_group 231 94; wait4 61 260; waitid 247 95; fork 57 -; vfork 58 -
execve 59 221; execveat 322 281; kill 62 129; tgkill 234 131; tkill 200 130; rt_sigaction 13 134
rt_sigprocmask 14 135; rt_sigreturn 15 139; rt_sigpending 127 136; rt_sigtimedwait 128 137; rt_sigsuspend 130 133
sigaltstack 131 132; set_tid_address 218 96; set_robust_list 273 99; get_robust_list 274 100; futex 202 98
futex_waitv 449 449; restart_syscall 219 128; sched_yield 24 124; sched_getaffinity 204 123; sched_getparam 143 121
sched_getscheduler 145 120; sched_get_priority_max 146 125; sched_get_priority_min 147 126; getrlimit 97 163
setrlimit 160 164; getrusage 98 165; times 100 153; uname 63 160; arch_prctl 158 -; sysinfo 99 179; getrandom 318 278
getcpu 309 168; pidfd_open 434 434; pause 34 -; alarm 37 -; getitimer 36 102; setitimer 38 103; nanosleep 35 101
clock_nanosleep 230 115; clock_gettime 228 113; clock_getres 229 114; gettimeofday 96 169; time 201 -
poll 7 -; ppoll 271 73; select 23 -; pselect6 270 72; epoll_create 213 -; epoll_create1 291 20; epoll_ctl 233 21
epoll_wait 232 -; epoll_pwait 281 22; epoll_pwait2 441 441; eventfd 284 -; eventfd2 290 19; pipe 22 -; pipe2 293 59
sendto 44 206; recvfrom 45 207; sendmsg 46 211; recvmsg 47 212; shutdown 48 210; getsockopt 55 209; setsockopt 54 208
getsockname 51 204; getpeername 52 205
"""

_CONDITIONAL = {"clone": (56, 220), "clone3": (435, 435), "fcntl": (72, 25), "ioctl": (16, 29), "prctl": (157, 167),
                "prlimit64": (302, 261), "socketpair": (53, 199)}  # fmt: skip
_NEW_PROCESS = {"fork": (57, None), "vfork": (58, None), "clone": (56, 220)}
_SESSIONS = {"setsid": (112, 157), "setpgid": (109, 154)}
_SIGNALS = {"kill": (62, 129), "tgkill": (234, 131), "tkill": (200, 130)}
_ATTRIBUTES = {"chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "utimensat": (280, 88),
               "truncate": (76, 45)}  # fmt: skip
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_NAMESPACES = 0x7E020080  # CLONE_NEW*: time, cgroup, uts, ipc, user, pid, net and mnt
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
_PRCTLS = (15, 16, 22, 0x53564D41)  # PR_SET_NAME, PR_GET_NAME, PR_SET_SECCOMP (only ever stricter), PR_SET_VMA
_FCNTLS = (*range(8), 1030, 1031, 1032)  # duplicates, flags, locks, pipe sizes; not F_SETOWN, which sends signals

_LOAD, _JUMP, _EQUAL, _GREATER, _GREATER_EQUAL, _ANY_BIT, _RETURN = 0x20, 0x05, 0x15, 0x25, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_NR, _ARCH = 0, 4

Instruction = tuple[int, int, int, int]


class Rule:
    """What to ask of one argument (its low 32 bits) of a call before it is allowed."""

    def __init__(
        self, argument: int, equal_to: tuple[int, ...] = (), without_bits: int = 0, with_bits: int = 0,
        refusal: int = _EPERM,
    ) -> None:  # fmt: skip
        """Allowed if it is `equal_to` one of these and refused otherwise, refused if it has one of `without_bits` or
        none of `with_bits`; with nothing asked always refused. `refusal` is the errno.
        """
        self.argument, self.equal_to, self.refusal = argument, equal_to, refusal
        self.without_bits, self.with_bits = without_bits, with_bits


def base_filter() -> bytes:
    """The filter of a candidate's process and all that come from it."""
    which, _ = _architecture()
    rules = {
        _CONDITIONAL["clone"][which]: Rule(0, without_bits=_NAMESPACES),
        _CONDITIONAL["clone3"][which]: Rule(0, refusal=_ENOSYS),  # its flags lie in memory; glibc then uses clone
        _CONDITIONAL["fcntl"][which]: Rule(1, equal_to=_FCNTLS),
        _CONDITIONAL["ioctl"][which]: Rule(1, equal_to=_IOCTLS),
        _CONDITIONAL["prctl"][which]: Rule(0, equal_to=(kernel.PR_SET_PDEATHSIG, *_PRCTLS)),
        _CONDITIONAL["prlimit64"][which]: Rule(0, equal_to=(0,)),  # of itself only
        _CONDITIONAL["socketpair"][which]: Rule(0, equal_to=(1,)),  # AF_UNIX
    }
    return _assemble(rules, _intervals(allowed_numbers()), otherwise=_ERRNO | _EPERM)


def single_process_filter(pid: int | None) -> bytes:
    """On top of the base: threads, but no new process or session.

    With `pid`, its own number, also what a process needs that shares files and process ids with the host: no signals to
    others, and no change to a file's attributes, which Landlock does not look at.
    """
    which, _ = _architecture()
    refused = {**_SESSIONS, **_ATTRIBUTES} if pid is not None else _SESSIONS
    rules = {number: Rule(0) for pair in refused.values() if (number := pair[which]) is not None}
    rules[_CONDITIONAL["prctl"][which]] = Rule(0, equal_to=_PRCTLS)
    for name, numbers in _NEW_PROCESS.items():
        if (number := numbers[which]) is not None:
            rules[number] = Rule(0, with_bits=kernel.CLONE_THREAD if name == "clone" else 0)
    for name, pair in _SIGNALS.items() if pid is not None else ():
        rules[pair[which]] = Rule(0, equal_to=(pid,) if name != "tkill" and pid is not None else ())
    return _assemble(rules, [], otherwise=_ALLOW)


def allowed_numbers() -> list[int]:
    """The numbers of `ALLOWED` on this architecture, ascending."""
    which, _ = _architecture()
    words = ALLOWED.replace(";", " ").split()
    return sorted(int(number) for number in words[1 + which :: 3] if number != "-")


class Filter:
    """A program ready to be installed: every test's process installs one, so what can be done before is."""

    def __init__(self, program: bytes) -> None:
        self._program = _Program(len(program) // 8, program)
        self._prctl = kernel.own_prctl()
        self._address = ctypes.addressof(self._program)

    def install(self) -> None:
        """Put this process, and all that come from it, under the filter; needs no_new_privs."""
        outcome = self._prctl(kernel.PR_SET_SECCOMP, kernel.SECCOMP_MODE_FILTER, self._address, 0, 0)
        kernel.checked("seccomp", outcome)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def _architecture() -> tuple[int, int]:
    machine = kernel.machine()
    if machine not in _ARCHITECTURES:
        raise OSError(f"no sandbox on {machine}: system calls are known for x86_64 and aarch64")
    return _ARCHITECTURES[machine]


def _intervals(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending numbers as runs (first, last)."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _assemble(rules: Mapping[int, Rule], allowed: Sequence[tuple[int, int]], *, otherwise: int) -> bytes:
    """Classic BPF. Jumps skip forward by a number of instructions: (code, skip if true, skip if false, value)."""
    _, architecture = _architecture()
    code: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NR),
    ]
    for number, rule in rules.items():
        body = _asked(rule)
        code += [(_EQUAL, 0, len(body), number), *body]
    for first, last in allowed:
        code += [(_GREATER_EQUAL, 0, 2, first), (_GREATER, 1, 0, last), (_RETURN, 0, 0, _ALLOW)]
    code.append((_RETURN, 0, 0, otherwise))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _asked(rule: Rule) -> list[Instruction]:
    """The end of the program for a call with a rule."""
    refuse, allow = (_RETURN, 0, 0, _ERRNO | rule.refusal), (_RETURN, 0, 0, _ALLOW)
    load = (_LOAD, 0, 0, 16 + 8 * rule.argument)
    if rule.equal_to:
        checks = [(_EQUAL, len(rule.equal_to) - at, 0, value) for at, value in enumerate(rule.equal_to)]
        return [load, *checks, refuse, allow]
    if rule.without_bits:
        return [load, (_ANY_BIT, 1, 0, rule.without_bits), allow, refuse]
    if rule.with_bits:
        return [load, (_ANY_BIT, 0, 1, rule.with_bits), allow, refuse]
    return [refuse]
