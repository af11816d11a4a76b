"""Namespaces and the file system of level `full`, made from inside by a process that had nothing but its user's rights.

root (read-only tmpfs)
├── the interpreter's library and the system's shared libraries   bound read-only, at their own paths
├── site/numpy …                                                  bound read-only, where wanted
├── dev/null, zero, full, random, urandom
└── tmp                                                           tmpfs of a few megabytes, the only writable place
No /proc, no /sys, no /etc but ld.so.cache, no programs, no home.
"""

from __future__ import annotations

import _socket
import os
from collections.abc import Mapping, Sequence

from jobs.execution.inside import kernel

INSIDE_UID = 1000  # what a candidate sees; only the launcher and the zygote are something else
_NAMESPACES = {"user": kernel.CLONE_NEWUSER, "mount": kernel.CLONE_NEWNS, "pid": kernel.CLONE_NEWPID,
               "net": kernel.CLONE_NEWNET, "ipc": kernel.CLONE_NEWIPC, "uts": kernel.CLONE_NEWUTS}  # fmt: skip
NOWHERE = "/dev/null"
DEVICES = (NOWHERE, "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
SCRATCH = "/tmp"
_PLACE = "/sys"
"""Where the new root is made: a folder that every host has, in which nothing is that we show, covered in our own mount
namespace only. So nothing of it has to be cleared away, however we end."""


def enter_namespaces(candidate_uid: int | None, without: Sequence[str] = ()) -> None:
    """Move this single-threaded process into new namespaces; the pid namespace takes effect for its children.

    `candidate_uid` is the host's uid that candidates run under, for a launcher that may map any (root); None maps
    only the launcher's own, so candidates share it. Raises `OSError` where the host does not allow it.
    """
    uid, gid = os.geteuid(), os.getegid()
    wanted = sum(flag for name, flag in _NAMESPACES.items() if name not in without)
    if candidate_uid is None:
        kernel.unshare(wanted)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{INSIDE_UID} {uid} 1")
        _write("/proc/self/gid_map", f"{INSIDE_UID} {gid} 1")
        return
    ready, go = os.pipe()
    launcher = os.getpid()
    mapper = os.fork()  # several lines may only be written from the namespace outside
    if not mapper:
        status = 1
        try:
            os.close(go)
            if os.read(ready, 1):
                maps = f"0 {uid} 1\n{INSIDE_UID} {candidate_uid} 1"
                _write(f"/proc/{launcher}/gid_map", maps.replace(f"0 {uid} 1", f"0 {gid} 1"))
                _write(f"/proc/{launcher}/uid_map", maps)
                status = 0
        finally:
            os._exit(status)
    try:
        kernel.unshare(wanted)
        os.write(go, b"1")
    finally:
        os.close(ready)
        os.close(go)
        _, status = os.waitpid(mapper, 0)
    if status:
        raise PermissionError(1, "uid_map: the host does not let this process map a second user")


def build_root(binds: Sequence[str], site: Mapping[str, str], scratch_bytes: int) -> None:
    """Make the root described above and move into it.

    `binds` are the host's paths to show at the same place; symbolic links among them are made again, and what the
    host lacks is left out. `site` maps names below /site to folders.
    """
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("root", _PLACE, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=1m")
    shown = {path: path for path in binds} | {f"/site/{name}": path for name, path in site.items()}
    shown |= {device: device for device in DEVICES}
    for inside, outside in sorted(shown.items()):
        _show(outside, _PLACE + inside)
    os.mkdir(_PLACE + SCRATCH)
    kernel.mount("none", _PLACE, None, kernel.MS_REMOUNT | kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV,
                 "mode=755,size=1m")  # fmt: skip
    kernel.pivot_root(_PLACE)
    mount_scratch(scratch_bytes)
    _socket.sethostname("sandbox")


def keep_root(scratch_bytes: int) -> None:
    """Only a scratch folder, over the host's: for the tests that show what a root of its own is for."""
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    mount_scratch(scratch_bytes)


def mount_scratch(size: int) -> None:
    """An empty writable folder."""
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC | kernel.MS_NOATIME
    kernel.mount("scratch", SCRATCH, "tmpfs", flags, f"mode=1777,size={size},nr_inodes=4096")
    os.chdir(SCRATCH)


def renew_scratch(size: int) -> None:
    """Take away what a candidate left behind."""
    os.chdir("/")
    kernel.umount(SCRATCH)
    mount_scratch(size)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _show(outside: str, inside: str) -> None:
    if os.path.lexists(inside) or not os.path.exists(outside):
        return
    os.makedirs(os.path.dirname(inside), exist_ok=True)
    if os.path.islink(outside):
        os.symlink(os.readlink(outside), inside)
        return
    if os.path.isdir(outside):
        os.mkdir(inside)
    else:
        _write(inside, "")
    kernel.mount(outside, inside, None, kernel.MS_BIND | kernel.MS_REC)
    kernel.make_read_only(inside)
