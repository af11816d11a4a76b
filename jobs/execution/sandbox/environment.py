"""What of this machine a sandbox shows: the interpreter, shared libraries, packages; and which users it can map."""

from __future__ import annotations

import functools
import importlib.util
import os
import resource
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from common.errors import UserError
from jobs.execution.inside import wire
from jobs.execution.sandbox.spec import Limits

_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo")
_CANDIDATE_UIDS = range(61_184, 65_520)  # what systemd gives to short-lived services: nobody's files are theirs


def interpreter() -> str:
    """The interpreter below a virtual environment: candidates meet its standard library and no packages."""
    return getattr(sys, "_base_executable", sys.executable)


def binds() -> list[str]:
    """The paths that an interpreter needs, as they are on the host."""
    own = [sysconfig.get_path("stdlib"), f"{sys.base_prefix}/lib", f"{sys.base_exec_prefix}/lib"]
    covered = [path for path in own if path.startswith("/tmp/")]
    if covered:
        raise UserError(f"the interpreter lies in {covered[0]}, where candidates have their scratch folder",
                        "install Python anywhere but below /tmp")  # fmt: skip
    return sorted({path for path in (*own, *_SYSTEM) if Path(path).exists()})


def site(packages: Iterable[str]) -> dict[str, str]:
    """Folder name → path of packages of this environment, with the shared libraries that wheels put beside them."""
    found = {}
    for name in packages:
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise UserError(f"{name} is not installed, so candidates cannot have it", f"pip install {name}")
        folder = Path(spec.submodule_search_locations[0])
        found[name] = str(folder)
        if (libraries := folder.with_name(f"{name}.libs")).is_dir():
            found[libraries.name] = str(libraries)
    return found


@functools.lru_cache
def check(limits: Limits, scratch_bytes: int) -> None:
    """`UserError` where a test cannot have these limits because this process has lower ones that nobody may raise."""
    wanted = {
        "RLIMIT_AS": limits.memory_mb << 20, "RLIMIT_STACK": limits.stack_mb << 20, "RLIMIT_FSIZE": scratch_bytes,
        "RLIMIT_NPROC": wire.THREADS + limits.processes, "RLIMIT_NOFILE": wire.DESCRIPTORS,
    }  # fmt: skip
    for name, value in wanted.items():
        _, most = resource.getrlimit(getattr(resource, name))
        if most not in (-1, resource.RLIM_INFINITY) and value > most:
            raise UserError(f"tests want {name} = {value}, and this process may have {most} at most",
                            "start it with a higher hard limit (`ulimit -H`), or give tests less")  # fmt: skip


def candidate_uid() -> int | None:
    """A user of the host for candidates, where this process may map one; None: they run as our own user does."""
    if os.geteuid() != 0:
        return None
    wanted = _CANDIDATE_UIDS[os.getpid() % len(_CANDIDATE_UIDS)]
    try:
        lines = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    except OSError:
        return None
    known = any(int(first) <= wanted < int(first) + int(count) for first, _, count in lines)
    return wanted if known else None
