"""Landlock: which files this process, and all that come from it, may touch. Needs no privilege."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

from jobs.execution.inside import kernel

_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_FOR_FILES = 0b1100000000000111  # execute, write, read, truncate, ioctl on devices: all that one can do to a plain file
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}  # interface version → number of rights it knows
_READ_ONLY = _EXECUTE | _READ_FILE | _READ_DIR


def version() -> int:
    """The interface version of this kernel; 0 where it has no Landlock, or has it switched off."""
    try:
        return kernel.syscall("landlock_create_ruleset", 0, 0, 1)
    except OSError:
        return 0


def ruleset(readable: Iterable[str], writable: Iterable[str]) -> int:
    """A descriptor for `restrict`; paths that do not exist here are left out, which allows less."""
    number = version()
    everything = (1 << _FILE_RIGHTS[max(v for v in _FILE_RIGHTS if v <= number)]) - 1
    network = 0b11 if number >= 4 else 0  # bind and connect of TCP
    scoped = 0b11 if number >= 6 else 0  # abstract unix sockets of others, signals to others
    attributes = (ctypes.c_uint64 * 3)(everything, network, scoped)
    size = 8 if number < 4 else 16 if number < 6 else 24
    rules = kernel.syscall("landlock_create_ruleset", ctypes.byref(attributes), size, 0)
    for paths, rights in ((readable, _READ_ONLY), (writable, everything & ~_EXECUTE)):
        for path in paths:
            if os.path.exists(path):
                _allow(rules, path, rights & everything)
    return rules


def _allow(rules: int, path: str, rights: int) -> None:
    class Beneath(ctypes.Structure):
        _pack_ = 1
        _fields_ = [("rights", ctypes.c_uint64), ("folder", ctypes.c_int32)]

    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        given = rights if os.path.isdir(path) else rights & _FOR_FILES
        kernel.syscall("landlock_add_rule", rules, 1, ctypes.byref(Beneath(given, descriptor)), 0)
    finally:
        os.close(descriptor)


def restrict(rules: int) -> None:
    """Put this process under the rules, for good; needs no_new_privs."""
    kernel.syscall("landlock_restrict_self", rules, 0)
