"""The server of a sandbox: forks a fresh process for each test. It keeps nothing from one test to the next.

It never executes a candidate's code, nor reads it: the first test's process compiles it and leaves the code object in
a file of memory for the others. It has no right that its children lack: it is their init (or, at level `reduced`,
their parent), so they cannot signal it, and it cannot be traced. Sources, inputs and code go through descriptors that
it only passes on, so nothing of another candidate or test is in the memory that a child inherits.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import errno
import json
import marshal
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from functools import partial
from types import CodeType

from jobs.execution.inside import call_run, kernel, reference_run, script_run, seccomp, wire

_ROOM = 64  # bytes of ancillary data: eight descriptors
CPU_CHECK = 0.02  # seconds of wall between two looks at the clock of a process that is near its limit


def serve(control: _socket.socket, scratch: str | None, *, own_pids: bool, without: frozenset[str]) -> None:
    """Run tests as the host asks, until END or the host is gone. Ends the process."""
    untouched = marks(scratch)
    poll = select.poll()
    poll.register(control, select.POLLIN)
    script_run.namespace()
    while True:
        message, attached, _, _ = control.recvmsg(wire.LARGEST, _ROOM)
        kind = message[:1]
        if kind == wire.TEST:
            descriptors = memoryview(attached[0][2]).cast("i").tolist()
            outcome = _test(control, poll, _Test(message[1:], descriptors), own_pids, without)
            control.send(wire.OUTCOME + wire.VERDICT.pack(*outcome, marks(scratch) != untouched))
            # Only now: a page that we write to while the child lives is copied, and each end of a pipe wakes the host.
            for descriptor in descriptors:
                os.close(descriptor)
        elif kind == wire.END:
            os._exit(wire.ASKED)
        elif not kind:
            os._exit(wire.ALONE)


class _Test:
    """One test as the host describes it."""

    def __init__(self, message: bytes, descriptors: list[int]) -> None:
        self.limits = wire.LIMITS.unpack_from(message)
        self.message, self.descriptors = message, descriptors
        self._source, self._code, *self.own = descriptors

    def code(self) -> CodeType:
        """The candidate's code object: left by an earlier test's process, or compiled now and left for later ones.

        Nothing of the candidate has run in a process that writes it, and none in which it runs can: the descriptor is
        closed by then.
        """
        if size := os.lseek(self._code, 0, os.SEEK_END):
            return marshal.loads(os.pread(self._code, size, 0))
        try:
            compiled = compile(self.source(), script_run.FILE, "exec", dont_inherit=True)
        except BaseException as error:  # SyntaxError, ValueError (null bytes), MemoryError, RecursionError
            os.write(2, f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:2000])
            os._exit(wire.NO_CODE)
        with os.fdopen(os.dup(self._code), "wb") as file:
            file.write(marshal.dumps(compiled))
        return compiled

    def source(self) -> str:
        """The candidate's text."""
        return os.pread(self._source, os.lseek(self._source, 0, os.SEEK_END), 0).decode()

    def run(self) -> None:
        """Load the candidate, let go of what only we may have, run it. Never returns."""
        mode, fn_name = self.message[wire.LIMITS.size :].decode("utf-8", "surrogatepass").split(":", 1)
        if mode == "reference":
            work: Callable[[], None] = partial(_reference, self.source(), fn_name or None)
        else:
            work = partial(_RUNNERS[mode], self.code(), fn_name)
        os.closerange(len(self.own), 1024)
        script_run.finish(work)


def _program(code: CodeType, _: str) -> None:
    exec(code, script_run.namespace())


def _function(code: CodeType, fn_name: str) -> None:
    arguments = json.loads(_input())
    _emit(call_run.call(call_run.load(code, fn_name), arguments).encode())


def _script(code: CodeType, _: str) -> None:
    names = script_run.namespace()
    exec(code, names)
    exec(compile(_input(), "test.py", "exec", dont_inherit=True), names)
    _emit(b"reached the end")


def _reference(source: str, fn_name: str | None) -> None:
    told = json.loads(_input())
    reference_run.run(source, fn_name, told["inputs"],
                      lambda record: _emit(json.dumps(record).encode() + b"\n"), told["seconds"])  # fmt: skip


_RUNNERS = {"stdin": _program, "call": _function, "script": _script}


