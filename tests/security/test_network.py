"""The network, sockets of every kind, and memory that processes share by name."""

import ctypes
import socket
import tempfile
import threading
import uuid
from pathlib import Path

import pytest

from tests.security.attack import (
    IPC,
    LANDLOCK_SCOPE,
    LANDLOCK_TCP,
    NET,
    ROOT,
    SECCOMP,
    Attack,
    cases,
    has_won,
    strike,
)  # fmt: skip

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
SECRET = b"secret of the host"


class Bait:
    """What the host has open: TCP and UDP ports on loopback, unix sockets by name and by path, shared memory."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.abstract, self.path = uuid.uuid4().hex, str(self.folder / "socket")
        kinds = [
            (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            (socket.AF_UNIX, socket.SOCK_STREAM, "\0" + self.abstract),
            (socket.AF_UNIX, socket.SOCK_STREAM, self.path),
        ]
        self.sockets = []
        for family, kind, address in kinds:
            opened = socket.socket(family, kind)
            opened.bind(address)
            opened.settimeout(0.2)
            if kind == socket.SOCK_STREAM:
                opened.listen()
            self.sockets.append(opened)
        self.tcp, self.udp = (opened.getsockname()[1] for opened in self.sockets[:2])
        Path(self.path).chmod(0o777)
        self.segment = libc.shmget(0, 4096, 0o1666)
        at = ctypes.c_void_p(libc.shmat(self.segment, None, 0))
        ctypes.memmove(at, SECRET, len(SECRET))
        libc.shmdt(at)

    def close(self):
        for opened in self.sockets:
            opened.close()
        libc.shmctl(self.segment, 0, None)
        Path(self.path).unlink()
        self.folder.rmdir()


TALK = "import socket\ns = socket.socket({})\ns.settimeout(3)\ns.{}\nwon()"
ATTACKS = [
    Attack("tcp", TALK.format("", "connect(('127.0.0.1', $tcp))"), (SECCOMP, NET, LANDLOCK_TCP),
    (SECCOMP, LANDLOCK_TCP)),
    Attack("udp", TALK.format("type=socket.SOCK_DGRAM", "sendto(b'x', ('127.0.0.1', "
                                                        "$udp))"), (SECCOMP, NET), (SECCOMP,)),
    Attack("listen", TALK.format("", "bind(('127.0.0.1', 0)); "
                                     "s.listen()"), (SECCOMP, LANDLOCK_TCP), (SECCOMP, LANDLOCK_TCP)),
    Attack("abstract", TALK.format("socket.AF_UNIX", "connect('\\x00$abstract')"), (SECCOMP, NET, LANDLOCK_SCOPE),
    (SECCOMP, LANDLOCK_SCOPE)),
    Attack("by-path", TALK.format("socket.AF_UNIX", "connect('$path')"), (SECCOMP, ROOT), (SECCOMP,),
           jail={"preload": ("socket",)}),  # a root of the host's may keep the library from the candidate's user
    Attack("netlink", "import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\n"
                      "won()", (SECCOMP,), (SECCOMP,)),
    Attack("shared-memory", f"""
libc.shmat.restype = ctypes.c_void_p
at = libc.shmat($segment, None, 0o10000)
if at not in (None, ctypes.c_void_p(-1).value) and ctypes.string_at(at, {len(SECRET)}) == {SECRET!r}: won()
""", (SECCOMP, IPC), (SECCOMP,)),
    Attack("memory-file", "os.memfd_create('x')\nwon()", (SECCOMP,), (SECCOMP,)),
]  # fmt: skip


@pytest.fixture(scope="module")
def bait():
    """Open as long as this module's tests run."""
    made = Bait()
    yield made
    made.close()


@pytest.mark.parametrize(("level", "attack", "kept"), cases(ATTACKS))
def test_network(siege, bait, level, attack, kept):
    siege(level, attack.at(vars(bait)), kept)


def test_what_is_sent_arrives_only_without_protection(walls, bait, level):
    """Seen from the host: a datagram that the sandbox took but nobody got would not count."""
    attack = next(attack for attack in ATTACKS if attack.name == "udp").at(vars(bait))
    receiver = bait.sockets[1]
    while True:  # what other tests have sent
        try:
            receiver.recv(10)
        except TimeoutError:
            break
    strike(walls(level), attack.code)
    with pytest.raises(TimeoutError):
        receiver.recv(10)
    strike(walls(level, "seccomp", "net"), attack.code)
    assert receiver.recv(10) == b"x"


@pytest.mark.parametrize(("call", "remove"), [("shmget", "shmctl"), ("semget", "semctl"), ("msgget", "msgctl")])
def test_system_v_objects_outlive_no_test(walls, level, call, remove):
    """They belong to a namespace, not to a process: only the filter keeps one from making them."""
    key = int(uuid.uuid4().hex[:7], 16)
    middle = {"shmget": "4096, ", "semget": "1, ", "msgget": ""}[call]
    make, find = (f"if libc.{call}({key}, {middle}{flags}) >= 0: won()" for flags in (0o1666, 0))
    sandbox = walls(level)
    assert not has_won(strike(sandbox, make))
    assert not has_won(strike(sandbox, find))
    sandbox = walls(level, "seccomp")
    try:
        strike(sandbox, make)
        assert has_won(strike(sandbox, find))
    finally:
        if (left := getattr(libc, call)(key, *[int(part) for part in middle.split(", ") if part], 0)) >= 0:
            getattr(libc, remove)(left, 0, 0, 0)


def test_two_sandboxes_do_not_meet(walls, level):
    """Abstract names and System V keys of one are unknown in another that runs at the same time."""
    name, key = uuid.uuid4().hex, int(uuid.uuid4().hex[:7], 16)
    wait = f"import socket\ns = socket.socket(socket.AF_UNIX)\ns.bind('\\x00{name}')\ns.listen()\n" \
           f"libc.shmget({key}, 4096, 0o1666)\nprint('open', flush=True)\ntime.sleep(3)"  # fmt: skip
    look = f"import socket\ns = socket.socket(socket.AF_UNIX)\n" \
           f"if tried(lambda: s.connect('\\x00{name}') or True) or libc.shmget({key}, 0, 0) >= 0: won()"  # fmt: skip
    if level == "reduced":
        pytest.skip("the filter alone keeps them apart, and is tested above")
    other = walls(level, "seccomp", scratch_bytes=2 << 20)
    runs = []
    thread = threading.Thread(target=lambda: runs.append(strike(other, wait)))
    thread.start()
    try:
        threading.Event().wait(1)
        assert not has_won(strike(walls(level, "seccomp"), look))
    finally:
        thread.join()
    assert runs[0].stdout == b"open\n"


def test_socket_pairs_are_for_oneself(walls, level):
    code = "import socket\na, b = socket.socketpair()\na.sendall(b'x')\nprint(b.recv(1))\nb.getpeername()"
    assert strike(walls(level), code).stdout == b"b'x'\n"


def test_descriptors_in_flight_do_not_keep_a_test_open(walls, level):
    """stdout sent over sockets that are in flight over each other: nobody has it but the kernel's collector."""
    code = """
import array, socket
a, b = socket.socketpair()
def send(over, *descriptors):
    over.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', descriptors))])
send(a, 1, 2, a.fileno(), b.fileno())
send(b, 1, 2, a.fileno(), b.fileno())
print('sent')
"""
    run = strike(walls(level), code)
    assert (run.ended, run.stdout) == ("exit", b"sent\n"), run
    assert strike(walls(level), "print('next')").stdout == b"next\n"
