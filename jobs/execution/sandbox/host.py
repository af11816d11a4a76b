"""The host's side of a sandbox: starts it, gives it tests, collects what they print."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from common.errors import UserError
from jobs.execution.inside import wire
from jobs.execution.sandbox import cgroups, environment
from jobs.execution.sandbox.spec import Jail, Level, Limits

Mode = Literal["stdin", "call", "script", "reference"]
GRACE = 10.0  # seconds beyond a test's time before the sandbox itself is taken for dead
START = 60.0  # seconds for a sandbox to start, on a machine that has much else to do
_MOMENT = 20  # milliseconds that a test gets before its output is read while it runs
TAIL = 8192  # bytes of standard error that are kept
_ROOT = Path(__file__).parents[3]
_LAUNCH = "import sys; sys.path.insert(0, sys.argv[2]); from jobs.execution.inside.zygote import main; main()"


class SandboxError(UserError):
    """A sandbox cannot be made here, or has died."""


class Program:
    """A candidate and how it is run: its source, and later its code, in files of memory. Close it."""

    def __init__(self, code: str, mode: Mode, fn_name: str | None = None) -> None:
        self.mode, self.fn_name = mode, fn_name
        self.source, self.compiled = os.memfd_create("source"), os.memfd_create("code")
        _write_all(self.source, code.encode("utf-8", "surrogatepass"))

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.source)
        os.close(self.compiled)

    @property
    def is_compiled(self) -> bool:
        """Whether a test's process has compiled it."""
        return os.fstat(self.compiled).st_size > 0


@dataclass(frozen=True)
class Isolation:
    """What a sandbox really consists of; goes into every result."""

    level: Level
    landlock: int
    """Interface version, 0 = none."""
    cgroup: int
    """Version of the control group that bounds its memory, 0 = none."""
    own_user: bool
    """Candidates run as a user of their own."""
    python: str
    packages: dict[str, str]


@dataclass(frozen=True)
class Execution:
    """How one test's process went."""

    ended: Literal["exit", "signal", "cpu", "wall", "output", "refused", "lost"]
    """refused: the source does not compile, stderr says why. lost: the sandbox died under it, which no program should
    be able to cause."""
    status: int
    """Exit status or number of the signal."""
    stdout: bytes
    stderr: bytes
    """Its last 8 KB."""
    result: bytes
    """What the runner sent beside stdout: a function's value, the end of a script, records of `reference`."""
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int


