"""Files: the host's, other tests', the sandbox's own; through paths, links, /proc, devices, descriptors."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest

from jobs.execution.sandbox import environment, host
from jobs.execution.sandbox.spec import Limits
from tests.security.attack import LANDLOCK, OWN_USER, PROCESSES, ROOT, Attack, cases, has_won, strike

HOME = Path(pwd.getpwuid(os.geteuid()).pw_dir)
LIBRARY = next(  # the C library's own file: others that begin alike (torch's libc10) may lie where only root can go
    path
    for line in Path("/proc/self/maps").read_text().splitlines()
    if Path(path := line.split()[-1]).name.startswith(("libc.so", "libc-"))
)
BAIT = f"/var/tmp/bait-{uuid.uuid4().hex}"  # not below /tmp: there a sandbox without a root has its scratch folder
SHARED = f"/dev/shm/bait-{uuid.uuid4().hex}"
PROC = ["/proc/self/environ", "/proc/1/environ", "/proc/self/root/etc/passwd", "/proc/1/root/etc/passwd",
        "/proc/self/cwd/../../etc/passwd", "/proc/thread-self/root/etc/passwd", "/proc/self/maps",
        f"/proc/{os.getpid()}/environ", f"/proc/{os.getpid()}/maps", f"/proc/{os.getpid()}/mem"]  # fmt: skip

ATTACKS = [
    Attack("read", "open('/etc/passwd').read()\nwon()", (ROOT, LANDLOCK), (LANDLOCK,)),
    Attack("read-upwards", "os.chdir('/')\nopen('../../../../etc/passwd').read()\n"
                           "won()", (ROOT, LANDLOCK), (LANDLOCK,)),
    Attack("read-private", f"open({BAIT!r}).read()\nwon()", (ROOT, LANDLOCK, OWN_USER), (LANDLOCK,)),
    Attack("programs", "os.execv('/bin/echo', ['echo', 'WON'])", (ROOT, LANDLOCK), (LANDLOCK,)),
    Attack("home", f"if len(os.listdir({str(HOME)!r})) == {len(list(HOME.iterdir()))}: won()",
           (ROOT, LANDLOCK) if HOME.stat().st_mode & 4 else (ROOT, LANDLOCK, OWN_USER), (LANDLOCK,)),
    # Of a checkout below /tmp the scratch folder hides the files whatever is switched off: nothing to be shown there.
    *([] if Path(host.__file__).is_relative_to("/tmp") else [
        Attack("code-of-ours", f"open({host.__file__!r}).read()\nwon()", (ROOT, LANDLOCK), (LANDLOCK,))]),
    Attack("shared-memory-file", f"open({SHARED!r}).read()\nwon()", (ROOT, LANDLOCK), (LANDLOCK,)),
    Attack("proc", f"for path in {PROC!r}:\n    if tried(lambda: open(path, 'rb').read(1)): won(path)",
           (ROOT, LANDLOCK), (LANDLOCK,)),
    Attack("symlink", "os.symlink('/etc/passwd', 'x') if os.access('.', os.W_OK) else None\n"
           "open('x' if os.path.islink('x') else '/etc/passwd').read()\nwon()", (ROOT, LANDLOCK), (LANDLOCK,)),
    Attack("write", f"open({BAIT + '-open'!r}, 'a').write('x')\nwon()", (ROOT, LANDLOCK), (LANDLOCK,)),
    Attack("make-file", f"open({BAIT + '-made'!r}, 'w')\nwon()", (ROOT, LANDLOCK), (LANDLOCK,)),
    Attack("remove", f"os.unlink({BAIT + '-open'!r})\nwon()", (ROOT, LANDLOCK, OWN_USER), (LANDLOCK,)),
    Attack("rename", f"os.rename({BAIT + '-open'!r}, {BAIT + '-moved'!r})\nwon()",
           (ROOT, LANDLOCK, OWN_USER), (LANDLOCK,)),
    Attack("attributes", f"os.chmod({BAIT!r}, 0o644)\nwon()", (ROOT, OWN_USER), (PROCESSES,)),
    Attack("times", f"os.utime({BAIT!r}, (1, 1))\nwon()", (ROOT, OWN_USER), (PROCESSES,)),
    Attack("truncate", f"os.truncate({BAIT!r}, 0)\nwon()", (ROOT, LANDLOCK, OWN_USER),
           (PROCESSES, LANDLOCK)),
    Attack("library-attributes", f"f = os.open({LIBRARY!r}, os.O_RDONLY)\n"
           "os.fchmod(f, os.fstat(f).st_mode)\nwon()", (ROOT, OWN_USER), (PROCESSES,)),
]  # fmt: skip


@pytest.fixture(autouse=True)
def baits():
    """A private file and an open one of the host's user, anew for each attack."""
    Path(BAIT).write_text("secret")
    Path(BAIT).chmod(0o600)
    Path(f"{BAIT}-open").write_text("anybody may write")
    Path(f"{BAIT}-open").chmod(0o666)
    if Path(SHARED).parent.is_dir():
        Path(SHARED).write_text("secret")
    yield
    for file in [*Path(BAIT).parent.glob(f"{Path(BAIT).name}*"), Path(SHARED)]:
        file.unlink(missing_ok=True)