def _test(
    control: _socket.socket, poll: select.poll, test: _Test, own_pids: bool, without: frozenset[str]
) -> tuple[int, float, float, int, int]:
    """Fork, wait, clear up; (wait status, CPU seconds, wall seconds, peak bytes, who ended it)."""
    cpu, wall = test.limits[:2]
    started = time.monotonic()
    child = os.fork()
    if not child:
        _become(test, own_pids, without)
    ended_by = _wait(control, poll, child, cpu, started + wall)
    if ended_by != wire.BY_ITSELF:
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    seconds, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss
    elapsed = time.monotonic() - started
    for more in _leftovers(own_pids) if "leftovers" not in without else ():
        seconds += more.ru_utime + more.ru_stime
        peak = max(peak, more.ru_maxrss)
    if ended_by == wire.BY_ITSELF and seconds > cpu:  # in processes of its own, or the kernel was quicker than we
        ended_by = wire.BY_CPU
    return status, seconds, elapsed, peak * 1024, ended_by


def _wait(control: _socket.socket, poll: select.poll, child: int, cpu: float, deadline: float) -> int:
    """Until the child ends, its time is up or the host wants it to stop; which of these it was.

    `poll` has the socket already.
    """
    clock = (~child << 3) | 2  # CPUCLOCK_SCHED of the process, as clock_getcpuclockid makes it
    pidfd = os.pidfd_open(child)
    poll.register(pidfd, select.POLLIN)
    pause = cpu
    try:
        while True:
            left = deadline - time.monotonic()
            ready = poll.poll(max(0.0, min(left, max(pause, CPU_CHECK))) * 1000 + 1)
            if pidfd in dict(ready):
                return wire.BY_ITSELF
            if ready:
                message = control.recv(wire.LARGEST)
                if message == b"":
                    os._exit(wire.ALONE)
                if message == wire.STOP:
                    return wire.BY_HOST
            if time.monotonic() >= deadline:
                return wire.BY_WALL
            pause = cpu - time.clock_gettime(clock)
            if pause <= 0:
                return wire.BY_CPU
            pause /= 2  # several threads use it up faster than the wall clock runs
    finally:
        poll.unregister(pidfd)
        os.close(pidfd)


def _leftovers(own_pids: bool) -> list[resource.struct_rusage]:
    """End everything that the test has started; what it used. Nothing of it survives, whatever session it is in."""
    if own_pids:
        try:
            os.kill(-1, signal.SIGKILL)  # all in this pid namespace but its init, this process
        except ProcessLookupError:
            return []  # not even a zombie
    found = []
    while True:
        try:
            found.append(os.wait4(-1, 0)[2])
        except ChildProcessError:
            return found


def _become(test: _Test, own_pids: bool, without: frozenset[str]) -> None:
    """Turn the forked process into the test's and run it; never returns."""
    try:
        cpu, _, memory, file_bytes, stack, processes = test.limits
        for target, descriptor in enumerate(test.own):
            os.dup2(descriptor, target)  # received ones lie above: the zygote keeps what is below occupied
        limits = {
            resource.RLIMIT_CPU: int(cpu) + 2, resource.RLIMIT_AS: memory, resource.RLIMIT_FSIZE: file_bytes,
            resource.RLIMIT_NPROC: wire.THREADS + processes, resource.RLIMIT_NOFILE: wire.DESCRIPTORS,
            resource.RLIMIT_STACK: stack,
        }  # fmt: skip
        for kind, value in limits.items() if "rlimits" not in without else ():
            resource.setrlimit(kind, (value, value))
        _signal.signal(signal.SIGINT, _on_interrupt)  # `signal.signal` makes members of enumerations
        if not own_pids:
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if "processes" in without:
            pass
        elif not own_pids:
            seccomp.Filter(seccomp.single_process_filter(os.getpid())).install()
        elif not processes:
            _ONE_PROCESS.install()
    except BaseException as error:
        os.write(2, f"sandbox: {error}\n".encode())
        os._exit(wire.NO_TEST)
    test.run()


_on_interrupt = signal.default_int_handler
# Made once: what a fork does not have to do counts in every test.
_ONE_PROCESS = seccomp.Filter(seccomp.single_process_filter(None))
_INPUT, _RESULT = 4, 3


def _input() -> bytes:
    """What the host has for the runner alone: arguments, a test script."""
    parts = []
    while part := os.read(_INPUT, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _emit(data: bytes) -> None:
    while data:
        data = data[os.write(_RESULT, data) :]


def marks(scratch: str | None) -> tuple[int, ...] | None:
    """What changes when somebody uses the scratch folder."""
    if scratch is None:
        return None
    try:
        found = os.stat(scratch)
    except OSError as error:
        return (error.errno or errno.EIO,)
    return found.st_mtime_ns, found.st_ctime_ns, found.st_mode, found.st_size  # clocks tick slowly, size counts files