class Sandbox:
    """A running sandbox, for one test at a time. Not for several threads."""

    def __init__(self, jail: Jail) -> None:
        self.jail = jail
        self._checked: Limits | None = None
        self._start()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, program: Program, limits: Limits, stdin: bytes = b"", runner_input: bytes = b"") -> Execution:
        """Run the candidate once, in a fresh process. Never raises for anything that a candidate does.

        Raises `UserError` for limits above those of this process, `SandboxError` where a dead sandbox has no successor.
        """
        if limits is not self._checked:
            environment.check(limits, self.jail.scratch_bytes)
            self._checked = limits
        for _ in range(2):  # the first time it may have died of something else, such as the machine's want of memory
            try:
                return self._run(program, limits, stdin, runner_input)
            except _Lost:
                self._restart()
        return Execution("lost", 0, b"", b"", b"", 0.0, 0.0, 0)

    def close(self) -> None:
        """End the sandbox and all in it."""
        self._control.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        if self.jail.level == "reduced":
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()
        if self._group:
            self._group.remove()

    def _start(self) -> None:
        jail = self.jail
        uid = environment.candidate_uid()
        config = {
            "level": jail.level, "candidate_uid": uid, "binds": environment.binds(),
            "site": environment.site(jail.packages), "scratch_bytes": jail.scratch_bytes,
            "without": sorted(jail.without), "preload": jail.preload, "code": str(_ROOT),
        }  # fmt: skip
        self._group = cgroups.make(jail.memory_bytes) if jail.memory_bytes else None
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(START)
        self._process = subprocess.Popen(
            [environment.interpreter(), "-s", "-S", "-P", "-c", _LAUNCH, str(theirs.fileno()), str(_ROOT)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[theirs.fileno()],
            env=_ENVIRONMENT, cwd="/", start_new_session=True,
        )  # fmt: skip
        theirs.close()
        self._outcome = select.poll()
        self._outcome.register(self._control, select.POLLIN)
        if self._group:
            self._group.add(self._process.pid)
        try:
            self._control.send(json.dumps(config).encode())
            answer = self._control.recv(wire.LARGEST)
        except TimeoutError:
            answer = wire.BROKEN + b"no answer"
        except OSError:  # it has ended; what it said is on stderr
            answer = b""
        if answer[:1] != wire.HELLO:
            assert self._process.stderr is not None
            self._process.kill()
            reason = answer[1:].decode() or self._process.stderr.read()[-TAIL:].decode("utf-8", "replace").strip()
            self.close()
            raise SandboxError(
                f"no sandbox of level {jail.level} can be made here ({reason or 'the zygote died'})",
                "python -m cluster.doctor says what is missing; --sandbox.isolation reduced needs less",
            )
        told = json.loads(answer[1:])
        without_landlock = "landlock" in jail.without
        self.isolation = Isolation(
            jail.level, 0 if without_landlock else told["landlock"], self._group.version if self._group else 0,
            jail.level == "full" and uid is not None, told["python"], told["versions"],
        )  # fmt: skip

    def _restart(self) -> None:
        self._process.kill()
        self.close()
        self._start()

    def _run(self, program: Program, limits: Limits, stdin: bytes, runner_input: bytes) -> Execution:
        with _Pipes(limits, plain=program.mode == "stdin") as pipes:
            message = wire.LIMITS.pack(
                limits.cpu_seconds, limits.wall, limits.memory_mb << 20, self.jail.scratch_bytes,
                limits.stack_mb << 20, limits.processes,
            )  # fmt: skip
            told = f"{program.mode}:{program.fn_name or ''}".encode("utf-8", "surrogatepass")
            self._send(wire.TEST + message + told, [program.source, program.compiled, *pipes.theirs])
            pipes.close_theirs()
            answer = pipes.exchange(self._control, self._outcome, stdin, runner_input, limits.wall + GRACE)
            if answer[:1] != wire.OUTCOME:
                raise _Lost
            status, cpu, wall, peak, ended_by, dirty = wire.VERDICT.unpack(answer[1:])
            if dirty and "fresh" not in self.jail.without:
                self._renew()
            code = os.waitstatus_to_exitcode(status)
            ended: Any = ("exit" if code >= 0 else "signal", "cpu", "wall", "output")[ended_by]
            if pipes.flooded:
                ended = "output"
            if ended == "exit" and code == wire.NO_CODE and not program.is_compiled:
                ended = "refused"
            return Execution(ended, abs(code), pipes.stdout, pipes.stderr, pipes.result, cpu, wall, peak)

    def _renew(self) -> None:
        """A new server with an empty scratch folder, for the next test."""
        self._send(wire.END)
        if self._receive(START)[:1] != wire.RENEWED:
            raise _Lost

    def _send(self, message: bytes, descriptors: list[int] | None = None) -> None:
        try:
            socket.send_fds(self._control, [message], descriptors or [])
        except OSError as error:
            raise _Lost from error

    def _receive(self, seconds: float) -> bytes:
        self._control.settimeout(seconds)
        try:
            answer = self._control.recv(wire.LARGEST)
        except OSError as error:
            raise _Lost from error
        if not answer:
            raise _Lost
        return answer


class _Lost(Exception):
    """The sandbox does not answer."""


class _Pipes:
    """The pipes of one test: the host's ends of them, and what came out."""

    def __init__(self, limits: Limits, *, plain: bool) -> None:
        self._limit = limits.output_mb << 20
        count = 3 if plain else 5
        pairs = [os.pipe() for _ in range(count)]
        writers = {0, 4}  # the host writes to stdin and to the runner's input, and reads the others
        self.theirs = [pair[0] if at in writers else pair[1] for at, pair in enumerate(pairs)]
        self.ours = [pair[1] if at in writers else pair[0] for at, pair in enumerate(pairs)]
        for descriptor in self.ours:
            os.set_blocking(descriptor, False)
        self._open = set(self.ours)
        self._kept: dict[int, list[bytes]] = {at: [] for at in (1, 2, 3)}
        self._sizes = dict.fromkeys((1, 2, 3), 0)
        self.flooded = False

    def __enter__(self) -> _Pipes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_theirs()
        for descriptor in list(self._open):
            self._shut(descriptor)

    @property
    def stdout(self) -> bytes:
        return b"".join(self._kept[1])[: self._limit]

    @property
    def stderr(self) -> bytes:
        return b"".join(self._kept[2])[-TAIL:]

    @property
    def result(self) -> bytes:
        return b"".join(self._kept[3])

    def close_theirs(self) -> None:
        while self.theirs:
            os.close(self.theirs.pop())

    def exchange(
        self, control: socket.socket, outcome: select.poll, stdin: bytes, runner_input: bytes, seconds: float
    ) -> bytes:
        """Feed and drain until the candidate's process reports; its message, empty where nobody is there.

        `outcome` waits for the message alone. Most tests print little and are over in a moment: for those that is all
        there is to wait for, and what is in the pipes is read afterwards.
        """
        waiting: dict[int, memoryview] = {}
        for at, data in ((0, stdin), (4, runner_input)):
            if at < len(self.ours):
                left = self._feed(self.ours[at], memoryview(data))
                if left is not None:
                    waiting[self.ours[at]] = left
        readers = {self.ours[at]: at for at in (1, 2, 3) if at < len(self.ours)}
        if not waiting and outcome.poll(_MOMENT):
            answer = _message(control)
        else:
            answer = self._attend(control, waiting, readers, time.monotonic() + seconds)
        if answer[:1] != wire.OUTCOME:
            return answer
        for descriptor, at in readers.items():  # all writers have ended, but one may have sent its end over a socket
            while descriptor in self._open and not self.flooded and self._drain(descriptor, at):
                pass
        return answer

    def _attend(
        self, control: socket.socket, waiting: dict[int, memoryview], readers: dict[int, int], deadline: float
    ) -> bytes:
        """Feed what waits, drain the readers until there is a message."""
        poll = select.poll()
        poll.register(control, select.POLLIN)
        for descriptor in waiting:
            poll.register(descriptor, select.POLLOUT)
        for descriptor in readers:
            poll.register(descriptor, select.POLLIN)
        while True:
            left_seconds = deadline - time.monotonic()
            if left_seconds <= 0:
                return b""
            for descriptor, _ in poll.poll(left_seconds * 1000):
                if descriptor == control.fileno():
                    return _message(control)
                if descriptor in readers:
                    if not self._drain(descriptor, readers[descriptor]):
                        poll.unregister(descriptor)
                        self._shut(descriptor)
                    elif self.flooded and not _told(control, wire.STOP):
                        return b""
                else:
                    rest = self._feed(descriptor, waiting[descriptor])
                    if rest is None:
                        poll.unregister(descriptor)
                    else:
                        waiting[descriptor] = rest

    def _feed(self, descriptor: int, data: memoryview) -> memoryview | None:
        """Write what fits; what is left, None when the pipe is closed because all is said or nobody reads."""
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            return data
        except BrokenPipeError:
            pass
        self._shut(descriptor)
        return None

    def _drain(self, descriptor: int, at: int) -> bool:
        """Read once; false where there is nothing more. Beyond the limit the bytes are counted and dropped."""
        try:
            data = os.read(descriptor, 1 << 18)
        except BlockingIOError:
            return False
        if not data:
            return False
        self._sizes[at] += len(data)
        if at == 2 and self._sizes[at] > TAIL:
            self._kept[at] = [(b"".join(self._kept[at]) + data)[-TAIL:]]
        elif self._sizes[at] <= self._limit:
            self._kept[at].append(data)
        if self._sizes[at] > self._limit:
            self.flooded = True
        return True

    def _shut(self, descriptor: int) -> None:
        self._open.discard(descriptor)
        os.close(descriptor)


def _told(control: socket.socket, message: bytes) -> bool:
    try:
        return control.send(message) > 0
    except OSError:
        return False


def _message(control: socket.socket) -> bytes:
    try:
        return control.recv(wire.LARGEST)
    except OSError:
        return b""


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONIOENCODING": "utf-8:strict", "PYTHONHASHSEED": "0",
    "LD_BIND_NOW": "1",  # symbols are looked up once, and not again in each fork
    "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
}  # fmt: skip
