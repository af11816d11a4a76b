"""The filter as a program: run by an interpreter of our own, call by call."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.execution.inside import seccomp

X86, ARM = ("x86_64", 0xC000003E), ("aarch64", 0xC00000B7)
ALLOWED, KILLED, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
LONGEST = 4096  # instructions that the kernel takes


def decide(program, number, arguments=(), architecture=X86[1]):
    """What the kernel does with a call: classic BPF over (number, architecture, instruction pointer, six arguments)."""
    data = struct.pack(
        "<IIQ6Q", number, architecture, 0, *[value % 2**64 for value in (*arguments, 0, 0, 0, 0, 0, 0)[:6]]
    )
    at = value = 0
    while True:
        code, if_true, if_false, constant = struct.unpack_from("<HBBI", program, 8 * at)
        at += 1
        if code == 0x20:
            (value,) = struct.unpack_from("<I", data, constant)
        elif code == 0x06:
            return constant
        elif code == 0x05:
            at += constant
        else:
            holds = {
                0x15: value == constant,
                0x25: value > constant,
                0x35: value >= constant,
                0x45: bool(value & constant),
            }[code]
            at += if_true if holds else if_false


@pytest.fixture(params=[X86, ARM], ids=lambda pair: pair[0])
def machine(request, monkeypatch):
    """Each architecture, whatever this one is."""
    monkeypatch.setattr(seccomp.kernel, "machine", lambda: request.param[0])
    return request.param


def test_the_list_and_nothing_else(machine):
    which = 0 if machine == X86 else 1
    program = seccomp.base_filter()
    conditional = {pair[which] for pair in seccomp._CONDITIONAL.values()}
    allowed = set(seccomp.allowed_numbers())
    assert len(program) // 8 < LONGEST
    assert not allowed & conditional
    for number in range(2000):
        if number not in conditional:
            assert decide(program, number, architecture=machine[1]) == (ALLOWED if number in allowed else EPERM)


def test_the_list_has_each_call_once():
    words = seccomp.ALLOWED.replace(";", " ").split()
    names = words[::3]
    assert len(words) % 3 == 0
    assert len(set(names)) == len(names)
    for which in (1, 2):
        numbers = [number for number in words[which::3] if number != "-"]
        assert len(set(numbers)) == len(numbers)


def test_numbers_are_those_of_this_machine():
    """Some that Python can check: each is called with harmless arguments."""
    import ctypes
    import os
    import platform

    libc = ctypes.CDLL(None, use_errno=True)
    words = seccomp.ALLOWED.replace(";", " ").split()
    which = {"x86_64": 1, "aarch64": 2}[platform.machine()]
    number = {words[at]: int(words[at + which]) for at in range(0, len(words), 3) if words[at + which] != "-"}
    for name, value in {"getpid": os.getpid(), "getppid": os.getppid(), "getuid": os.getuid(), "geteuid": os.geteuid(),
                        "getgid": os.getgid(), "getegid": os.getegid(), "getpgid": os.getpgid(0),
                        "getsid": os.getsid(0)}.items():  # fmt: skip
        assert libc.syscall(ctypes.c_long(number[name]), ctypes.c_long(0)) == value, name


@given(st.integers(0, 2**32 - 1))
def test_another_architecture_is_the_end(number):
    if X86[0] == seccomp.kernel.machine():
        for program in (seccomp.base_filter(), seccomp.single_process_filter(None)):
            for architecture in (ARM[1], 0x40000003, 0):
                assert decide(program, number, architecture=architecture) == KILLED


@given(st.integers(0x40000000, 2**32 - 1))
def test_numbers_of_x32_are_on_no_list(number):
    assert decide(seccomp.base_filter(), number, architecture=seccomp._architecture()[1]) == EPERM


RULES = [
    ("clone", (0x10000000,), EPERM), ("clone", (0x00020000 | 17,), EPERM), ("clone", (0x80,), EPERM), ("clone",
    (17,), ALLOWED),
    ("clone", (0x3D0F00,), ALLOWED), ("clone3", (0, 0), ENOSYS), ("fcntl", (0, 8), EPERM), ("fcntl", (0, 10), EPERM),
    ("fcntl", (0, 2**32 + 8), EPERM), ("fcntl", (0, 1030), ALLOWED), ("fcntl", (0, 1024), EPERM), ("fcntl", (0,
    1033), EPERM),
    ("ioctl", (0, 0x5401), ALLOWED), ("ioctl", (0, 0x5412), EPERM), ("ioctl", (0, 0x541C), EPERM), ("ioctl", (0,
    2**32 + 0x5412), EPERM),
    ("prctl", (1,), ALLOWED), ("prctl", (4,), EPERM), ("prctl", (22,), ALLOWED), ("prctl", (36,), EPERM), ("prctl",
    (0x59616D61,), EPERM),
    ("prlimit64", (0, 7), ALLOWED), ("prlimit64", (1, 7), EPERM), ("prlimit64", (2**32, 7),
    ALLOWED),  # its pid has 32 bits
    ("socketpair", (1,), ALLOWED), ("socketpair", (2,), EPERM), ("socketpair", (40,), EPERM),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "outcome"), RULES)
def test_rules_about_arguments(machine, name, arguments, outcome):
    number = seccomp._CONDITIONAL[name][0 if machine == X86 else 1]
    assert decide(seccomp.base_filter(), number, arguments, machine[1]) == outcome


def test_one_process_with_threads(machine):
    which = 0 if machine == X86 else 1
    alone, shared = seccomp.single_process_filter(None), seccomp.single_process_filter(77)
    clone, prctl = seccomp._CONDITIONAL["clone"][which], seccomp._CONDITIONAL["prctl"][which]
    kill, tgkill, tkill = (seccomp._SIGNALS[name][which] for name in ("kill", "tgkill", "tkill"))

    def both(number, *arguments):
        return [decide(program, number, arguments, machine[1]) for program in (alone, shared)]

    assert both(clone, 17) == both(clone, 0x4111) == [EPERM, EPERM]
    assert both(clone, 0x3D0F00) == [ALLOWED, ALLOWED], "a thread, as glibc makes one"
    assert both(prctl, 1) == [EPERM, EPERM]
    assert both(prctl, 22) == [ALLOWED, ALLOWED]
    assert both(kill, 77, 9) == both(tgkill, 77, 78, 9) == [ALLOWED, ALLOWED]
    assert (
        both(kill, 1, 9)
        == both(kill, -1, 9)
        == both(kill, -77, 9)
        == both(kill, 0, 9)
        == both(tkill, 78, 9)
        == [ALLOWED, EPERM]
    )
    for name in ("fork", "vfork"):
        if (number := seccomp._NEW_PROCESS[name][which]) is not None:
            assert both(number) == [EPERM, EPERM]
    for pair in seccomp._SESSIONS.values():
        assert both(pair[which]) == [EPERM, EPERM]
    for pair in seccomp._ATTRIBUTES.values():
        if pair[which] is not None:
            assert both(pair[which]) == [ALLOWED, EPERM]


def test_a_machine_that_nobody_thought_of_gets_no_sandbox(monkeypatch):
    monkeypatch.setattr(seccomp.kernel, "machine", lambda: "riscv64")
    with pytest.raises(OSError, match="no sandbox on riscv64"):
        seccomp.base_filter()