@pytest.mark.parametrize(("level", "attack", "kept"), cases(ATTACKS))
def test_files_of_the_host(siege, level, attack, kept):
    siege(level, attack, kept)


def test_the_environment_of_the_host(level, monkeypatch):
    look = (
        "if 'hunter2' in repr(os.environ): won()\n"
        "if b'hunter2' in (tried(open, '/proc/self/environ', 'rb') or b''): won()"
    )
    monkeypatch.setenv("API_TOKEN", "hunter2")
    with host.Sandbox(host.Jail(level)) as sandbox:
        assert not has_won(strike(sandbox, look))
    monkeypatch.setattr(host, "_ENVIRONMENT", dict(os.environ))
    with host.Sandbox(host.Jail(level)) as sandbox:
        assert has_won(strike(sandbox, look))


def test_no_descriptor_but_its_own(walls, level):
    count = (
        "import resource\nfound = []\nfor d in range(4096):\n    if tried(os.fstat, d): found.append(d)\nprint(found)"
    )
    assert strike(walls(level), count).stdout == b"[0, 1, 2]\n"
    run = strike(walls(level), f"def f():\n    {count.replace(chr(10), chr(10) + '    ')}\n"
                               "    return found", mode="call",
                 fn_name="f", runner_input=b"[]")  # fmt: skip
    assert run.result == b"[0, 1, 2, 3, 4]"


def test_devices_and_what_can_be_done_with_them(walls, level):
    good = (
        "open('/dev/null', 'w').write('x')\n"
        "print(open('/dev/urandom', 'rb').read(1) != b'', open('/dev/zero', 'rb').read(1))"
    )
    assert strike(walls(level), good).stdout == b"True b'\\x00'\n"
    bad = """
for folder, _, files in os.walk('/dev'):
    for name in files:
        if folder + '/' + name not in ('/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom'):
            if tried(os.open, folder + '/' + name, os.O_RDONLY | os.O_NONBLOCK) is not None: won(folder, name)
for path in ('/dev/vda', '/dev/sda', '/dev/mem', '/dev/kmsg', '/dev/tty', '/dev/kvm', '/dev/fuse', '/dev/shm'):
    if tried(os.open, path, os.O_RDONLY | os.O_NONBLOCK) is not None: won(path)
"""
    assert not has_won(strike(walls(level), bad))
    open_too = Path("/dev/kmsg").exists() and os.access("/dev/kmsg", os.R_OK)
    if open_too:
        without = ("root", "landlock", "uid") if level == "full" else ("landlock",)
        assert has_won(strike(walls(level, *without), bad))


FILL = """
written = 0
try:
    with open({path!r}, 'wb') as file:
        while written < 12 << 20:
            written += file.write(bytes(1 << 20))
            file.flush()
except OSError as error:
    print(error)
if written >= 12 << 20: won()
"""


def test_a_full_disk(walls, at_full):
    for extra in ("", "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"):
        assert not has_won(strike(walls(at_full, scratch_bytes=4 << 20), extra + FILL.format(path="/tmp/x")))
    many = "\n".join(
        f"try:\n open('/tmp/{n}', 'wb').write(bytes(1 << 20))\nexcept OSError: print('full')" for n in range(9)
    )
    assert b"full" in strike(walls(at_full, scratch_bytes=4 << 20), many).stdout
    assert has_won(strike(walls(at_full, scratch_bytes=32 << 20), FILL.format(path="/tmp/x")))
    empty = "for n in range(6000): open(str(n), 'w').close()\nwon()"
    assert b"No space left" in strike(walls(at_full, scratch_bytes=32 << 20), empty).stderr
    assert strike(walls(at_full, scratch_bytes=32 << 20), "print(os.listdir('.'))").stdout == b"[]\n"


