"""The first process of a sandbox: makes the jail, then forks the server into it. `python -c` runs `main`.

It stays lean, because every fork copies page tables, and has no thread. At level `full` it is root of its own
namespaces and init of its own pid namespace: when it ends, the kernel ends everything in it, and it ends when the
host's end of the socket is closed or the launcher, its parent, is gone.
"""

from __future__ import annotations

import _socket
import gc
import importlib
import json
import os
import resource
import signal
import site
import sys

from jobs.execution.inside import jail, kernel, landlock, seccomp, server, wire

TYPE_CHECKING = False  # `typing` is not loaded: its pages would be in every fork
if TYPE_CHECKING:
    from typing import Any

# What candidates use most and what makes a fork hardly dearer; host.HEAVIER has the rest.
PRELOADED = ("bisect", "collections", "copy", "functools", "heapq", "itertools", "json", "math", "operator", "re",
             "string", "struct", "time")  # fmt: skip
HELD = 10  # descriptors below are taken, so that none that is received lies where a test's are put


def main() -> None:
    """Argument: the socket's descriptor. The first message is the jail as JSON, sent once our limits hold."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an init gets no signal from within but those it has a handler for
    control = _socket.socket(fileno=_above(int(sys.argv[1])))
    config = json.loads(control.recv(1 << 16))
    try:
        own_pids = _enter(control, config) if config["level"] == "full" else None
        zygote = _Zygote(control, config, own_pids)
    except (OSError, ImportError) as error:
        control.send(wire.BROKEN + str(error).encode()[:2000])
        os._exit(1)
    zygote.run()


def _above(descriptor: int) -> int:
    """Move the socket up and fill the places below."""
    while (filler := os.open("/dev/null", os.O_RDWR)) < HELD:
        pass
    moved = os.dup(descriptor)
    os.dup2(filler, descriptor)
    os.close(filler)
    return moved


def _enter(control: _socket.socket, config: dict[str, Any]) -> int:
    """Become the init of new namespaces; returns a descriptor of the pid namespace.

    The launcher stays behind to wait, and takes everything along when it is killed.
    """
    jail.enter_namespaces(config["candidate_uid"], config["without"])
    init = os.fork()
    if init:
        control.close()
        _, status = os.waitpid(init, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY)  # later there is no /proc
    if "root" in config["without"]:
        jail.keep_root(config["scratch_bytes"])
    else:
        jail.build_root(config["binds"], config["site"], config["scratch_bytes"])
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    return own_pids


def _change_real_user(uid: int) -> None:
    try:
        os.setresuid(uid, -1, -1)
    except PermissionError as error:
        raise PermissionError(1, "setresuid: a root without CAP_SETUID is bound by no limit on processes") from error


class _Zygote:
    def __init__(self, control: _socket.socket, config: dict[str, Any], own_pids: int | None) -> None:
        self.control, self.config, self.own_pids = control, config, own_pids
        self.scratch = None if own_pids is None else jail.SCRATCH
        versions = self._prepare_interpreter()
        self.filter = seccomp.Filter(seccomp.base_filter())
        self.rules: int | None = None
        self._note_scratch()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self.hello = {"landlock": landlock.version(), "python": sys.version.split()[0], "versions": versions}
        for name in [name for name in sys.modules if name.split(".")[0] in ("jobs", "ctypes", "_ctypes")]:
            del sys.modules[name]  # nothing of ours is there for a candidate to import
        gc.collect()
        gc.freeze()

    def _prepare_interpreter(self) -> dict[str, str]:
        """The modules and the path that candidates meet; the versions of packages that were asked for."""
        site.setquit()  # the rest of `site` reads files of the machine
        site.setcopyright()
        site.sethelper()
        for name in (*PRELOADED, *self.config["preload"]):
            importlib.import_module(name)
        compile("", "", "exec")  # the first one makes a few hundred types, which every test would make again
        sys.set_int_max_str_digits(0)  # APPS has integers of more digits
        sys.path = [path for path in sys.path if path not in ("", self.config["code"])]
        versions = {}
        for name, folder in self.config["site"].items():
            own_root = self.own_pids is not None and "root" not in self.config["without"]
            parent = "/site" if own_root else os.path.dirname(folder)
            if parent not in sys.path:
                sys.path.append(parent)
            if not name.endswith(".libs"):
                versions[name] = importlib.import_module(name).__version__
        return versions

    def _note_scratch(self) -> None:
        """How the folder looks unused; and Landlock's rules, which are about this very folder."""
        self.marks = server.marks(self.scratch)
        if self.rules is not None:
            os.close(self.rules)
        if landlock.version() and "landlock" not in self.config["without"]:
            readable = (*self.config["binds"], *self.config["site"].values(), "/site", *jail.DEVICES)
            writable = [jail.NOWHERE, *([self.scratch] if self.scratch else [])]
            self.rules = landlock.ruleset(readable, writable)
        elif self.own_pids is None and "landlock" not in self.config["without"]:
            raise OSError("level reduced needs Landlock: Linux 5.13 or later, with landlock among its security modules")

    def run(self) -> None:
        """Keep a server running until the host is gone."""
        greeting = wire.HELLO + json.dumps(self.hello).encode()
        while True:
            status = self._server(greeting)
            if status == wire.ALONE:
                os._exit(0)
            if server.marks(self.scratch) != self.marks:
                jail.renew_scratch(self.config["scratch_bytes"])
                self._note_scratch()
            greeting = wire.RENEWED

    def _server(self, greeting: bytes) -> int:
        """One server from its start to its end; its exit status, negative for a signal."""
        if self.own_pids is not None:
            kernel.unshare(kernel.CLONE_NEWPID)
        child = os.fork()
        if not child:
            try:
                self._give_up_rights()
            except OSError as error:
                self._tell(wire.BROKEN + str(error).encode())
                os._exit(wire.ALONE)
            self._tell(greeting)
            server.serve(self.control, self.scratch, own_pids=self.own_pids is not None,
                         without=frozenset(self.config["without"]))  # fmt: skip
        if self.own_pids is not None:
            kernel.setns(self.own_pids, kernel.CLONE_NEWPID)
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)

    def _tell(self, message: bytes) -> None:
        """Send it to the host. One that died in the meantime is nobody to start servers for, again and again."""
        try:
            self.control.send(message)
        except OSError:
            os._exit(wire.ALONE)

    def _give_up_rights(self) -> None:
        """Give up, in this process, every right that a candidate must not have."""
        without = self.config["without"]  # for the tests that show what each protection is for
        uid = self.config["candidate_uid"] if "uid" not in without else None
        if self.own_pids is not None:
            os.close(self.own_pids)
        if uid is not None and self.own_pids is not None:
            os.setgroups([])
            os.setresgid(*[jail.INSIDE_UID] * 3)
            os.setresuid(*[jail.INSIDE_UID] * 3)
        elif uid is not None:
            _change_real_user(uid)  # no limit on processes binds the real user root; files are read as before
        if "capabilities" not in without:
            kernel.drop_capabilities()
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        if "dumpable" not in without:
            kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        if self.own_pids is None:
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if self.rules is not None:
            landlock.restrict(self.rules)
            os.close(self.rules)
        if "seccomp" not in without:
            self.filter.install()