def test_reduced_has_no_disk_to_fill(walls, offered):
    if offered["reduced"]:
        pytest.skip(offered["reduced"])
    for path in (f"{BAIT}-disk", f"/dev/shm/{Path(BAIT).name}", f"{tempfile.gettempdir()}/{Path(BAIT).name}", "x"):
        run = strike(walls("reduced"), FILL.format(path=path))
        assert not has_won(run)
        assert not Path(path).exists()
    assert has_won(strike(walls("reduced", "landlock"), FILL.format(path=f"{BAIT}-disk")))


@pytest.fixture
def setuid_program(monkeypatch):
    """A set-uid root program that says who it is, in a folder that sandboxes show."""
    if os.geteuid():
        pytest.skip("only root can make a set-uid program")
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    program = folder / "id"
    shutil.copy(shutil.which("id"), program)
    program.chmod(0o4755)
    shown = environment.binds
    monkeypatch.setattr(environment, "binds", lambda: [*shown(), str(folder)])
    yield program
    shutil.rmtree(folder)


def test_set_uid_programs(at_full, setuid_program):
    """The bait works outside, for the very user whom candidates have."""
    free = subprocess.run([setuid_program, "-u"], user=environment.candidate_uid(), capture_output=True, check=True)
    assert free.stdout == b"0\n"
    with host.Sandbox(host.Jail(at_full)) as sandbox:
        run = strike(sandbox, f"os.execv({str(setuid_program)!r}, ['id', '-u'])")
        assert run.stdout == b"1000\n", run


def test_set_uid_programs_when_the_level_is_reduced(offered, setuid_program):
    """There the user is the host's own already; what counts is that no capability comes with the program."""
    if offered["reduced"]:
        pytest.skip(offered["reduced"])
    program = setuid_program.with_name("cat")
    shutil.copy(shutil.which("cat"), program)
    program.chmod(0o4755)
    with host.Sandbox(host.Jail("reduced", without=frozenset({"landlock"}))) as sandbox:
        run = strike(sandbox, f"os.execv({str(program)!r}, ['cat', '/proc/self/status'])", Limits(processes=0))
    status = dict(line.split(":\t") for line in run.stdout.decode().splitlines() if ":\t" in line)
    assert (int(status["CapEff"], 16), status["NoNewPrivs"]) == (0, "1")


SCAN = """
def scan(prefix, suffix, reach=48 << 20):
    "Look through this process' memory; write(2) says EFAULT where there is none, so nothing dies of it."
    reader, writer = os.pipe()
    buffer = ctypes.create_string_buffer(64)
    starts = {id(scan), id([]), ctypes.addressof(buffer), ctypes.cast(libc.malloc, ctypes.c_void_p).value}
    seen = set()
    for start in starts:
        for page in range((start - reach) >> 12, (start + reach) >> 12):
            if page in seen: continue
            seen.add(page)
            if libc.write(writer, ctypes.c_void_p(page << 12), ctypes.c_size_t(4096)) == 4096:
                data = os.read(reader, 4096)
                at = data.find(prefix)
                while at >= 0:
                    if data[at + len(prefix):at + len(prefix) + len(suffix)] == suffix: return True
                    at = data.find(prefix, at + 1)
    return False
"""


def test_other_tests_are_nowhere_in_memory(walls, level):
    """Neither the source nor the input of an earlier test, nor the input of this one before it is read."""
    prefix, suffix = uuid.uuid4().hex[:12], uuid.uuid4().hex[:12]
    secret = prefix + suffix
    look = SCAN + f"if scan(b{prefix!r}, b{suffix!r}): won()\nelse: print('nothing')"
    long = Limits(cpu_seconds=30)
    sandbox = walls(level)
    assert strike(sandbox, f"x = {secret!r}\nprint(len(input()), x)", stdin=secret.encode()).stdout.startswith(b"24 ")
    assert strike(sandbox, look, long, stdin=secret.encode()).stdout == b"nothing\n"
    assert has_won(strike(sandbox, f"x = {secret!r}\n{look}", long)), "what is there is found"
